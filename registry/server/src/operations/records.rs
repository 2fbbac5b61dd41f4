//! The operations on directory records: who may put or delete one, what is stored, and what the caller is told.
//! `registry-api` verifies a record, and the core decides which version is kept.

use proto_types::card::Assurance;
use proto_types::{Handle, Revision};
use registry_api::decode::record::{Parsed, Terms};
use registry_api::decode::{self, Conditions};
use registry_api::{Problem, field};
use registry_core::entry::{ImportKind, RecordEntry};
use registry_raft::StoreView;

use crate::call::Call;
use crate::lookup::{self, Seen};
use crate::member::{Member, Reading, done_at};

use super::publish::{self, Published};

/// A record to publish.
pub(crate) struct Put<'a> {
    pub(crate) document: &'a [u8],
    pub(crate) terms: Terms,
    pub(crate) conditions: Conditions,
}

/// Publishes a record.
pub(crate) async fn put<'a>(
    member: &Member,
    call: &Call,
    put: Put<'a>,
) -> Result<Published<'a>, Problem> {
    let Put { document, terms, conditions } = put;
    let record = decode::record::parse(document)?;
    let authorize =
        |view: &StoreView| decode::record::authorize(&record, &call.principal, terms, view);
    let what = (ImportKind::Record, conditions);
    let stored = publish::publish(member, call, what, record.raw(), authorize).await?;
    Ok((stored, record.into_kept()))
}

/// What [`put`] would come to of a record that was read; it gives what the record would be worth.
pub(crate) async fn dry_run(
    member: &Member,
    call: &Call,
    record: &Parsed<'_>,
    (terms, conditions): (Terms, Conditions),
) -> Result<Assurance, Problem> {
    let authorize =
        |view: &StoreView| decode::record::authorize(record, &call.principal, terms, view);
    publish::dry_run(member, call, conditions, record.raw(), authorize).await
}

/// A record as [`put`] has left it.
pub(crate) async fn written(
    member: &Member,
    (stored, kept): Published<'_>,
) -> Result<(Reading, Seen<RecordEntry>), Problem> {
    let reading = member.reached(stored.revision).await?;
    let brought = (stored.version, kept);
    let seen = lookup::written_record(&reading.view, &stored.handle, brought, reading.time)?;
    Ok((reading, seen))
}

/// Deletes a record.
pub(crate) async fn delete(
    member: &Member,
    call: &Call,
    handle: &str,
    conditions: Conditions,
) -> Result<Revision, Problem> {
    let view = member.strong().await?.view;
    let proposal = decode::record::delete(&call.principal, handle, &view)?;
    drop(view);
    let handle: Handle = field::read("handle", handle)?;
    let write = (conditions.on(proposal), None);
    let reply = member.write_as(&call.principal, (ImportKind::Record, &handle), write).await?;
    done_at(&reply)
}
