//! Pull from another Ecumene registry: its whole list once, then its changes by revision.
//!
//! It decides what an answer of such a registry may be. It must never believe a digest that it has
//! not computed, nor a revision that goes back.

use proto_types::path::encode;
use proto_types::{Digest, Handle, Namespace, Origin};
use registry_core::entry::{ImportKind, ProvenanceEntry};
use registry_fetch::Fetched;
use serde::Deserialize;
use serde_json::Value;

use super::passed::{self, Found};
use super::take::{Offer, Pull, Walk};
use super::trouble::Trouble;

/// Entries of one page of either list.
const PAGE: usize = 256;

/// A page of the list or of the changes.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Page {
    entries: Vec<Value>,
    /// The registry's newest revision.
    head: u64,
    /// How often it was restored from a backup; absent in what an earlier version says.
    epoch: Option<u64>,
    /// Of changes: where to go on.
    #[serde(default)]
    next: u64,
    /// Of the list: where to go on; empty at its end.
    #[serde(default)]
    next_after: String,
}

/// Which entry a line is about, whatever else it says.
#[derive(Debug, Deserialize)]
struct Named {
    kind: String,
    handle: String,
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
        match self.kind.as_str() {
            "record" => Some(ImportKind::Record),
            "card" => Some(ImportKind::Card),
            _ => None,
        }
    }
}

/// Pulls as far as the budget goes; true if there is more.
pub(super) async fn pull(pull: &mut Pull) -> Result<bool, Trouble> {
    if !pull.follow().await? {
        return Ok(true);
    }
    if pull.partner.cursor == 0 || pull.walk.began_at.is_some() {
        return walk(pull).await;
    }
    changes(pull).await
}

/// The whole list, records first.
async fn walk(pull: &mut Pull) -> Result<bool, Trouble> {
    const KINDS: [&str; 2] = ["record", "card"];
    while let Some(kind) = KINDS.get(pull.walk.list) {
        let after = encode(&pull.walk.after);
        let path = format!("/v1/federation/entries?kind={kind}&limit={PAGE}&after={after}");
        let Some(fetched) = pull.page(&path, None).await? else { return Ok(true) };
        let page = read(fetched.status, &fetched.body)?;
        if !pull.is_of_epoch(page.epoch).await? || !page_taken(pull, kind, page).await? {
            return Ok(true);
        }
    }
    let began = pull.walk.began_at.unwrap_or_default();
    pull.unseen_are_gone()?;
    let all = pull.withdraw_gone(pull.walk.listed == 0).await?;
    // Its whole list is asked for again as long as something is held back. A registry without a past has a list that
    // is as good as its changes.
    let reached = if all { began } else { pull.partner.cursor };
    pull.advance(reached).await?;
    pull.walk = Walk::default();
    Ok(all && began > 0)
}

/// Deals with a page of the list; false if the budget is spent before its end.
async fn page_taken(pull: &mut Pull, kind: &str, page: Page) -> Result<bool, Trouble> {
    if page.head < *pull.walk.began_at.get_or_insert(page.head) {
        return Err(Trouble::lie("its revision went back while its list was read"));
    }
    let before = pull.walk.after.clone();
    for entry in page.entries {
        let named = named(&entry)?;
        if named.kind != *kind || named.handle <= pull.walk.after {
            return Err(Trouble::lie("its list is not in order"));
        }
        let after = named.handle.clone();
        pull.walk.listed += 1;
        if !entry_taken(pull, (named, entry), true).await? {
            return Ok(false);
        }
        pull.walk.after = after;
    }
    if page.next_after.is_empty() {
        (pull.walk.list, pull.walk.after) = (pull.walk.list + 1, String::new());
    } else if page.next_after < pull.walk.after || page.next_after == before {
        return Err(Trouble::lie("its list goes nowhere"));
    } else {
        pull.walk.after = page.next_after;
    }
    Ok(true)
}

async fn changes(pull: &mut Pull) -> Result<bool, Trouble> {
    // What was passed over before still is, until it changes.
    pull.walk.passed_over = pull.partner.passed_over.clone();
    let mut reached = pull.partner.cursor;
    let more = match follow_changes(pull, &mut reached).await? {
        Followed::Forgotten => {
            // It no longer keeps what came after, or was restored: its list tells.
            pull.walk = Walk::default();
            return walk(pull).await;
        }
        Followed::Restored => return Ok(true),
        Followed::Some => true,
        Followed::All => false,
    };
    // What is held back is asked for again with the changes that said so.
    let all = pull.withdraw_gone(false).await?;
    let reached = if all { reached } else { pull.partner.cursor };
    pull.advance(reached).await?;
    Ok(all && more)
}

/// How far a partner's changes were followed.
enum Followed {
    All,
    /// As far as the budget went.
    Some,
    Forgotten,
    Restored,
}

async fn follow_changes(pull: &mut Pull, reached: &mut u64) -> Result<Followed, Trouble> {
    loop {
        let since = *reached;
        let path = format!("/v1/federation/changes?since={since}&limit={PAGE}");
        let Some(fetched) = pull.page(&path, None).await? else { return Ok(Followed::Some) };
        if fetched.status == 410 {
            return Ok(Followed::Forgotten);
        }
        let page = read(fetched.status, &fetched.body)?;
        if !pull.is_of_epoch(page.epoch).await? {
            return Ok(Followed::Restored);
        }
        if page.head < since {
            return Err(Trouble::lie("its revision went back"));
        }
        if page.next < since || page.next > page.head {
            return Err(Trouble::lie("its changes go nowhere"));
        }
        if !changes_taken(pull, page.entries).await? {
            return Ok(Followed::Some);
        }
        *reached = page.next;
        if page.next == since || page.next == page.head {
            return Ok(Followed::All);
        }
    }
}

async fn changes_taken(pull: &mut Pull, entries: Vec<Value>) -> Result<bool, Trouble> {
    for entry in entries {
        let named = named(&entry)?;
        if !entry_taken(pull, (named, entry), false).await? {
            return Ok(false);
        }
    }
    Ok(true)
}

fn read(status: u16, body: &[u8]) -> Result<Page, Trouble> {
    if status != 200 {
        return Err(Trouble::Failed(format!("it answered {status}")));
    }
    let page: Page = proto_types::json::from_strict(body)
        .map_err(|_| Trouble::failed("its page is not one of a registry"))?;
    if page.entries.len() > PAGE {
        return Err(Trouble::lie("its page has more entries than were asked for"));
    }
    Ok(page)
}

/// What every line says; a page without it is no page of a registry.
fn named(entry: &Value) -> Result<Named, Trouble> {
    Named::deserialize(entry).map_err(|_| Trouble::failed("its page is not one of a registry"))
}

/// Deals with one entry; false if the budget is spent before. One that cannot be ours is passed over.
async fn entry_taken(
    pull: &mut Pull,
    (named, entry): (Named, Value),
    walking: bool,
) -> Result<bool, Trouble> {
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
async fn line_taken(pull: &mut Pull, line: Line, walking: bool) -> Result<bool, Trouble> {
    let Some(offer) = offer(pull, &line)? else {
        not_wanted(pull, &line, walking).await?;
        return Ok(true);
    };
    if walking {
        if pull.walk.seen.len() as u64 > pull.partner.terms.quota.saturating_mul(2) {
            return Err(Trouble::failed("its list is more than twice its quota"));
        }
        pull.walk.seen.insert(ProvenanceEntry::key_of(offer.kind, &offer.handle));
    }
    let Some(digest) = line.digest else {
        pull.settled(&offer);
        pull.is_gone(offer)?;
        return Ok(true);
    };
    if pull.is_here(&offer, digest)? {
        return Ok(true);
    }
    let proof = if pull.followed.is_some() { "?proof=true" } else { "" };
    let path = format!("/v1/{}s/{}{proof}", line.kind, encode(line.handle.as_str()));
    match pull.entry(&offer, (&path, None)).await? {
        Found::Here(fetched) => {
            body_taken(pull, offer, (line.owner.as_ref(), digest), fetched).await
        }
        // Gone since the page was made: a later change tells.
        Found::Gone | Found::PassedOver => Ok(true),
        Found::Spent => Ok(false),
    }
}

/// What is not wanted goes, if it is here: at once where a walk from the beginning says so, which new terms ask for.
async fn not_wanted(pull: &mut Pull, line: &Line, walking: bool) -> Result<(), Trouble> {
    let Some(kind) = line.kind() else { return Ok(()) };
    let by_terms = walking && pull.partner.cursor == 0;
    pull.drop_unwanted((kind, &line.handle), by_terms).await
}

/// Takes an entry over whose bytes have come; false if the budget is spent before it was dealt with.
async fn body_taken(
    pull: &mut Pull,
    offer: Offer,
    (owner, digest): (Option<&Origin>, Digest),
    fetched: Fetched,
) -> Result<bool, Trouble> {
    let found = Digest::of(&fetched.body);
    if found != digest {
        // Replaced since the page was made, or not what it is called.
        return match fetched.etag == Some(found.etag()) {
            true => Ok(true),
            false => Err(Trouble::lie("an entry's bytes are not those of its digest")),
        };
    }
    if !pull.is_proven(&offer, digest, fetched.log_proof.as_deref()).await? {
        return Ok(false);
    }
    pull.take(offer, owner, &fetched.body).await.map(|_| true)
}

/// What a line offers; `None` if it is not wanted: another namespace, too far away, or our own.
fn offer(pull: &Pull, line: &Line) -> Result<Option<Offer>, Trouble> {
    let terms = &pull.partner.terms;
    let Some(kind) = line.kind() else { return Ok(None) };
    if line.home.is_some() == (line.hops == 0) {
        return Err(Trouble::lie("an entry is neither its own nor another's"));
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
