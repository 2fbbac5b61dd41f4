//! The decision which sightings are written: a change at once, a confirmation once an hour. Sightings of what is gone are
//! not kept.

use crate::bound::{self, MINUTE_MS};
use crate::change::{Refusal, Reply};
use crate::draft::{Draft, Outcome, Step, Stop};
use crate::history::entry::ChangeKind;
use crate::peer::entry::PeerStatus;
use crate::peer::table::PEERS;
use crate::record::entry::RecordEntry;
use crate::record::table::RECORDS;
use crate::visibility::{Scope, Scoped as _, Visibility};

use super::command::SetReachability;
use super::entry::{ReachabilityEntry, Subject};
use super::table::REACHABILITY;

/// Sightings that change nothing are kept this seldom: a million records cost 280 writes a second.
const REFRESH_MS_MIN: u64 = 60 * MINUTE_MS;

/// A word or two.
const WHY_BYTES_MAX: usize = 64;

pub(crate) fn set(draft: &mut Draft<'_>, command: &SetReachability) -> Outcome {
    bound::text("why", &command.why, WHY_BYTES_MAX)?;
    let scope = scope(draft, &command.subject)?;
    let key = command.subject.key();
    let (kept, now) = (draft.entry(&REACHABILITY, &key)?, draft.now());
    let mut seen = seen(draft, command);
    if let Some(kept) = kept.as_ref().filter(|kept| kept.class == seen.class) {
        (seen.since, seen.revision) = (kept.since, kept.revision);
        if now.since(kept.seen_at) < REFRESH_MS_MIN {
            return Ok(Reply::Done(kept.revision));
        }
    } else {
        let scopes = (scope.clone(), scope);
        seen.revision = draft.note_in(ChangeKind::Reachability, &key, false, scopes);
    }
    draft.replace(&REACHABILITY, kept.as_ref(), &seen);
    Ok(Reply::Done(seen.revision))
}

/// As if it were new.
fn seen(draft: &Draft<'_>, command: &SetReachability) -> ReachabilityEntry {
    let SetReachability { subject, class, prober, why } = command.clone();
    let (since, seen_at, revision) = (draft.now(), draft.now(), draft.revision());
    ReachabilityEntry { subject, class, since, seen_at, prober, why, revision }
}

/// Who may see the subject; refuses what is not there, or no longer counts.
fn scope(draft: &Draft<'_>, subject: &Subject) -> Step<Option<Scope>> {
    match subject {
        Subject::Record(handle) => {
            let record = draft.existing(&RECORDS, handle.as_str())?;
            let live = record.digest.is_some();
            if live { Ok(Some(told_to(&record))) } else { Err(missing("record", handle.as_str())) }
        }
        Subject::Peer(origin) => {
            let peer = draft.existing(&PEERS, origin.as_str())?;
            let active = peer.status == PeerStatus::Active;
            if active { Ok(None) } else { Err(missing("peer", origin.as_str())) }
        }
    }
}

/// Those who see all of the record: a redacted one shows its name, not how its agent answers.
fn told_to(record: &RecordEntry) -> Scope {
    let scope = record.scope();
    match scope.visibility {
        Visibility::Redacted => Scope { visibility: Visibility::Private, ..scope },
        _ => scope,
    }
}

fn missing(kind: &str, id: &str) -> Stop {
    Refusal::NotFound { kind: kind.to_owned(), id: id.to_owned() }.into()
}

/// What was seen of the agent at another card says nothing of this record's.
pub(crate) fn follow(
    draft: &mut Draft<'_>,
    kept: Option<&RecordEntry>,
    new: &RecordEntry,
) -> Step<()> {
    match kept.is_some_and(|kept| kept.agent_card_url != new.agent_card_url) {
        true => forget(draft, &Subject::Record(new.handle.clone())),
        false => Ok(()),
    }
}

/// Its subject is gone, or another now.
pub(crate) fn forget(draft: &mut Draft<'_>, subject: &Subject) -> Step<()> {
    if let Some(kept) = draft.entry(&REACHABILITY, &subject.key())? {
        draft.remove(&REACHABILITY, &kept);
    }
    Ok(())
}
