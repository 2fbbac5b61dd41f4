//! Records.
//!
//! It decides nothing: `registry-api` reads the requests and the core decides.

use proto_types::{Digest, Handle};
use proto_wire::registry::v1 as wire;
use registry_api::{decode, field, render};
use registry_core::query;
use tonic::Request;

use crate::federation::show;
use crate::lookup;
use crate::member::Member;

use super::peers::{committed, done};
use super::{Handled, at, caller};

pub(super) async fn put(
    member: &Member,
    request: Request<wire::PutRecordRequest>,
) -> Handled<wire::Record> {
    let caller = caller(member, request.metadata()).await?;
    let request = request.into_inner();
    let if_match: Option<Digest> = field::optional("if_match", &request.if_match)?;
    let seen = member.strong().await?;
    let put = decode::record::put(&caller, &request.document, if_match, &seen.view)?;
    let reading = done(member, member.decide(put.proposal).await?).await?;
    let (entry, _, document) = lookup::record(&reading.view, &put.handle, member.clock.now())?;
    let shown = show::record(&reading.view, render::directory::record(&entry, document))?;
    Ok(at(&reading, shown))
}

pub(super) async fn one(
    member: &Member,
    request: Request<wire::GetRecordRequest>,
) -> Handled<wire::Record> {
    let request = request.into_inner();
    let handle: Handle = field::read("handle", &request.handle)?;
    let reading = member.read(request.consistency).await?;
    let (entry, _, document) = lookup::record(&reading.view, &handle, member.clock.now())?;
    let shown = show::record(&reading.view, render::directory::record(&entry, document))?;
    Ok(at(&reading, shown))
}

pub(super) async fn list(
    member: &Member,
    request: Request<wire::ListRequest>,
) -> Handled<wire::RecordList> {
    let request = request.into_inner();
    let after: Option<Handle> = field::optional("after", &request.after)?;
    let limit = field::page(request.limit)?;
    let reading = member.read(request.consistency).await?;
    let page = query::records(&reading.view, after.as_ref(), limit)?;
    let next = field::next(&page, limit, |record| record.handle.as_str());
    let handles = page.iter().map(|record| record.handle.to_string()).collect();
    Ok(at(&reading, wire::RecordList { handles, next }))
}

pub(super) async fn delete(
    member: &Member,
    request: Request<wire::DeleteRecordRequest>,
) -> Handled<wire::Done> {
    let caller = caller(member, request.metadata()).await?;
    let request = request.get_ref();
    let if_match: Option<Digest> = field::optional("if_match", &request.if_match)?;
    let proposal = decode::record::delete(&caller, &request.handle, if_match)?;
    committed(member.decide(proposal).await?)
}
