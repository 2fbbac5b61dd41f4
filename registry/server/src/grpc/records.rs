//! Records over gRPC: it reads arguments for `operations/records.rs` and writes the answers.

use proto_types::Handle;
use proto_wire::registry::v1 as wire;
use registry_api::decode::Conditions;
use registry_api::decode::record::Terms;
use registry_api::{List, Problem, decode, field, render};
use registry_core::query;
use tonic::Request;

use crate::federation::show;
use crate::lookup;
use crate::member::Member;
use crate::operations::records::{self, Put};

use super::{Handled, at, call, call_with_credential, caller, done, look, page};

pub(super) async fn put(
    member: &Member,
    request: Request<wire::PutRecordRequest>,
) -> Handled<wire::Record> {
    let call = call_with_credential(&request)?;
    let request = request.into_inner();
    let conditions = conditions(&request.if_match)?;
    let terms = Terms { visibility: decode::visibility(&request.visibility)? };
    let put = Put { document: &request.document, terms, conditions };
    let published = records::put(member, &call, put).await?;
    let (reading, seen) = records::written(member, published).await?;
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
    let call = call(&request)?;
    let request = request.into_inner();
    let conditions = conditions(&request.if_match)?;
    let revision = records::delete(member, &call, &request.handle, conditions).await?;
    Ok(done(revision))
}

/// That the version of this text is stored, if it names one.
fn conditions(if_match: &str) -> Result<Conditions, Problem> {
    Ok(Conditions::version(field::optional("if_match", if_match)?))
}
