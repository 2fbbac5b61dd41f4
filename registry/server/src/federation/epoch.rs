//! A partner that was restored from a backup: its cluster epoch says so, and pulls begin anew. An answer of an epoch that
//! is over is never taken. Where a log was agreed, the log must have signed the epoch. An epoch that there cannot be is
//! not believed, since no honest answer would follow.

use registry_core::command::{FederationCommand, SetPartnerEpoch};
use registry_core::epoch;
use registry_fetch::Fetched;

use super::followed::Followed;
use super::pull_error::PullError;
use super::take::{Pull, Walk};

/// An old member still answers, or somebody repeats what it said.
const OVER: &str = "it answers from a cluster epoch that is over";

impl Pull {
    /// Holds if the state that an entry was answered from is of no epoch that is over.
    pub(super) fn check_state(&self, fetched: &Fetched) -> Result<(), PullError> {
        match fetched.epoch.is_some_and(|epoch| epoch < self.partner.epoch) {
            true => Err(PullError::failed(OVER)),
            false => Ok(()),
        }
    }

    /// Holds if an answer is of the epoch that the pulls are of; false if the partner was restored since, so that they
    /// begin anew. `head` is the revision of the answer.
    pub(super) async fn is_of_epoch(
        &mut self,
        said: Option<u64>,
        head: u64,
    ) -> Result<bool, PullError> {
        let signed = self.followed.as_ref().and_then(Followed::epoch);
        let epoch = said.or(signed).unwrap_or(0);
        if !epoch::is_at(epoch, head) {
            return Err(PullError::failed("it names a cluster epoch that its revision is not of"));
        }
        if epoch == self.partner.epoch {
            return Ok(true);
        }
        if epoch < self.partner.epoch {
            return Err(PullError::failed(OVER));
        }
        if self.followed.is_some() && signed != Some(epoch) {
            return Err(PullError::failed("its answers are of another epoch than its log"));
        }
        self.begin_epoch(epoch).await?;
        Ok(false)
    }

    /// Begins anew, at the newest checkpoint of its log if there is one.
    pub(super) async fn begin_epoch(&mut self, epoch: u64) -> Result<(), PullError> {
        let (name, before) = (self.partner.name.clone(), self.partner.epoch);
        let checkpoint = self.followed.as_ref().and_then(Followed::checkpoint);
        if self.partner.cursor > 0 || self.partner.imported > 0 {
            tracing::warn!(partner = %name, before, epoch, "a partner was restored from a backup; it is pulled anew");
        }
        self.member
            .write_command(
                FederationCommand::SetPartnerEpoch(SetPartnerEpoch { name, epoch, checkpoint })
                    .into(),
            )
            .await?;
        (self.partner.epoch, self.partner.cursor) = (epoch, 0);
        self.walk = Walk { agreement: self.walk.agreement, ..Walk::default() };
        self.gone.clear();
        Ok(())
    }
}
