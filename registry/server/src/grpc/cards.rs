//! A2A cards over gRPC: it reads arguments for `operations/cards.rs` and writes the answers.

use proto_types::Handle;
use proto_wire::registry::v1 as wire;
use registry_api::decode::Conditions;
use registry_api::decode::card::Terms;
use registry_api::{List, field, render};
use tonic::Request;

use crate::federation::show;
use crate::lookup;
use crate::member::Member;
use crate::operations::Page;
use crate::operations::cards::{self, Put};

use super::{Handled, at, call, call_with_credential, caller, consistency, look, page};

pub(super) async fn put(
    member: &Member,
    request: Request<wire::PutCardRequest>,
) -> Handled<wire::Card> {
    let call = call_with_credential(&request)?;
    let request = request.into_inner();
    let put = Put {
        handle: &request.handle,
        document: &request.document,
        terms: Terms { owner: &request.owner, visibility: &request.visibility },
        conditions: Conditions::default(),
    };
    let published = cards::put(member, &call, put).await?;
    let (reading, seen) = cards::written(member, published).await?;
    Ok(at(&reading, render::directory::card(&seen.entry, seen.disclosure, seen.document)))
}

pub(super) async fn list(
    member: &Member,
    request: Request<wire::ListRequest>,
) -> Handled<wire::CardList> {
    let query = request.get_ref();
    let after = member.cursors(List::Cards).after("after", &query.after)?;
    let limit = page(&request, query.limit)?;
    let (call, consistency) = (call(&request)?, consistency(query.consistency)?);
    let listed = cards::list(member, &call, Page { after, limit, consistency }).await?;
    let handles = listed.entries.iter().map(ToString::to_string).collect();
    Ok(at(&listed.reading, wire::CardList { handles, next: listed.next }))
}

pub(super) async fn one(
    member: &Member,
    request: Request<wire::GetCardRequest>,
) -> Handled<wire::Card> {
    let handle: Handle = field::read("handle", &request.get_ref().handle)?;
    let (reading, viewer) = look(member, &caller(&request)?, request.get_ref().consistency).await?;
    let seen = lookup::card(&reading.view, &viewer, &handle)?;
    let shown = render::directory::card(&seen.entry, seen.disclosure, seen.document);
    Ok(at(&reading, show::card(&reading.view, shown)?))
}
