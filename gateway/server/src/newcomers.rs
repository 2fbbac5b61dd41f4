//! Peers of which the registry has next to no evidence: at each gateway all of them together have one limit besides their own, so
//! that nobody gains by many names.
//!
//! Decides of whom the registry is asked, and when again. Must never keep out whom it was not asked about yet: that is most
//! peers, after a start.

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Mutex, PoisonError};

use gateway_core::conduct::Standing;
use gateway_core::gcra::{Cell, Quota, Remaining, RetryAfter};
use gateway_core::{Peer, Peers};
use proto_types::{MonoUs, Origin};

/// What the registry takes in one report.
const ASKED_MAX: usize = 100;
/// Peers that wait to be asked about. Those beyond ask again with their next request.
const UNKNOWN_MAX: usize = 1_000;
/// Newcomers that are asked about again. One beyond is when its next request finds it unknown.
const NEWCOMERS_MAX: usize = 10_000;
/// Reports from one round of the newcomers to the next: evidence comes once a minute.
const PAUSE: u32 = 10;

/// The limit of all newcomers, and who may be one.
#[derive(Debug, Default)]
pub(crate) struct Newcomers {
    cell: Cell,
    unknown: Mutex<BTreeSet<Origin>>,
}

impl Newcomers {
    /// Counts one request of a peer, if it is a newcomer; `None` if all of them have no common limit.
    pub(crate) fn check(
        &self,
        peer: &Peer,
        now: MonoUs,
        quota: Option<Quota>,
    ) -> Result<Option<Remaining>, RetryAfter> {
        let Some(quota) = quota else { return Ok(None) };
        match peer.tally.standing() {
            Standing::Known => Ok(None),
            Standing::Newcomer => self.cell.check(now, quota).map(Some),
            Standing::Unknown => {
                self.ask(&peer.origin);
                Ok(None)
            }
        }
    }

    fn ask(&self, peer: &Origin) {
        let mut unknown = self.unknown.lock().unwrap_or_else(PoisonError::into_inner);
        if unknown.len() < UNKNOWN_MAX && !unknown.contains(peer) {
            unknown.insert(peer.clone());
        }
    }

    fn take(&self) -> Vec<Origin> {
        let mut unknown = self.unknown.lock().unwrap_or_else(PoisonError::into_inner);
        std::iter::from_fn(|| unknown.pop_first()).take(ASKED_MAX).collect()
    }
}

/// Of whom the registry is asked next.
#[derive(Debug, Default)]
pub(crate) struct Questions {
    newcomers: VecDeque<Origin>,
    reports: u32,
}

impl Questions {
    /// Those that are unknown first, and now and then the newcomers.
    pub(crate) fn next(&mut self, newcomers: &Newcomers) -> Vec<Origin> {
        let mut asked = newcomers.take();
        self.reports = self.reports.wrapping_add(1);
        if self.reports.is_multiple_of(PAUSE) {
            let room = (ASKED_MAX - asked.len()).min(self.newcomers.len());
            asked.extend(self.newcomers.drain(..room));
        }
        asked
    }

    /// Takes what the registry has said of those that it was asked about.
    pub(crate) fn answered(&mut self, peers: &Peers, asked: Vec<Origin>, newcomers: &[String]) {
        let newcomers: BTreeSet<&str> = newcomers.iter().map(String::as_str).collect();
        for origin in asked {
            let Some(peer) = peers.find(&origin) else { continue };
            if !newcomers.contains(origin.as_str()) {
                peer.tally.set_standing(Standing::Known);
            } else if self.newcomers.len() < NEWCOMERS_MAX {
                peer.tally.set_standing(Standing::Newcomer);
                self.newcomers.push_back(origin);
            }
        }
    }

    /// Nobody has answered: newcomers are asked about again, and who is unknown asks by itself.
    pub(crate) fn unanswered(&mut self, peers: &Peers, asked: Vec<Origin>) {
        let is_newcomer = |origin: &Origin| {
            let peer = peers.find(origin);
            peer.is_some_and(|peer| peer.tally.standing() == Standing::Newcomer)
        };
        self.newcomers.extend(asked.into_iter().filter(is_newcomer));
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::sync::Arc;

    use proto_types::Revision;

    use super::*;

    fn peers(names: &[&str]) -> Peers {
        let mut peers = Peers::default();
        for name in names {
            let origin = Origin::parse(&format!("https://{name}.example")).unwrap();
            peers.put(Peer::new(origin, true, Vec::new(), Revision(1)));
        }
        peers
    }

    fn find(peers: &Peers, name: &str) -> Arc<Peer> {
        let origin = Origin::parse(&format!("https://{name}.example")).unwrap();
        Arc::clone(peers.find(&origin).unwrap())
    }

    #[test]
    fn all_newcomers_together_have_one_limit_and_who_is_known_has_none() {
        let (newcomers, mut questions) = (Newcomers::default(), Questions::default());
        let peers = peers(&["a", "b", "old"]);
        let quota = Quota::new(3, 60_000_000);
        let now = MonoUs(1);
        let check = |name: &str| newcomers.check(&find(&peers, name), now, quota).is_ok();
        for name in ["a", "b", "old"] {
            assert!((0..9).all(|_| check(name)), "nothing is known of {name} yet");
        }
        let asked = questions.next(&newcomers);
        assert_eq!(asked.len(), 3);
        let said = ["https://a.example", "https://b.example"].map(str::to_owned);
        questions.answered(&peers, asked, &said);
        assert!(check("a") && check("b") && check("a"));
        assert!(!check("a") && !check("b"), "three are all that they have");
        assert!((0..9).all(|_| check("old")));
        assert!(newcomers.check(&find(&peers, "a"), now, None).is_ok(), "where there is no limit");
    }

    #[test]
    fn a_newcomer_is_asked_about_again_until_it_is_known() {
        let (newcomers, mut questions) = (Newcomers::default(), Questions::default());
        let peers = peers(&["a"]);
        let quota = Quota::new(3, 60_000_000);
        newcomers.check(&find(&peers, "a"), MonoUs(1), quota).unwrap();
        let said = ["https://a.example".to_owned()];
        let asked = questions.next(&newcomers);
        questions.answered(&peers, asked, &said);
        let mut next = || (0..PAUSE).flat_map(|_| questions.next(&newcomers)).collect::<Vec<_>>();
        let asked = next();
        assert_eq!(asked.len(), 1);
        assert!(next().is_empty(), "the answer is out");
        questions.unanswered(&peers, asked);
        let mut next = || (0..PAUSE).flat_map(|_| questions.next(&newcomers)).collect::<Vec<_>>();
        let asked = next();
        assert_eq!(asked.len(), 1, "nobody has answered");
        questions.answered(&peers, asked, &[]);
        assert_eq!(find(&peers, "a").tally.standing(), Standing::Known);
    }
}
