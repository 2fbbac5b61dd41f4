//! What members say of each other with their refusals: that this one was removed, that another holds nothing, that
//! another is of another cluster. A member that was removed while it was down never sees the entry that says so; the
//! others tell it when it asks for votes. Only members are believed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, watch};
use tonic::{Code, Status};

use crate::blank::BLANK;

/// What the refusal of a removed member is recognised by, among those with the same status code.
pub(crate) const REMOVED: &str = "this member was removed from the cluster";

#[derive(Debug)]
pub(crate) struct MemberReports {
    removed: watch::Sender<bool>,
    others: Mutex<Others>,
    heard: Notify,
}

/// By number. A leader calls members only, so these are few.
#[derive(Debug, Default)]
struct Others {
    /// Said that they hold nothing, and nobody has looked into it.
    blank: BTreeSet<u64>,
    /// May begin with nothing.
    admitted: BTreeSet<u64>,
    /// Why they refuse every call.
    refuses: BTreeMap<u64, String>,
    /// What they have said that they hold: in which term of this leader, and up to which entry.
    matched: BTreeMap<u64, (u64, u64)>,
}

impl MemberReports {
    pub(crate) fn new() -> Self {
        let (removed, others) = (watch::Sender::new(false), Mutex::default());
        Self { removed, others, heard: Notify::new() }
    }

    #[expect(clippy::disallowed_methods, reason = "copied in one statement")]
    pub(crate) fn removed(&self) -> bool {
        *self.removed.borrow()
    }

    /// Takes note of another member's refusal.
    pub(crate) fn hear(&self, from: u64, status: &Status) {
        match status.code() {
            Code::PermissionDenied if status.message() == REMOVED => {
                self.removed.send_replace(true);
            }
            Code::FailedPrecondition if status.message() == BLANK => {
                self.lock().blank.insert(from);
                self.heard.notify_one();
            }
            Code::FailedPrecondition | Code::Unauthenticated => {
                self.lock().refuses.insert(from, status.message().to_owned());
            }
            _ => {}
        }
    }

    /// Takes note of what another member says that it holds.
    pub(crate) fn matches(&self, from: u64, term: u64, index: u64) {
        let mut others = self.lock();
        let newest = others.matched.entry(from).or_default();
        *newest = (*newest).max((term, index));
    }

    /// Whether a member that does not have this entry has lost what it said in the same term that it holds. It holds nothing
    /// then that counts, as one does that is blank.
    pub(crate) fn has_lost(&self, from: u64, term: u64, index: u64) -> bool {
        let mut others = self.lock();
        let said = others.matched.get(&from).copied();
        if !said.is_some_and(|(of, matched)| of == term && index <= matched) {
            return false;
        }
        if others.admitted.contains(&from) {
            others.matched.remove(&from);
            return false;
        }
        others.blank.insert(from);
        drop(others);
        self.heard.notify_one();
        true
    }

    /// Takes note that another member has taken a leader's entries.
    pub(crate) fn began(&self, from: u64) {
        let mut others = self.lock();
        // Whoever holds nothing a second time has lost what it held.
        others.admitted.remove(&from);
        others.refuses.remove(&from);
    }

    /// Whether a member may begin with nothing.
    pub(crate) fn admits(&self, id: u64) -> bool {
        self.lock().admitted.contains(&id)
    }

    /// Lets a member begin with nothing, once.
    pub(crate) fn admit(&self, id: u64) {
        self.lock().admitted.insert(id);
    }

    /// Why a member refuses every call, if it does.
    pub(crate) fn refuses(&self, id: u64) -> Option<String> {
        self.lock().refuses.get(&id).cloned()
    }

    /// Resolves when a member has said that it holds nothing.
    pub(crate) async fn blank_heard(&self) {
        self.heard.notified().await;
    }

    /// Those that have said so since this was asked last.
    pub(crate) fn take_blank(&self) -> BTreeSet<u64> {
        std::mem::take(&mut self.lock().blank)
    }

    /// What another leader may have decided otherwise meanwhile.
    pub(crate) fn forget(&self) {
        *self.lock() = Others::default();
    }

    pub(crate) fn watch(&self) -> watch::Receiver<bool> {
        self.removed.subscribe()
    }

    fn lock(&self) -> MutexGuard<'_, Others> {
        self.others.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_that_lacks_what_it_said_in_this_term_that_it_holds_has_lost_it() {
        let reports = MemberReports::new();
        assert!(!reports.has_lost(2, 5, 7), "it has said nothing");
        reports.matches(2, 5, 7);
        reports.matches(2, 5, 6);
        assert!(!reports.has_lost(2, 5, 8), "it never had this");
        for other_term in [4, 6] {
            assert!(!reports.has_lost(2, other_term, 7), "a leader may have cut it since");
        }
        assert!(!reports.has_lost(3, 5, 7), "that is another member");
        assert_eq!(reports.take_blank(), BTreeSet::new());
        for lacks in [7, 3] {
            assert!(reports.has_lost(2, 5, lacks));
            assert_eq!(reports.take_blank(), BTreeSet::from([2]));
        }
    }

    #[test]
    fn a_member_that_may_begin_with_nothing_does_so_once() {
        let reports = MemberReports::new();
        reports.matches(2, 5, 7);
        reports.admit(2);
        assert!(!reports.has_lost(2, 5, 7));
        assert!(!reports.has_lost(2, 5, 7), "what it said before counts no more");
        reports.matches(2, 5, 4);
        reports.began(2);
        assert!(reports.has_lost(2, 5, 3), "it has lost what it held for the second time");
        assert_eq!(reports.take_blank(), BTreeSet::from([2]));
    }
}
