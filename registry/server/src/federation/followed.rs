//! How far a partner's transparency log was followed, as the state says it. `proven.rs` goes on from there.

use proto_types::tlog::{Checkpoint, Note, NoteKey, Policy};
use registry_core::entry::PartnerEntry;

use super::pull_error::PullError;

/// How far a partner's log was followed.
#[derive(Debug)]
pub(super) struct Followed {
    pub(super) policy: Policy,
    /// The newest checkpoint that is believed.
    pub(super) newest: Option<(Note, Checkpoint)>,
}

impl Followed {
    /// Where the state says that the pulls have come; `None` if no log was agreed.
    pub(super) fn of(partner: &PartnerEntry) -> Result<Option<Self>, PullError> {
        if partner.terms.log_key.is_empty() {
            return Ok(None);
        }
        let key = NoteKey::parse(&partner.terms.log_key);
        let key = key.map_err(|_| PullError::failed("the agreed key of its log is none"))?;
        let policy = Policy::unwitnessed(key);
        let kept = Some(partner.checkpoint.as_bytes()).filter(|kept| !kept.is_empty());
        let newest = kept.map(|kept| policy.check(kept)).transpose();
        let newest =
            newest.map_err(|_| PullError::failed("what is kept of its log is not of it"))?;
        Ok(Some(Self { policy, newest }))
    }

    /// The cluster epoch of the newest checkpoint.
    pub(super) fn epoch(&self) -> Option<u64> {
        self.newest.as_ref().map(|(_, head)| head.epoch())
    }

    /// The newest checkpoint, to be kept.
    pub(super) fn checkpoint(&self) -> Option<String> {
        self.newest.as_ref().map(|(note, _)| note.to_string())
    }
}
