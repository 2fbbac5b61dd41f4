//! A2A cards.
//!
//! It decides nothing: `registry-api` reads the requests and the core decides.

use proto_types::Handle;
use proto_wire::registry::v1 as wire;
use registry_api::{decode, field, render};
use tonic::Request;

use crate::federation::show;
use crate::lookup;
use crate::member::Member;

use super::peers::done;
use super::{Handled, at, caller};

pub(super) async fn put(
    member: &Member,
    request: Request<wire::PutCardRequest>,
) -> Handled<wire::Card> {
    let caller = caller(member, request.metadata()).await?;
    let request = request.into_inner();
    let seen = member.strong().await?;
    let proposal =
        decode::card::put(&caller, &request.handle, &request.document, &request.owner, &seen.view)?;
    let reading = done(member, member.decide(proposal).await?).await?;
    let (entry, document) = lookup::card(&reading.view, &field::read("handle", &request.handle)?)?;
    Ok(at(&reading, render::directory::card(&entry, document)))
}

pub(super) async fn one(
    member: &Member,
    request: Request<wire::GetCardRequest>,
) -> Handled<wire::Card> {
    let request = request.into_inner();
    let handle: Handle = field::read("handle", &request.handle)?;
    let reading = member.read(request.consistency).await?;
    let (entry, document) = lookup::card(&reading.view, &handle)?;
    let shown = show::card(&reading.view, render::directory::card(&entry, document))?;
    Ok(at(&reading, shown))
}
