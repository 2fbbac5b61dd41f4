//! A2A cards.
//!
//! It decides nothing: `registry-api` reads the requests and the core decides.

use proto_types::Handle;
use proto_wire::registry::v1 as wire;
use registry_api::decode::card::Terms;
use registry_api::{List, decode, field, render};
use registry_core::entry::ImportKind;
use registry_core::query;
use registry_core::viewer::Viewer;
use registry_raft::StoreView;
use tonic::Request;

use crate::federation::show;
use crate::lookup;
use crate::member::Member;

use super::peers::done;
use super::{Handled, at, caller, credential, look, page};

pub(super) async fn put(
    member: &Member,
    request: Request<wire::PutCardRequest>,
) -> Handled<wire::Card> {
    let caller = caller(&request)?;
    let credential = credential(request.metadata())?;
    let request = request.into_inner();
    let terms = Terms { owner: &request.owner, visibility: &request.visibility };
    let check = |view: &StoreView| {
        let put = decode::card::put(&caller, &request.handle, &request.document, &terms, view)?;
        let question = member.check_admission(&put, credential.as_deref(), view)?;
        Ok((put, question))
    };
    let ((put, question), term) = member.precheck(check).await?;
    member.ask_policy_engine(question).await?;
    let write = (put.proposal, term);
    let reply = member.write_as(&caller, (ImportKind::Card, &put.handle), write).await?;
    let reading = done(member, reply).await?;
    // Who has written it has seen it.
    let seen = lookup::card(&reading.view, &Viewer::Operator, &put.handle)?;
    Ok(at(&reading, render::directory::card(&seen.entry, seen.disclosure, seen.document)))
}

pub(super) async fn list(
    member: &Member,
    request: Request<wire::ListRequest>,
) -> Handled<wire::CardList> {
    let query = request.get_ref();
    let after: Option<Handle> = member.cursors(List::Cards).after("after", &query.after)?;
    let limit = page(&request, query.limit)?;
    let (reading, viewer) = look(member, &caller(&request)?, query.consistency).await?;
    let listed = query::cards_listed(&reading.view, &viewer, after.as_ref(), limit)?;
    let next = member.cursors(List::Cards).next(&listed, limit, Handle::as_str);
    let handles = listed.iter().map(ToString::to_string).collect();
    Ok(at(&reading, wire::CardList { handles, next }))
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
