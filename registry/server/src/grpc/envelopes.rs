//! WAN envelopes over gRPC: it reads arguments for `operations/envelopes.rs` and writes the answers.

use proto_wire::registry::v1 as wire;
use tonic::{Request, Response};

use crate::member::Member;
use crate::operations::envelopes;

use super::{Handled, at, call, consistency, done};

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

pub(super) async fn fail(
    member: &Member,
    request: Request<wire::FailEnvelopeRequest>,
) -> Handled<wire::Done> {
    let call = call(&request)?;
    Ok(done(envelopes::fail(member, &call, request.get_ref()).await?))
}

pub(super) async fn dead_letters(
    member: &Member,
    request: Request<wire::ListDeadLettersRequest>,
) -> Handled<wire::DeadLetterList> {
    let call = call(&request)?;
    let request = request.get_ref();
    let consistency = consistency(request.consistency)?;
    let (reading, list) = envelopes::dead_letters(member, &call, request, consistency).await?;
    Ok(at(&reading, list))
}

pub(super) async fn dead_letter(
    member: &Member,
    request: Request<wire::DeadLetterName>,
) -> Handled<wire::DeadLetter> {
    let call = call(&request)?;
    let (reading, letter) = envelopes::dead_letter(member, &call, request.get_ref()).await?;
    Ok(at(&reading, letter))
}

pub(super) async fn replay(
    member: &Member,
    request: Request<wire::DeadLetterName>,
) -> Handled<wire::Done> {
    let call = call(&request)?;
    Ok(done(envelopes::replay(member, &call, request.get_ref()).await?))
}

pub(super) async fn discard(
    member: &Member,
    request: Request<wire::DeadLetterName>,
) -> Handled<wire::Done> {
    let call = call(&request)?;
    Ok(done(envelopes::discard(member, &call, request.get_ref()).await?))
}
