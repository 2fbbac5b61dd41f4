//! Notices: what a member tells whoever leads, outside of the log. Nothing keeps one, and one that is lost is not sent again:
//! it must never carry what has to come about.

use super::Registry;
use crate::Untaken;
use crate::network::Notice;
use crate::proposer::leader;

/// What a member does with a notice while it leads, and whether it could. It is called where messages of members are read, and
/// must not wait.
pub type TakeNotice = Box<dyn Fn(&[u8]) -> bool + Send + Sync>;

impl Registry {
    /// Has this member, whenever it leads, take notices: its own, and those of the others. To be told once.
    pub fn notices_by(&self, take: TakeNotice) {
        // There is one start.
        let _ = self.inner.notices.set(take);
    }

    /// Hands a notice to whoever leads: to this member itself, or to another one in one hop. False if the leader could not do
    /// what it says.
    ///
    /// # Errors
    /// Nobody is known to have taken it. A leader whose answer was lost may have.
    pub async fn notify_leader(&self, message: Vec<u8>) -> Result<bool, Untaken> {
        if self.is_leader() {
            let take = self.inner.notices.get().ok_or(Untaken)?;
            return Ok(take(message.as_slice()));
        }
        let (id, address) = leader(&self.inner.raft).ok_or(Untaken)?;
        let taken = self.inner.forwarder.notify((id, &address), Notice { message }).await;
        taken.map_err(|status| {
            tracing::debug!(leader = id, %status, "a notice is not taken");
            Untaken
        })
    }
}
