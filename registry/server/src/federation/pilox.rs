//! The pull from a Pilox registry: its signed catalog, then its records. A catalog counts only if the agreed key has
//! signed it, and if it is not older than the last.

use std::collections::BTreeSet;

use proto_types::Handle;
use proto_types::path::encode;
use proto_types::pilox::catalog::CatalogProof;
use registry_core::entry::{ImportKind, ProvenanceEntry};
use serde::Deserialize;

use super::passed::{self, Found};
use super::pull_error::PullError;
use super::take::{Offer, Pull, Walk};

/// A catalog older than this is no longer what the registry says: it may be replayed.
const OLD_MS_MAX: u64 = 24 * 60 * 60 * 1_000;

/// Clocks of honest registries differ by less.
const AHEAD_MS_MAX: u64 = 5 * 60 * 1_000;

/// Pages of one catalog. Pilox has one; ours has more above 10,000 handles.
const PAGES_MAX: usize = 128;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Catalog {
    handles: Vec<String>,
    catalog_proof: Option<CatalogProof>,
    #[serde(default)]
    next: String,
}

/// Pulls as far as the budget goes; true if there is more.
pub(super) async fn pull(pull: &mut Pull) -> Result<bool, PullError> {
    let Some((listed, issued_ms)) = catalog(pull).await? else { return Ok(true) };
    let handles = known(pull, listed);
    for handle in handles.range::<Handle, _>(after(&pull.walk)) {
        if !record_taken(pull, handle, issued_ms).await? {
            return Ok(true);
        }
        pull.walk.after = handle.to_string();
    }
    pull.walk.seen =
        handles.iter().map(|it| ProvenanceEntry::key_of(ImportKind::Record, it)).collect();
    pull.unseen_are_gone()?;
    // Its whole catalog is read with each pull, so that what is held back is found again.
    pull.withdraw_gone(handles.is_empty()).await?;
    pull.walk.etags.retain(|handle, _| handles.contains(handle));
    pull.advance(issued_ms).await?;
    let Walk { etags, agreement, .. } = std::mem::take(&mut pull.walk);
    pull.walk = Walk { etags, agreement, ..Walk::default() };
    Ok(false)
}

/// The handles that are such here too; the others are passed over.
fn known(pull: &mut Pull, listed: BTreeSet<String>) -> BTreeSet<Handle> {
    let mut handles = BTreeSet::new();
    for text in listed {
        match passed::handle(&text) {
            Ok(handle) => drop(handles.insert(handle)),
            Err(why) => pull.pass_over(ImportKind::Record.as_str(), &text, &why),
        }
    }
    handles
}

/// Where to go on after a pull that its budget had cut.
fn after(walk: &Walk) -> (std::ops::Bound<Handle>, std::ops::Bound<Handle>) {
    use std::ops::Bound;
    let from = Handle::parse(&walk.after).map_or(Bound::Unbounded, Bound::Excluded);
    (from, Bound::Unbounded)
}

/// Every handle, and when the list was signed, in ms.
async fn catalog(pull: &mut Pull) -> Result<Option<(BTreeSet<String>, u64)>, PullError> {
    let mut all = BTreeSet::new();
    let (mut path, mut issued) = ("/v1/records".to_owned(), u64::MAX);
    for _ in 0..PAGES_MAX {
        let Some(fetched) = pull.page(&path, None).await? else { return Ok(None) };
        if fetched.status != 200 {
            return Err(PullError::Failed(format!("its catalog: it answered {}", fetched.status)));
        }
        let page: Catalog = proto_types::json::from_strict(&fetched.body)
            .map_err(|_| PullError::failed("its catalog is not one"))?;
        issued = issued.min(signed_at(pull, &page)?);
        let before = all.len();
        all.extend(page.handles);
        if page.next.is_empty() {
            check_time(pull, issued)?;
            return Ok(Some((all, issued)));
        }
        // Endless pages (attack case 27): each must bring something, and there is a quota.
        if all.len() == before {
            return Err(PullError::misbehaviour("its catalog has pages without handles"));
        }
        if all.len() as u64 > pull.partner.terms.quota.saturating_mul(2) {
            return Err(PullError::failed("its catalog is more than twice its quota"));
        }
        path = format!("/v1/records?cursor={}", encode(&page.next));
    }
    Err(PullError::failed("its catalog does not end"))
}

fn signed_at(pull: &Pull, page: &Catalog) -> Result<u64, PullError> {
    let Some(key) = &pull.partner.terms.catalog_key else {
        return Err(PullError::failed("no key for its catalog is agreed"));
    };
    let Some(proof) = &page.catalog_proof else {
        return Err(PullError::misbehaviour("its catalog is not signed"));
    };
    let issued = proof.verify(&page.handles, key);
    let issued = issued
        .map_err(|_| PullError::misbehaviour("its catalog is not signed by the agreed key"))?;
    Ok(issued.0)
}

fn check_time(pull: &Pull, issued_ms: u64) -> Result<(), PullError> {
    let now_ms = pull.member.clock.now().0;
    // A cache answers, or its clock was ahead and is set right.
    if issued_ms < pull.partner.cursor {
        return Err(PullError::failed("its catalog is older than the last"));
    }
    if now_ms.saturating_sub(issued_ms) > OLD_MS_MAX {
        return Err(PullError::failed("its catalog was signed more than a day ago"));
    }
    if issued_ms.saturating_sub(now_ms) > AHEAD_MS_MAX {
        return Err(PullError::failed("its catalog was signed in the future"));
    }
    Ok(())
}

/// Deals with one handle; false if the budget is spent before it was dealt with.
async fn record_taken(pull: &mut Pull, handle: &Handle, issued_ms: u64) -> Result<bool, PullError> {
    let path = format!("/v1/records/{}", encode(handle.as_str()));
    let etag = version(pull, handle)?;
    let offer = offer(pull, handle, issued_ms);
    let fetched = match pull.entry(&offer, (&path, etag.as_deref())).await? {
        Found::Here(fetched) if fetched.status == 304 => return Ok(true),
        Found::Here(fetched) => fetched,
        Found::PassedOver => return Ok(true),
        Found::Spent => return Ok(false),
        // Deleted or expired since the catalog was signed.
        Found::Gone => {
            pull.walk.etags.remove(handle);
            pull.is_gone(offer)?;
            return Ok(true);
        }
    };
    let here = pull.is_here(&offer, proto_types::Digest::of(&fetched.body))?;
    if here || pull.take(offer, None, &fetched.body).await? {
        remember(pull, handle, fetched.etag);
    }
    Ok(true)
}

/// The version that is here, by its tag there; none of what is no longer here.
fn version(pull: &Pull, handle: &Handle) -> Result<Option<String>, PullError> {
    let kept = pull.kept(ImportKind::Record, handle)?;
    let here = kept.is_some_and(|kept| kept.partner == pull.partner.name && kept.digest.is_some());
    Ok(pull.walk.etags.get(handle).filter(|_| here).cloned())
}

fn offer(pull: &Pull, handle: &Handle, issued_ms: u64) -> Offer {
    Offer {
        kind: ImportKind::Record,
        handle: handle.clone(),
        home: pull.partner.terms.url.clone(),
        home_revision: issued_ms,
        home_epoch: 0,
        hops: 1,
        hops_max: pull.partner.terms.hops,
    }
}

fn remember(pull: &mut Pull, handle: &Handle, etag: Option<String>) {
    let room = (pull.walk.etags.len() as u64) < pull.partner.terms.quota;
    if let Some(etag) = etag.filter(|_| room) {
        pull.walk.etags.insert(handle.clone(), etag);
    }
}
