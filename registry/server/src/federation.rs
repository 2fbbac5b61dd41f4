//! Pulls from other registries: while this member leads, it pulls from the partners that the operator agreed with, each
//! on its own schedule and budget.
//!
//! One partner's silence, size or misbehaviour never holds up another, and only the core decides whether an entry is
//! taken over.

mod ecumene;
mod epoch;
mod followed;
mod passed;
mod pilox;
mod proven;
mod pull_error;
pub(crate) mod show;
mod take;
mod withdraw;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use proto_types::{Namespace, Origin};
use registry_api::Problem;
use registry_core::command::{FailPartner, FederationCommand, QuarantinePartner};
use registry_core::entry::{PARTNERS_MAX, PartnerEntry, PartnerKind, PartnerState};
use registry_core::query;
use registry_fetch::Fetcher;
use registry_fetch::schedule::{Budget, Pace, PastAttempts};
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::config::Federation as Settings;
use crate::member::Member;
use crate::random;

use self::pull_error::PullError;
use self::take::{Pull, Withdrawals};

/// How often it is looked who is due, at most and at least.
const TICK: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(1));

/// What pulling needs.
pub(crate) struct Partners {
    pub(crate) member: Arc<Member>,
    pub(crate) fetcher: Fetcher,
    pub(crate) settings: Settings,
    /// The origin that partners know this registry by: entries that come back are passed over.
    pub(crate) own: Option<Origin>,
}

/// Pulls whenever this member leads, until it stops.
pub(crate) async fn lead(with: Partners) {
    while with.member.until_leads(true).await {
        tokio::select! {
            _ = with.member.until_leads(false) => {}
            () = while_leading(&with) => {}
        }
    }
}

/// What this leader remembers of a partner. It is lost with the leadership: the next leader goes on
/// from what the state says.
#[derive(Debug, Default)]
struct Slot {
    next_ms: u64,
    failures: u32,
    round: u64,
    /// `None` while it is out with a pull.
    walk: Option<take::Walk>,
}

/// A pull that has ended: its partner, where its walk is, and whether there is more.
type Ended = (Namespace, take::Walk, Result<bool, PullError>);

/// What this leader does about its partners.
struct Leadership<'m> {
    with: &'m Partners,
    slots: BTreeMap<Namespace, Slot>,
    pulls: JoinSet<Ended>,
    started: Instant,
    seed: u64,
}

/// Never ends; dropping it ends its pulls.
async fn while_leading(with: &Partners) {
    let (slots, pulls) = (BTreeMap::new(), JoinSet::new());
    let (started, seed) = (Instant::now(), random::seed());
    let mut leadership = Leadership { with, slots, pulls, started, seed };
    let mut tick = interval((with.settings.every.std() / 4).clamp(TICK.0, TICK.1));
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = tick.tick() => {}
            Some(Ok(ended)) = leadership.pulls.join_next() => leadership.settle(ended).await,
        }
        if let Ok(partners) = partners(&with.member) {
            leadership.start(partners);
        }
    }
}

impl Leadership<'_> {
    fn now_ms(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// Notes how a pull went, and when the next is due.
    async fn settle(&mut self, (name, walk, outcome): Ended) {
        let (pace, now_ms) = (pace(&self.with.settings), self.now_ms());
        let Some(slot) = self.slots.get_mut(&name) else { return };
        let more = record_outcome(&self.with.member, &name, slot, outcome).await;
        (slot.walk, slot.round) = (Some(walk), slot.round + 1);
        let past = PastAttempts { failures: slot.failures, retry_after_s: None };
        let at = pace.next((self.seed, name.as_str(), slot.round), past, now_ms);
        // A walk that its budget has cut goes on soon, but not at once.
        slot.next_ms = if more { now_ms.saturating_add(pace.every_ms / 4) } else { at };
    }

    /// Starts the pulls that are due.
    fn start(&mut self, mut partners: Vec<PartnerEntry>) {
        partners.retain(|partner| partner.state == PartnerState::Active);
        // One that comes back from quarantine starts afresh.
        self.slots.retain(|name, _| partners.iter().any(|partner| partner.name == *name));
        let now_ms = self.now_ms();
        for partner in partners {
            let slot = self.slots.entry(partner.name.clone()).or_insert_with(Slot::fresh);
            if slot.next_ms > now_ms || self.pulls.len() >= self.with.settings.pulls_max {
                continue;
            }
            let Some(walk) = slot.walk.take() else { continue };
            let Settings { requests_max: pages, bytes_max, .. } = self.with.settings;
            let bytes = bytes_max.count();
            self.pulls.spawn(run(Pull {
                member: Arc::clone(&self.with.member),
                fetcher: self.with.fetcher.clone(),
                own: self.with.own.clone(),
                budget: Budget { pages, bytes },
                partner,
                walk,
                followed: None,
                gone: BTreeMap::new(),
                withdrawals: withdrawals(&self.with.settings),
            }));
        }
    }
}

impl Slot {
    fn fresh() -> Self {
        Self { walk: Some(take::Walk::default()), ..Self::default() }
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

fn withdrawals(settings: &Settings) -> Withdrawals {
    let percent_max = settings.withdraw_percent_max;
    Withdrawals { percent_max, hold_ms: millis(settings.withdraw_hold.std()) }
}

fn pace(settings: &Settings) -> Pace {
    Pace { every_ms: millis(settings.every.std()), pause_ms_max: millis(settings.pause_max.std()) }
}

fn partners(member: &Member) -> Result<Vec<PartnerEntry>, Problem> {
    Ok(query::partners(&member.registry.view().0, None, PARTNERS_MAX)?)
}

/// One pull; true if there is more than the budget allowed.
async fn run(mut pull: Pull) -> Ended {
    let agreement = pull.partner.agreement();
    if pull.walk.agreement.is_some_and(|began| began != agreement) {
        pull.walk = take::Walk::default();
    }
    pull.walk.agreement = Some(agreement);
    let outcome = pulled(&mut pull).await;
    (pull.partner.name, pull.walk, outcome)
}

async fn pulled(pull: &mut Pull) -> Result<bool, PullError> {
    // Before anything else: a list that is far beyond a lowered quota is not read to its end.
    Box::pin(pull.trim()).await?;
    match pull.partner.terms.kind {
        PartnerKind::Ecumene => Box::pin(ecumene::pull(pull)).await,
        PartnerKind::Pilox => Box::pin(pilox::pull(pull)).await,
    }
}

/// A failure makes the pauses longer; misbehaviour ends the pulls until the operator decides.
async fn record_outcome(
    member: &Member,
    name: &Namespace,
    slot: &mut Slot,
    outcome: Result<bool, PullError>,
) -> bool {
    let error = match outcome {
        Ok(more) => {
            slot.failures = 0;
            return more;
        }
        Err(error) => error,
    };
    slot.failures = slot.failures.saturating_add(1);
    match error {
        PullError::Misbehaviour(reason) => quarantine(member, name, reason).await,
        PullError::Failed(reason) => {
            tracing::warn!(partner = %name, reason, failures = slot.failures, "a pull failed");
            note_failure(member, name, reason, slot.failures).await;
        }
    }
    false
}

async fn quarantine(member: &Member, name: &Namespace, reason: String) {
    tracing::error!(partner = %name, reason, "a partner is caught in a lie");
    let command = QuarantinePartner { name: name.clone(), reason };
    let command = FederationCommand::QuarantinePartner(command).into();
    if let Err(problem) = member.write_command(command).await {
        tracing::warn!(partner = %name, code = %problem.code(), "the quarantine is not noted");
    }
}

/// Keeps for the operator why pulls fail; the core tells a repetition once a minute.
async fn note_failure(member: &Member, name: &Namespace, reason: String, pulls: u32) {
    let view = member.registry.view().0;
    let kept = query::partner(&view, name).ok().flatten().and_then(|kept| kept.failing);
    drop(view);
    // What would change nothing is not proposed.
    if kept.is_some_and(|failing| failing.tells(&reason, member.clock.now())) {
        return;
    }
    let command =
        FederationCommand::FailPartner(FailPartner { name: name.clone(), reason, pulls }).into();
    if let Err(problem) = member.write_command(command).await {
        tracing::warn!(partner = %name, code = %problem.code(), "the failure is not noted");
    }
}
