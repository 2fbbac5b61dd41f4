//! Tokens over gRPC: it reads arguments for `operations/tokens.rs` and writes the answers.

use proto_wire::registry::v1 as wire;
use tonic::{Request, Response};

use crate::member::Member;
use crate::operations::tokens;

use super::{Handled, call};

pub(super) async fn spend(
    member: &Member,
    request: Request<wire::SpendTokensRequest>,
) -> Handled<wire::SpendTokensReply> {
    let call = call(&request)?;
    Ok(Response::new(tokens::spend(member, &call, request.get_ref()).await?))
}

pub(super) async fn charge(
    member: &Member,
    request: Request<wire::SpendTokensRequest>,
) -> Handled<wire::SpendTokensReply> {
    let call = call(&request)?;
    Ok(Response::new(tokens::charge(member, &call, request.get_ref()).await?))
}
