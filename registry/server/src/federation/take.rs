//! What both kinds of pulls share: pages within the budget, and taking an entry over. A pull never ends for the sake of
//! one entry.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use proto_types::{Digest, Handle, Origin};
use registry_api::decode::Put;
use registry_api::{Code, Problem, decode};
use registry_core::command::{AdvancePartner, FederationCommand, Import, PullStart};
use registry_core::entry::{
    Agreement, ImportKind, PartnerEntry, PartnerKind, PassedOver, ProvenanceEntry,
};
use registry_core::query;
use registry_fetch::{Fetched, Fetcher, Request};
use tokio::time::{Instant, sleep};

use crate::admission::Question;
use crate::member::Member;

use super::followed::Followed;
use super::pull_error::{PullError, reason};

/// The largest page of a list: 10,000 long handles.
const PAGE_BYTES_MAX: u64 = 6 << 20;

/// Time for one request, and for the pauses before it is asked again; a page is not a descriptor.
const PAGE_DEADLINE: Duration = Duration::from_secs(20);

/// One pull from one partner.
pub(super) struct Pull {
    pub(super) member: Arc<Member>,
    pub(super) fetcher: Fetcher,
    /// Entries of this home are our own that come back.
    pub(super) own: Option<Origin>,
    pub(super) budget: Budget,
    pub(super) partner: PartnerEntry,
    pub(super) walk: Walk,
    /// How far its transparency log was followed, if one was agreed.
    pub(super) followed: Option<Followed>,
    /// What it has no more, by the key of its provenance.
    pub(super) gone: BTreeMap<String, Offer>,
    pub(super) withdrawals: Withdrawals,
}

pub(super) use registry_fetch::schedule::Budget;

/// Where a walk over a whole list is, over several pulls.
#[derive(Debug, Default)]
pub(super) struct Walk {
    /// What the operator had said when it began; after another word it begins anew.
    pub(super) agreement: Option<Agreement>,
    /// The partner's revision when the walk began; `None` while there is none.
    pub(super) began_at: Option<u64>,
    /// 0 for records, 1 for cards.
    pub(super) list: usize,
    /// The last handle that was dealt with.
    pub(super) after: String,
    /// How many entries were listed, wanted or not.
    pub(super) listed: u64,
    /// What the partner still has, by the key of its provenance. At most its quota, and one page.
    pub(super) seen: BTreeSet<String>,
    /// What this look has passed over.
    pub(super) passed_over: PassedOver,
    /// How often pulls have failed at which entries, since the last look that came to its end.
    pub(super) stuck: BTreeMap<String, u32>,
    /// The versions that a Pilox registry's records were last seen in.
    pub(super) etags: BTreeMap<Handle, String>,
}

/// How much may go at once, and for how long more is held back.
#[derive(Clone, Copy, Debug)]
pub(super) struct Withdrawals {
    pub(super) percent_max: u8,
    pub(super) hold_ms: u64,
}

/// What a partner says of an entry.
#[derive(Clone, Debug)]
pub(super) struct Offer {
    pub(super) kind: ImportKind,
    pub(super) handle: Handle,
    pub(super) home: Origin,
    pub(super) home_revision: u64,
    pub(super) home_epoch: u64,
    pub(super) hops: u8,
    pub(super) hops_max: u8,
}

impl Pull {
    /// Fetches `path` of the partner; `None` if the budget is spent. Who asks for patience is asked again when it said, as long
    /// as a page may take: a list may cost all that it lets us take at once.
    pub(super) async fn page(
        &mut self,
        path: &str,
        etag: Option<&str>,
    ) -> Result<Option<Fetched>, PullError> {
        let until = Instant::now() + PAGE_DEADLINE;
        loop {
            let fetched = self.fetched(path, etag).await?;
            let left = until.saturating_duration_since(Instant::now());
            match fetched.as_ref().and_then(pause).filter(|pause| *pause < left) {
                Some(pause) => sleep(pause).await,
                None => return Ok(fetched),
            }
        }
    }

    async fn fetched(
        &mut self,
        path: &str,
        etag: Option<&str>,
    ) -> Result<Option<Fetched>, PullError> {
        let Some(bytes_max) = self.budget.page(PAGE_BYTES_MAX) else { return Ok(None) };
        let mut request = Request::get(format!("{}{path}", self.partner.terms.url));
        request.bytes_max = usize::try_from(bytes_max).unwrap_or(usize::MAX);
        request.deadline = PAGE_DEADLINE;
        request.etag = etag.map(str::to_owned);
        let fetched = self.fetcher.fetch(request).await?;
        self.budget.took(fetched.body.len() as u64);
        Ok(Some(fetched))
    }

    /// What is kept of an entry's origin.
    pub(super) fn kept(
        &self,
        kind: ImportKind,
        handle: &Handle,
    ) -> Result<Option<ProvenanceEntry>, PullError> {
        let view = self.member.registry.view().0;
        Ok(query::provenance(&view, kind, handle)?)
    }

    /// Whether this version is here already. The same bytes under a later revision of their home are taken anew, so
    /// that nothing from between the two revisions follows them.
    pub(super) fn is_here(&self, offer: &Offer, digest: Digest) -> Result<bool, PullError> {
        let kept = self.kept(offer.kind, &offer.handle)?;
        let hops_max = self.partner.terms.hops.min(offer.hops_max);
        let offered = (offer.home_epoch, offer.home_revision);
        Ok(kept.is_some_and(|kept| {
            kept.partner == self.partner.name
                && kept.digest == Some(digest)
                && kept.hops_max == hops_max
                && (!self.counts() || offered <= (kept.home_epoch, kept.home_revision))
        }))
    }

    /// Whether homes count revisions there. A Pilox registry does not: each of its catalogs has a later time.
    fn counts(&self) -> bool {
        self.partner.terms.kind == PartnerKind::Ecumene
    }

    fn import(&self, offer: Offer) -> Import {
        let Offer { kind, handle, home, home_revision, home_epoch, hops, hops_max } = offer;
        let partner = self.partner.name.clone();
        let entry = None;
        Import { partner, kind, handle, home, home_revision, home_epoch, hops, hops_max, entry }
    }

    /// Withdraws an entry. What is not this partner's to withdraw stays, without a word.
    pub(super) async fn withdraw(&self, offer: Offer) -> Result<(), PullError> {
        let command = FederationCommand::Import(Box::new(self.import(offer))).into();
        match self.member.write_command(command).await {
            Err(problem) if problem.status() >= 500 => Err(problem.into()),
            _ => Ok(()),
        }
    }

    /// Takes an entry over with its body, as any publisher's; what is not well formed, or refused, is
    /// passed over: a refusal is about this entry alone, and the same bytes are looked at again. True if it is here now.
    pub(super) async fn take(
        &mut self,
        offer: Offer,
        owner: Option<&Origin>,
        body: &[u8],
    ) -> Result<bool, PullError> {
        let view = self.member.registry.view().0;
        let read = match offer.kind {
            ImportKind::Record => decode::import::record(body, self.import(offer.clone()), &view),
            ImportKind::Card => {
                decode::import::card(body, owner, self.import(offer.clone()), &view)
            }
        };
        let (put, document) = match read {
            Err(problem) if problem.code() == Code::Conflict => {
                return Err(PullError::misbehaviour("it gives a record under another handle"));
            }
            Err(problem) => return self.refused(&offer, problem).map(|()| false),
            Ok(read) => read,
        };
        let (policy, now) = (&self.member.admission_policy, self.member.clock.now());
        let admitted = policy.check(&put, &document, None, now);
        drop((view, document));
        let Err(problem) = self.write(put, admitted).await else {
            self.settled(&offer);
            return Ok(true);
        };
        self.refused(&offer, problem).map(|()| false)
    }

    /// A partner is no way around what the operator demands of publishers.
    async fn write(&self, put: Put, admitted: Result<Question, Problem>) -> Result<(), Problem> {
        self.member.admission_policy.ask_policy_engine(admitted?).await?;
        self.member.write(put.proposal).await.map(drop)
    }

    /// A refusal is about this entry, a failure of ours about the pull.
    fn refused(&mut self, offer: &Offer, problem: Problem) -> Result<(), PullError> {
        match problem.code() {
            // Changed after its catalog was signed: the next one has it.
            Code::SequenceNotHigher if !self.counts() => {}
            Code::SequenceNotHigher => {
                let why = "its revision at home is not above that of what is held";
                self.pass_over(offer.kind.as_str(), offer.handle.as_str(), why);
            }
            _ if problem.status() >= 500 => return Err(problem.into()),
            code => {
                let why = reason(&format!("{code}: {}", problem.detail()));
                self.pass_over(offer.kind.as_str(), offer.handle.as_str(), &why);
            }
        }
        Ok(())
    }

    /// Notes how far the pull has come; not if the operator has agreed anew meanwhile: then it begins anew.
    pub(super) async fn advance(&mut self, cursor: u64) -> Result<(), PullError> {
        let name = self.partner.name.clone();
        let checkpoint = self.followed.as_ref().and_then(Followed::checkpoint);
        let passed_over = self.walk.passed_over.clone();
        self.partner.passed_over.clone_from(&passed_over);
        let passed_over = Some(passed_over);
        let agreement = self.partner.agreement();
        let from = Some(PullStart { cursor: self.partner.cursor, agreement });
        let advance = FederationCommand::AdvancePartner(AdvancePartner {
            name,
            cursor,
            checkpoint,
            passed_over,
            from,
        });
        match self.member.write_command(advance.into()).await {
            Err(problem) if matches!(problem.code(), Code::Conflict | Code::NotFound) => Ok(()),
            Err(problem) => Err(problem.into()),
            Ok(_) => {
                self.partner.cursor = cursor;
                self.walk.stuck.clear();
                Ok(())
            }
        }
    }
}

/// How long a partner wants to be left alone that has refused one request too many.
fn pause(fetched: &Fetched) -> Option<Duration> {
    let asked_s = fetched.retry_after_s.filter(|_| fetched.status == 429)?;
    Some(Duration::from_secs(asked_s.max(1)))
}
