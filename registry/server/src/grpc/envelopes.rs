//! WAN envelopes over gRPC: it reads arguments for `operations/envelopes.rs` and writes the answers.

use proto_wire::registry::v1 as wire;
use tonic::{Request, Response};

use crate::member::Member;
use crate::operations::envelopes;

use super::{Handled, call, done};

pub(super) async fn enqueue(
    member: &Member,
    request: Request<wire::EnqueueEnvelopeRequest>,
) -> Handled<wire::EnqueueEnvelopeReply> {
    let call = call(&request)?;
    Ok(Response::new(envelopes::enqueue(member, &call, request.get_ref()).await?))
}

pub(super) async fn lease(
    member: &Member,
    request: Request<wire::LeaseEnvelopesRequest>,
) -> Handled<wire::LeaseEnvelopesReply> {
    let call = call(&request)?;
    Ok(Response::new(envelopes::lease(member, &call, request.get_ref()).await?))
}

pub(super) async fn ack(
    member: &Member,
    request: Request<wire::AckEnvelopeRequest>,
) -> Handled<wire::Done> {
    let call = call(&request)?;
    Ok(done(envelopes::ack(member, &call, request.get_ref()).await?))
}
