//! Where the changes of tasks are pushed to, over gRPC: it reads arguments for `operations/pushes.rs` and writes the answers.

use proto_wire::registry::v1 as wire;
use tonic::Request;

use crate::member::Member;
use crate::operations::pushes;

use super::{Handled, at, call, consistency, done};

pub(super) async fn put(
    member: &Member,
    request: Request<wire::PutPushConfigRequest>,
) -> Handled<wire::Done> {
    let call = call(&request)?;
    Ok(done(pushes::put(member, &call, request.get_ref()).await?))
}

pub(super) async fn list(
    member: &Member,
    request: Request<wire::ListPushConfigsRequest>,
) -> Handled<wire::PushConfigList> {
    let call = call(&request)?;
    let consistency = consistency(request.get_ref().consistency)?;
    let (reading, list) = pushes::list(member, &call, request.get_ref(), consistency).await?;
    Ok(at(&reading, list))
}

pub(super) async fn delete(
    member: &Member,
    request: Request<wire::DeletePushConfigRequest>,
) -> Handled<wire::Done> {
    let call = call(&request)?;
    Ok(done(pushes::delete(member, &call, request.get_ref()).await?))
}
