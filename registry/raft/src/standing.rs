//! Whether this member still belongs to the cluster, as others tell it.
//! A member that was removed while it was down never sees the entry that says so; the others tell it when it asks for
//! votes. It must never be set by anybody who is not a member.

use tokio::sync::watch;

/// What the refusal of a removed member is recognised by, among those with the same status code.
pub(crate) const REMOVED: &str = "this member was removed from the cluster";

#[derive(Debug)]
pub(crate) struct Standing {
    removed: watch::Sender<bool>,
}

impl Standing {
    pub(crate) fn new() -> Self {
        Self { removed: watch::Sender::new(false) }
    }

    #[expect(clippy::disallowed_methods, reason = "copied in one statement")]
    pub(crate) fn removed(&self) -> bool {
        *self.removed.borrow()
    }

    /// Takes note of another member's word.
    pub(crate) fn hear(&self, status: &tonic::Status) {
        if status.code() == tonic::Code::PermissionDenied && status.message() == REMOVED {
            self.removed.send_replace(true);
        }
    }

    pub(crate) fn watch(&self) -> watch::Receiver<bool> {
        self.removed.subscribe()
    }
}
