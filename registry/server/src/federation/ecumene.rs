//! The pull from another Ecumene registry: its whole list once, then its changes by revision. Digests are computed, never
//! believed; a revision never goes back; and an entry that an older state answered is asked for again.

mod line;

use proto_types::path::encode;
use registry_core::entry::ImportKind;
use serde::Deserialize;
use serde_json::Value;

use self::line::{entry_taken, named};
use super::pull_error::PullError;
use super::take::{Pull, Walk};

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

/// Pulls as far as the budget goes; true if there is more.
pub(super) async fn pull(pull: &mut Pull) -> Result<bool, PullError> {
    if !pull.follow().await? {
        return Ok(true);
    }
    if pull.partner.cursor == 0 || pull.walk.began_at.is_some() {
        return walk(pull).await;
    }
    changes(pull).await
}

/// The whole list, records first.
async fn walk(pull: &mut Pull) -> Result<bool, PullError> {
    while let Some(kind) = ImportKind::WORDS.get(pull.walk.list) {
        let after = encode(&pull.walk.after);
        let path = format!("/v1/federation/entries?kind={kind}&limit={PAGE}&after={after}");
        let Some(fetched) = pull.page(&path, None).await? else { return Ok(true) };
        let page = read(fetched.status, &fetched.body)?;
        if !pull.is_of_epoch(page.epoch, page.head).await? || !page_taken(pull, kind, page).await? {
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
async fn page_taken(pull: &mut Pull, kind: &str, page: Page) -> Result<bool, PullError> {
    // Members lag behind each other, and what an older list does not have is not gone.
    if page.head < pull.walk.began_at.unwrap_or(pull.partner.cursor) {
        return Err(PullError::failed("its list is of an older state than what was read before"));
    }
    pull.walk.began_at = pull.walk.began_at.or(Some(page.head));
    let before = pull.walk.after.clone();
    for entry in page.entries {
        let named = named(&entry)?;
        if named.kind != *kind || named.handle <= pull.walk.after {
            return Err(PullError::misbehaviour("its list is not in order"));
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
        return Err(PullError::misbehaviour("its list goes nowhere"));
    } else {
        pull.walk.after = page.next_after;
    }
    Ok(true)
}

async fn changes(pull: &mut Pull) -> Result<bool, PullError> {
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

async fn follow_changes(pull: &mut Pull, reached: &mut u64) -> Result<Followed, PullError> {
    loop {
        let since = *reached;
        let path = format!("/v1/federation/changes?since={since}&limit={PAGE}");
        let Some(fetched) = pull.page(&path, None).await? else { return Ok(Followed::Some) };
        if fetched.status == 410 {
            return Ok(Followed::Forgotten);
        }
        let page = read(fetched.status, &fetched.body)?;
        if !pull.is_of_epoch(page.epoch, page.head).await? {
            return Ok(Followed::Restored);
        }
        // A member that lags waits until it has reached what it is asked to go on from.
        if page.head < since {
            return Err(PullError::misbehaviour("its revision went back"));
        }
        if page.next < since || page.next > page.head {
            return Err(PullError::misbehaviour("its changes go nowhere"));
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

async fn changes_taken(pull: &mut Pull, entries: Vec<Value>) -> Result<bool, PullError> {
    for entry in entries {
        let named = named(&entry)?;
        if !entry_taken(pull, (named, entry), false).await? {
            return Ok(false);
        }
    }
    Ok(true)
}

fn read(status: u16, body: &[u8]) -> Result<Page, PullError> {
    if status != 200 {
        return Err(PullError::Failed(format!("it answered {status}")));
    }
    let page: Page = proto_types::json::from_strict(body)
        .map_err(|_| PullError::failed("its page is not one of a registry"))?;
    if page.entries.len() > PAGE {
        return Err(PullError::misbehaviour("its page has more entries than were asked for"));
    }
    Ok(page)
}
