//! Tasks over gRPC: it reads arguments for `operations/tasks.rs` and writes the answers.

use proto_wire::registry::v1 as wire;
use tonic::Request;

use crate::member::Member;
use crate::operations::tasks;

use super::{Handled, at, call, consistency, done};

pub(super) async fn submit(
    member: &Member,
    request: Request<wire::SubmitTaskRequest>,
) -> Handled<wire::Task> {
    let (reading, task) = tasks::submit(member, &call(&request)?, request.get_ref()).await?;
    Ok(at(&reading, task))
}

pub(super) async fn continued(
    member: &Member,
    request: Request<wire::ContinueTaskRequest>,
) -> Handled<wire::Task> {
    let (reading, task) = tasks::continue_task(member, &call(&request)?, request.get_ref()).await?;
    Ok(at(&reading, task))
}

pub(super) async fn cancel(
    member: &Member,
    request: Request<wire::CancelTaskRequest>,
) -> Handled<wire::Task> {
    let (reading, task) = tasks::cancel(member, &call(&request)?, request.get_ref()).await?;
    Ok(at(&reading, task))
}

pub(super) async fn complete(
    member: &Member,
    request: Request<wire::CompleteTaskRequest>,
) -> Handled<wire::Task> {
    let (reading, task) = tasks::complete(member, &call(&request)?, request.get_ref()).await?;
    Ok(at(&reading, task))
}

pub(super) async fn one(
    member: &Member,
    request: Request<wire::GetTaskRequest>,
) -> Handled<wire::Task> {
    let call = call(&request)?;
    let consistency = consistency(request.get_ref().consistency)?;
    let (reading, task) = tasks::one(member, &call, request.get_ref(), consistency).await?;
    Ok(at(&reading, task))
}

pub(super) async fn list(
    member: &Member,
    request: Request<wire::ListTasksRequest>,
) -> Handled<wire::TaskList> {
    let call = call(&request)?;
    let consistency = consistency(request.get_ref().consistency)?;
    let (reading, list) = tasks::list(member, &call, request.get_ref(), consistency).await?;
    Ok(at(&reading, list))
}

pub(super) async fn follow(
    member: &Member,
    request: Request<wire::FollowTaskRequest>,
) -> Handled<wire::Done> {
    Ok(done(tasks::follow(member, &call(&request)?, request.get_ref()).await?))
}
