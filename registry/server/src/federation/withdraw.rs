//! The withdrawal of what a partner has no more: noted during a pull, carried out at its end. More than a share at once
//! is held back until the operator agrees or the stated time is over. An answer that failed or was empty withdraws
//! nothing.

use proto_types::Handle;
use registry_core::command::{FederationCommand, HoldPartner};
use registry_core::entry::{ImportKind, PartnerEntry, ProvenanceEntry};
use registry_core::query;

use super::pull_error::PullError;
use super::take::{Offer, Pull};

/// So many are gone without a word, however few there are: what people delete by hand. Arbitrary.
const GONE_FREELY: u64 = 4;

/// Provenance read at a time.
const PAGE: usize = 1_000;

impl Pull {
    /// Notes that an entry is gone at its home.
    pub(super) fn is_gone(&mut self, offer: Offer) -> Result<(), PullError> {
        self.settled(&offer);
        let kept = self.kept(offer.kind, &offer.handle)?;
        if kept.is_some_and(|kept| kept.digest.is_some() && kept.home == offer.home) {
            self.gone.insert(ProvenanceEntry::key_of(offer.kind, &offer.handle), offer);
        }
        Ok(())
    }

    /// Takes away at once what the terms do not let in any more: that is the operator's word.
    pub(super) async fn drop_unwanted(
        &mut self,
        (kind, handle): (ImportKind, &Handle),
        by_terms: bool,
    ) -> Result<(), PullError> {
        let Some(kept) = self.kept(kind, handle)? else { return Ok(()) };
        if kept.partner != self.partner.name || kept.digest.is_none() {
            return Ok(());
        }
        let offer = Offer::again(kept);
        if by_terms { self.withdraw(offer).await } else { self.is_gone(offer) }
    }

    /// Notes what a whole walk has not seen.
    pub(super) fn unseen_are_gone(&mut self) -> Result<(), PullError> {
        let mut gone = Vec::new();
        self.each_here(|kept| {
            let key = ProvenanceEntry::key_of(kept.kind, &kept.handle);
            if !self.walk.seen.contains(&key) && !self.is_later_than_list(&kept) {
                gone.push((key, Offer::again(kept)));
            }
        })?;
        self.gone.extend(gone);
        Ok(())
    }

    /// Whether an entry is of a later state of its home than the list, which a member that lags has given: then it is not
    /// gone. Only its home counts in its own revisions.
    fn is_later_than_list(&self, kept: &ProvenanceEntry) -> bool {
        let counts = kept.hops == 1 && kept.home_epoch == self.partner.epoch;
        counts && self.walk.began_at.is_some_and(|began| kept.home_revision > began)
    }

    /// Takes away at once what is beyond a quota that the operator has lowered: the last in the order of kinds and
    /// handles. What of it the partner still offers is then passed over, as anything beyond the quota.
    pub(super) async fn trim(&self) -> Result<(), PullError> {
        let kept = query::partner(&self.member.registry.view().0, &self.partner.name)?;
        let quota = self.partner.terms.quota;
        let lowered =
            |kept: &PartnerEntry| kept.terms == self.partner.terms && kept.imported > quota;
        let Some(PartnerEntry { imported, .. }) = kept.filter(lowered) else { return Ok(()) };
        tracing::warn!(partner = %self.partner.name, imported, quota, "what is beyond its quota goes");
        let (mut here, mut beyond) = (0, Vec::new());
        self.each_here(|kept| {
            here += 1;
            if here > quota {
                beyond.push(Offer::again(kept));
            }
        })?;
        for offer in beyond {
            self.withdraw(offer).await?;
        }
        Ok(())
    }

    /// Every entry of the partner that is here, by kind and handle.
    fn each_here(&self, mut then: impl FnMut(ProvenanceEntry)) -> Result<(), PullError> {
        let mut after: Option<String> = None;
        loop {
            let view = self.member.registry.view().0;
            let page = query::imports(&view, &self.partner.name, after.as_deref(), PAGE)?;
            after = page.last().map(|it| ProvenanceEntry::key_of(it.kind, &it.handle));
            let whole = page.len() < PAGE;
            page.into_iter().filter(|kept| kept.digest.is_some()).for_each(&mut then);
            if whole {
                return Ok(());
            }
        }
    }

    /// Withdraws what is gone; false if it is held back. `empty` is a list that had nothing at all.
    pub(super) async fn withdraw_gone(&mut self, empty: bool) -> Result<bool, PullError> {
        let view = self.member.registry.view().0;
        let kept = query::partner(&view, &self.partner.name)?;
        drop(view);
        let Some(kept) = kept else { return Ok(true) };
        let gone = std::mem::take(&mut self.gone);
        let count = gone.len() as u64;
        let too_many = count > self.share(kept.imported) || (empty && count > 0);
        if too_many && !self.is_released(&kept, count) {
            if kept.held.is_none_or(|held| held.entries != count) {
                let (partner, of) = (&self.partner.name, kept.imported);
                tracing::error!(%partner, count, of, "what a partner has withdrawn is held back");
                self.hold(count).await?;
            }
            return Ok(false);
        }
        for offer in gone.into_values() {
            self.withdraw(offer).await?;
        }
        if kept.held.is_some() {
            self.hold(0).await?;
        }
        Ok(true)
    }

    /// How many of so many may go in one pull.
    fn share(&self, imported: u64) -> u64 {
        (imported * u64::from(self.withdrawals.percent_max) / 100).max(GONE_FREELY)
    }

    /// By the operator's word, or because they have been held for long enough; no more of them than were held.
    fn is_released(&self, partner: &PartnerEntry, count: u64) -> bool {
        let (now, hold_ms) = (self.member.clock.now(), self.withdrawals.hold_ms);
        let held = partner.held.filter(|held| count <= held.entries);
        held.is_some_and(|held| held.released || now.since(held.since) >= hold_ms)
    }

    async fn hold(&self, entries: u64) -> Result<(), PullError> {
        let name = self.partner.name.clone();
        self.member
            .write_command(FederationCommand::HoldPartner(HoldPartner { name, entries }).into())
            .await?;
        Ok(())
    }
}

impl Offer {
    /// The version that is kept.
    fn again(kept: ProvenanceEntry) -> Self {
        let ProvenanceEntry { kind, handle, home, home_revision, home_epoch, .. } = kept;
        let (hops, hops_max) = (kept.hops, kept.hops_max);
        Self { kind, handle, home, home_revision, home_epoch, hops, hops_max }
    }
}
