//! Records.
//!
//! It decides nothing: `registry-api` reads the requests and the core decides.

use proto_types::{Digest, Handle};
use proto_wire::registry::v1 as wire;
use registry_api::decode::Conditions;
use registry_api::decode::record::Terms;
use registry_api::{List, decode, field, render};
use registry_core::entry::ImportKind;
use registry_core::query;
use registry_core::viewer::Viewer;
use registry_raft::StoreView;
use tonic::Request;

use crate::federation::show;
use crate::lookup;
use crate::member::Member;

use super::peers::{committed, done};
use super::{Handled, at, caller, credential, look, page};

pub(super) async fn put(
    member: &Member,
    request: Request<wire::PutRecordRequest>,
) -> Handled<wire::Record> {
    let caller = caller(&request)?;
    let credential = credential(request.metadata())?;
    let request = request.into_inner();
    let if_match: Option<Digest> = field::optional("if_match", &request.if_match)?;
    let terms = Terms { visibility: decode::visibility(&request.visibility)? };
    let check = |view: &StoreView| {
        let put = decode::record::put(&caller, &request.document, terms, view)?;
        let question = member.check_admission(&put, credential.as_deref(), view)?;
        Ok((put, question))
    };
    let ((put, question), term) = member.precheck(check).await?;
    member.ask_policy_engine(question).await?;
    let write = (Conditions::version(if_match).on(put.proposal), term);
    let reply = member.write_as(&caller, (ImportKind::Record, &put.handle), write).await?;
    let reading = done(member, reply).await?;
    // Who has written it has seen it.
    let seen = lookup::record(&reading.view, &Viewer::Operator, &put.handle, reading.time)?;
    let shown = render::directory::record(&seen.entry, seen.disclosure, seen.document);
    Ok(at(&reading, show::record(&reading.view, shown)?))
}

pub(super) async fn one(
    member: &Member,
    request: Request<wire::GetRecordRequest>,
) -> Handled<wire::Record> {
    let handle: Handle = field::read("handle", &request.get_ref().handle)?;
    let (reading, viewer) = look(member, &caller(&request)?, request.get_ref().consistency).await?;
    let seen = lookup::record(&reading.view, &viewer, &handle, reading.time)?;
    let shown = render::directory::record(&seen.entry, seen.disclosure, seen.document);
    Ok(at(&reading, show::record(&reading.view, shown)?))
}

pub(super) async fn list(
    member: &Member,
    request: Request<wire::ListRequest>,
) -> Handled<wire::RecordList> {
    let query = request.get_ref();
    let after: Option<Handle> = member.cursors(List::Records).after("after", &query.after)?;
    let limit = page(&request, query.limit)?;
    let (reading, viewer) = look(member, &caller(&request)?, query.consistency).await?;
    let listed = query::records_listed(&reading.view, &viewer, after.as_ref(), limit)?;
    let next = member.cursors(List::Records).next(&listed, limit, Handle::as_str);
    let handles = listed.iter().map(ToString::to_string).collect();
    Ok(at(&reading, wire::RecordList { handles, next }))
}

pub(super) async fn delete(
    member: &Member,
    request: Request<wire::DeleteRecordRequest>,
) -> Handled<wire::Done> {
    let caller = caller(&request)?;
    let request = request.get_ref();
    let if_match: Option<Digest> = field::optional("if_match", &request.if_match)?;
    let view = member.strong().await?.view;
    let proposal = decode::record::delete(&caller, &request.handle, &view)?;
    drop(view);
    let handle: Handle = field::read("handle", &request.handle)?;
    let write = (Conditions::version(if_match).on(proposal), None);
    committed(member.write_as(&caller, (ImportKind::Record, &handle), write).await?)
}
