//! The decision which reported windows are added. A window is never counted twice, a reporter never changes what another
//! has reported, and there is one entry for a peer and a gateway.

use std::collections::BTreeSet;

use proto_types::{Revision, WallMs};

use crate::bound::{self, MINUTE_MS};
use crate::change::{Refusal, Reply};
use crate::draft::{Draft, Outcome, Step};
use crate::gateway::table::GATEWAYS;
use crate::history::entry::ChangeKind;
use crate::index;
use crate::peer::entry::PeerStatus;
use crate::peer::table::PEERS;

use super::command::{Conduct, Tally};
use super::entry::{EvidenceEntry, ReporterEntry, Window};
use super::reputation::Evidence;
use super::table::{self, EVIDENCE, REPORTERS, REPORTERS_MAX, evidence_key};

/// Peers of one report: a command of 100 KiB, applied within milliseconds. A gateway that met more tells the rest of them
/// with its next window.
const TALLIES_MAX: u64 = 1_000;

/// The state's clock is the leader's at the last write, and a gateway's may run ahead of it by this.
const SKEW_MS: u64 = 5_000;

/// A gateway that cannot report for longer has been cut off, and its peers with it.
const AGE_MS_MAX: u64 = 60 * MINUTE_MS;

pub(crate) fn report(draft: &mut Draft<'_>, report: &Conduct) -> Outcome {
    check(&report.tallies)?;
    let id = report.reporter.as_str();
    draft.existing(&GATEWAYS, id)?;
    let kept = draft.entry(&REPORTERS, id)?;
    if let Some(kept) = kept.as_ref().filter(|kept| kept.window >= report.window) {
        let (counted, passed_over) = (0, 0);
        let revision = kept.revision;
        return Ok(Reply::Counted { revision, counted, passed_over, repeated: true });
    }
    in_time(report.window, draft.now())?;
    if kept.is_none() && REPORTERS.list(draft.view(), None, REPORTERS_MAX)?.len() == REPORTERS_MAX {
        return Err(bound::full("gateways that report", REPORTERS_MAX as u64).into());
    }
    let revision = draft.note(ChangeKind::Reputation, id, false);
    let mut counted = 0;
    for tally in &report.tallies {
        counted += u32::from(count(draft, report, tally, revision)?);
    }
    let reporter = ReporterEntry { id: report.reporter.clone(), window: report.window, revision };
    draft.replace(&REPORTERS, kept.as_ref(), &reporter);
    let all = u32::try_from(report.tallies.len()).expect("checked: at most 1,000");
    Ok(Reply::Counted { revision, counted, passed_over: all - counted, repeated: false })
}

fn check(tallies: &[Tally]) -> Result<(), Refusal> {
    bound::number("tallies", tallies.len() as u64, (1, TALLIES_MAX))?;
    let mut seen = BTreeSet::new();
    for tally in tallies {
        if !seen.insert(&tally.peer) {
            return Err(bound::invalid("tallies", "name a peer twice"));
        }
        if tally.good == 0 && tally.bad == 0 {
            return Err(bound::invalid("tallies", "say nothing of a peer"));
        }
    }
    Ok(())
}

/// A window that has ended, and not too long ago.
fn in_time(window: Window, now: WallMs) -> Result<(), Refusal> {
    let ended = window.ends_at();
    bound::near("window", ended, now, SKEW_MS)?;
    if now.since(ended) > AGE_MS_MAX {
        return Err(Refusal::WindowTooOld { ended_ms: ended.0, age_ms_max: AGE_MS_MAX });
    }
    Ok(())
}

/// Adds a tally to what its gateway said of the peer before. Who is not enrolled, or not any more, is passed over: the
/// gateway may not have heard of it yet. A suspended peer's conduct counts when it comes back.
fn count(draft: &mut Draft<'_>, report: &Conduct, tally: &Tally, revision: Revision) -> Step<bool> {
    let peer = draft.entry(&PEERS, tally.peer.as_str())?;
    if peer.is_none_or(|peer| peer.status > PeerStatus::Suspended) {
        return Ok(false);
    }
    let key = evidence_key(&tally.peer, &report.reporter);
    let kept = draft.entry(&EVIDENCE, &key)?;
    // By windows, not by when they arrive: then the order in which gateways report changes nothing.
    let faded = |kept: &EvidenceEntry| kept.evidence.after(report.window.since(kept.window));
    let before = kept.as_ref().map(faded).unwrap_or_default();
    let entry = EvidenceEntry {
        peer: tally.peer.clone(),
        reporter: report.reporter.clone(),
        window: report.window,
        evidence: before.plus(Evidence::of(tally.good, tally.bad)),
        revision,
    };
    draft.replace(&EVIDENCE, kept.as_ref(), &entry);
    Ok(true)
}

/// Forgets up to `limit` entries that have faded to nothing; how many.
pub(crate) fn sweep(draft: &mut Draft<'_>, limit: usize) -> Step<usize> {
    // No window that is still taken ends before this, so that it makes no difference to one when an entry goes.
    let (from, to) = table::evidence_void(draft.now().minus_ms(AGE_MS_MAX));
    let void = index::ids(draft.view(), (&from, &to), limit)?;
    for id in &void {
        let entry = draft.existing(&EVIDENCE, id)?;
        draft.remove(&EVIDENCE, &entry);
    }
    Ok(void.len())
}
