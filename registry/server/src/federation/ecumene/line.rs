//! One line of another Ecumene registry: the entry that it offers, whether it is wanted, and its bytes, which must have
//! the line's digest.

use proto_types::path::encode;
use proto_types::{Digest, Handle, Namespace, Origin};
use registry_core::entry::{ImportKind, ProvenanceEntry};
use registry_core::epoch;
use registry_fetch::Fetched;
use serde::Deserialize;
use serde_json::Value;

use super::super::passed::{self, Found};
use super::super::pull_error::PullError;
use super::super::take::{Offer, Pull};

/// Why a line is passed over that no later version could follow.
const NO_VERSION: &str = "its revision is of no cluster epoch of its home";

/// Which entry a line is about, whatever else it says.
#[derive(Debug, Deserialize)]
pub(super) struct Named {
    pub(super) kind: String,
    pub(super) handle: String,
}

/// One entry as a registry offers it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Line {
    kind: String,
    handle: Handle,
    digest: Option<Digest>,
    revision: u64,
    namespace: Namespace,
    owner: Option<Origin>,
    home: Option<Origin>,
    home_revision: Option<u64>,
    #[serde(default)]
    home_epoch: u64,
    #[serde(default)]
    hops: u8,
    hops_max: Option<u8>,
}

impl Line {
    /// Record or card; `None` for what this version does not know.
    fn kind(&self) -> Option<ImportKind> {
        self.kind.parse().ok()
    }
}

/// What every line says; a page without it is no page of a registry.
pub(super) fn named(entry: &Value) -> Result<Named, PullError> {
    Named::deserialize(entry).map_err(|_| PullError::failed("its page is not one of a registry"))
}

/// Deals with one entry; false if the budget is spent before. One that cannot be ours is passed over.
pub(super) async fn entry_taken(
    pull: &mut Pull,
    (named, entry): (Named, Value),
    walking: bool,
) -> Result<bool, PullError> {
    let unlike = "its members are not those of an entry";
    let line = passed::handle(&named.handle)
        .and_then(|_| serde_json::from_value::<Line>(entry).map_err(|_| unlike.to_owned()));
    match line {
        Ok(line) => line_taken(pull, line, walking).await,
        Err(why) => {
            pull.pass_over(&named.kind, &named.handle, &why);
            Ok(true)
        }
    }
}

/// Deals with one line; false if the budget is spent before it was dealt with.
async fn line_taken(pull: &mut Pull, line: Line, walking: bool) -> Result<bool, PullError> {
    let Some(offer) = offer(pull, &line)? else {
        not_wanted(pull, &line, walking).await?;
        return Ok(true);
    };
    if walking {
        if pull.walk.seen.len() as u64 > pull.partner.terms.quota.saturating_mul(2) {
            return Err(PullError::failed("its list is more than twice its quota"));
        }
        pull.walk.seen.insert(ProvenanceEntry::key_of(offer.kind, &offer.handle));
    }
    if !epoch::can_have(offer.home_epoch, offer.home_revision) {
        pull.pass_over(&line.kind, line.handle.as_str(), NO_VERSION);
        return Ok(true);
    }
    let Some(digest) = line.digest else {
        pull.is_gone(offer)?;
        return Ok(true);
    };
    if pull.is_here(&offer, digest)? {
        pull.settled(&offer);
        return Ok(true);
    }
    bytes_taken(pull, offer, (&line, digest)).await
}

/// Asks for an entry's bytes and takes it over; false if the budget is spent before it was dealt with.
async fn bytes_taken(
    pull: &mut Pull,
    offer: Offer,
    (line, digest): (&Line, Digest),
) -> Result<bool, PullError> {
    let proof = if pull.followed.is_some() { "?proof=true" } else { "" };
    let path = format!("/v1/{}s/{}{proof}", line.kind, encode(line.handle.as_str()));
    let mut found = pull.entry(&offer, (&path, None)).await?;
    if may_be_older(pull, &found, line) {
        let joint = if proof.is_empty() { '?' } else { '&' };
        found = pull.strong_entry(&format!("{path}{joint}consistency=strong")).await?;
    }
    match found {
        Found::Here(fetched) => body_taken(pull, offer, (line, digest), fetched).await,
        // Gone since the page was made: a later change tells.
        Found::Gone | Found::PassedOver => Ok(true),
        Found::Spent => Ok(false),
    }
}

/// Whether an answer may be of a state from before the line, or from before a restore: a member that lags gave it, or a
/// cache.
fn may_be_older(pull: &Pull, found: &Found, line: &Line) -> bool {
    match found {
        Found::Here(fetched) => {
            let is_older = fetched.revision.is_some_and(|read| read < line.revision);
            is_older || pull.check_state(fetched).is_err()
        }
        // Not found carries no revision.
        Found::Gone => true,
        Found::PassedOver | Found::Spent => false,
    }
}

/// What is not wanted goes, if it is here: at once in the walk that new terms ask for. A partner that was restored is
/// walked from its beginning too, by its own word alone.
async fn not_wanted(pull: &mut Pull, line: &Line, walking: bool) -> Result<(), PullError> {
    let Some(kind) = line.kind() else { return Ok(()) };
    let by_terms = walking && pull.partner.terms_changed;
    pull.drop_unwanted((kind, &line.handle), by_terms).await
}

/// Takes an entry over whose bytes have come; false if the budget is spent before it was dealt with.
async fn body_taken(
    pull: &mut Pull,
    mut offer: Offer,
    (line, digest): (&Line, Digest),
    fetched: Fetched,
) -> Result<bool, PullError> {
    let found = Digest::of(&fetched.body);
    if found != digest {
        return replaced_since(line, &fetched, &found).map(|()| true);
    }
    if !pull.is_proven(&mut offer, digest, fetched.log_proof.as_deref()).await? {
        return Ok(false);
    }
    pull.take(offer, line.owner.as_ref(), &fetched.body).await.map(|_| true)
}

/// Holds if other bytes than the line's are those of a later version, of which a later change tells.
fn replaced_since(line: &Line, fetched: &Fetched, found: &Digest) -> Result<(), PullError> {
    if fetched.etag != Some(found.etag()) {
        return Err(PullError::misbehaviour("an entry's bytes are not those of its digest"));
    }
    match fetched.revision.is_some_and(|read| read > line.revision) {
        true => Ok(()),
        false => Err(PullError::failed("an entry is answered from an older state than its list")),
    }
}

/// What a line offers; `None` if it is not wanted: another namespace, too far away, or our own.
fn offer(pull: &Pull, line: &Line) -> Result<Option<Offer>, PullError> {
    let terms = &pull.partner.terms;
    let Some(kind) = line.kind() else { return Ok(None) };
    if line.home.is_some() == (line.hops == 0) {
        return Err(PullError::misbehaviour("an entry is neither its own nor another's"));
    }
    let hops = line.hops.saturating_add(1);
    let hops_max = line.hops_max.unwrap_or(terms.hops).min(terms.hops);
    let home = line.home.clone().unwrap_or_else(|| terms.url.clone());
    let wanted = terms.namespaces.is_empty() || terms.namespaces.contains(&line.namespace);
    if !wanted || hops > hops_max || pull.own.as_ref() == Some(&home) {
        return Ok(None);
    }
    Ok(Some(Offer {
        kind,
        handle: line.handle.clone(),
        home,
        home_revision: line.home_revision.unwrap_or(line.revision),
        home_epoch: if line.home.is_some() { line.home_epoch } else { pull.partner.epoch },
        hops,
        hops_max,
    }))
}
