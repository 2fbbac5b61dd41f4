//! Spends tokens through the registry, many in one call, where they do not travel with what they pay for.
//!
//! Decides how many tokens share a call. Must never tell a caller that its token was fresh unless
//! the registry said so of this very token: when in doubt it says so; nor let one peer's tokens keep
//! another's out of the queue, or from travelling.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use deploy_service::{Place, Pool};
use gateway_core::{Denial, Failure, Holder, Permit};
use proto_types::{Class, Origin, Shares, WallMs};
use proto_wire::registry::v1 as wire;
use tokio::sync::{Semaphore, mpsc, oneshot};

use crate::gateway::Gateway;
use crate::registry::{Registry, Unanswered};

/// What the registry takes in one call.
const BATCH_MAX: usize = 1_024;
/// Calls under way. While they are, tokens gather for the next: one commit pays for all of them,
/// and an idle gateway waits for nobody.
const CALLS_MAX: usize = 2;

/// What a request has to be paid for with. A peer's token is either spent here, or it travels with what it pays for; whoever
/// does one or the other takes it. Who is no peer has none, and of a bound token nothing is left.
#[must_use = "what it is to pay for is not paid for"]
pub(crate) struct Payment(Option<Shown>);

/// A token, and the peer that shows it.
struct Shown {
    peer: Origin,
    token: wire::TokenUse,
}

impl Payment {
    /// The token that a request has shown, as [`token_use`]. One that is bound to this gateway is spent by this, here and
    /// nowhere else, and nothing is left to pay.
    ///
    /// # Errors
    /// A bound token was used before, cannot be remembered, or is another gateway's to spend.
    pub(crate) fn of(gateway: &Gateway, permit: &Permit, epoch: u64) -> Result<Self, Failure> {
        match &permit.holder {
            None => {
                let (peer, token) = (permit.peer.origin.clone(), token_use(permit, epoch));
                Ok(Self(Some(Shown { peer, token })))
            }
            Some(Holder::This) => {
                let most = gateway.live.load().bounds.bound_tokens_max;
                gateway.fleet.tokens.spend(permit, most).map(|()| Self::nothing())
            }
            Some(Holder::Another { .. }) => Err(Failure::Denied(Denial::HolderAway)),
        }
    }

    /// Of a client: single use is of a peer's tokens alone. And of a bound token, once it is spent.
    pub(crate) const fn nothing() -> Self {
        Self(None)
    }

    /// Whether nothing is left to be spent.
    pub(crate) const fn is_nothing(&self) -> bool {
        self.0.is_none()
    }

    /// For the message that it travels with: the registry spends it in the proposal of what is asked there, or not at all.
    /// None if there is nothing to spend.
    pub(crate) fn enclosed(self) -> Option<wire::TokenUse> {
        self.0.map(|shown| shown.token)
    }
}

/// What is told where the registry has carried out a request and does not say that it spent the token that came with it.
pub(crate) fn overlooked() -> Failure {
    tracing::error!("the registry spends no token that comes with a request: its version is older");
    Failure::Internal
}

/// The queue of tokens; clones share it.
#[derive(Clone)]
pub(crate) struct Spender {
    queue: mpsc::Sender<Waiting>,
    /// Tokens in the queue, and those that travel with an envelope, by the peer that shows them.
    places: Pool<Origin>,
    counts: Arc<Counts>,
}

/// What was spent, for counters.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub(crate) calls: AtomicU64,
    pub(crate) tokens: AtomicU64,
}

struct Waiting {
    token: wire::TokenUse,
    verdict: oneshot::Sender<SpendResult>,
    /// Given back when the token leaves the queue.
    place: Option<Place<Origin>>,
}

/// Whether a token was fresh; why not.
type SpendResult = Result<(), Failure>;

impl Spender {
    /// Starts spending; ends when the last clone is dropped.
    pub(crate) fn start(registry: Arc<Registry>, queue_max: usize) -> Self {
        let (spender, waiting) = Self::new(queue_max);
        tokio::spawn(run(registry, waiting, Arc::clone(&spender.counts)));
        spender
    }

    /// The queue and its other end.
    fn new(queue_max: usize) -> (Self, mpsc::Receiver<Waiting>) {
        let (queue, waiting) = mpsc::channel(queue_max);
        // Only peers show tokens: there is nobody to keep places for.
        let places = Pool::new(Shares::new(queue_max as u64).without_reserve());
        (Self { queue, places, counts: Arc::new(Counts::default()) }, waiting)
    }

    /// Spends a token by itself.
    ///
    /// # Errors
    /// It was used before, too many wait, of its peer or of all, or nobody knows. Cancel safe for everybody but the
    /// token, which may be spent.
    pub(crate) async fn spend(&self, Payment(shown): Payment) -> Result<(), Failure> {
        let Some(Shown { peer, token }) = shown else { return Ok(()) };
        let verdict = self.enqueue(&peer, token)?;
        verdict.await.unwrap_or(Err(Failure::RegistryAway))
    }

    /// Puts a token of a peer into the queue.
    fn enqueue(
        &self,
        peer: &Origin,
        token: wire::TokenUse,
    ) -> Result<oneshot::Receiver<SpendResult>, Failure> {
        let place = Some(self.place_of(peer)?);
        let (sender, verdict) = oneshot::channel();
        let waiting = Waiting { token, verdict: sender, place };
        self.queue.try_send(waiting).map_err(|_| Failure::Overloaded)?;
        Ok(verdict)
    }

    /// A place among the tokens that wait, for one that travels: until the registry has answered. None if there is nothing to
    /// spend.
    ///
    /// # Errors
    /// Too many wait, of its peer or of all.
    pub(crate) fn place(&self, payment: &Payment) -> Result<Option<Place<Origin>>, Failure> {
        payment.0.as_ref().map(|shown| self.place_of(&shown.peer)).transpose()
    }

    fn place_of(&self, peer: &Origin) -> Result<Place<Origin>, Failure> {
        self.places.place(Class::Ordinary, peer.clone()).map_err(Failure::from)
    }

    pub(crate) fn counts(&self) -> &Counts {
        &self.counts
    }
}

/// The token of a permit, as the registry learns of it, with the cluster epoch of what it was checked against: in a cluster of
/// another one nothing is spent, nor kept for it.
pub(crate) fn token_use(permit: &Permit, epoch: u64) -> wire::TokenUse {
    wire::TokenUse {
        key: permit.replay_key.as_bytes().to_vec().into(),
        remember_until_ms: permit.remember_until.0,
        issued_at_ms: WallMs::from_secs(permit.claims.iat).0,
        epoch: Some(epoch),
    }
}

async fn run(registry: Arc<Registry>, mut waiting: mpsc::Receiver<Waiting>, counts: Arc<Counts>) {
    let calls = Arc::new(Semaphore::new(CALLS_MAX));
    loop {
        let Ok(call) = Arc::clone(&calls).acquire_owned().await else { return };
        let batch = next(&mut waiting).await;
        if batch.is_empty() {
            return;
        }
        counts.calls.fetch_add(1, Ordering::Relaxed);
        counts.tokens.fetch_add(batch.len() as u64, Ordering::Relaxed);
        let registry = Arc::clone(&registry);
        tokio::spawn(async move {
            spend(&registry, batch).await;
            drop(call);
        });
    }
}

/// What waits, for one call; none if nobody is left to ask.
async fn next(waiting: &mut mpsc::Receiver<Waiting>) -> Vec<Waiting> {
    let mut batch = Vec::new();
    waiting.recv_many(&mut batch, BATCH_MAX).await;
    for taken in &mut batch {
        drop(taken.place.take());
    }
    batch
}

async fn spend(registry: &Registry, batch: Vec<Waiting>) {
    let tokens = batch.iter().map(|waiting| waiting.token.clone()).collect();
    let (verdicts, earlier_in_doubt) = match registry.spend(tokens).await {
        Ok((reply, in_doubt)) if reply.verdicts.len() == batch.len() => (reply.verdicts, in_doubt),
        Ok(_) => return tell_all(batch, &Failure::RegistryAway),
        Err(unanswered @ Unanswered::Away { .. }) => return tell_all(batch, &unanswered.failure()),
        Err(refused) => {
            tracing::error!(%refused, "the registry spends no tokens");
            return tell_all(batch, &refused.failure());
        }
    };
    for (waiting, verdict) in batch.into_iter().zip(verdicts) {
        // A caller that went away does not hear it; its token is spent all the same.
        let _ = waiting.verdict.send(judge(verdict, earlier_in_doubt));
    }
}

/// After an attempt whose answer was lost, "replayed" may be that attempt: nobody knows.
fn judge(verdict: i32, earlier_in_doubt: bool) -> Result<(), Failure> {
    match wire::Verdict::try_from(verdict) {
        Ok(wire::Verdict::Fresh) => Ok(()),
        Ok(wire::Verdict::Replayed) if !earlier_in_doubt => Err(Failure::Replayed),
        // The registry's clock says that the token is dead; it was checked with ours before.
        Ok(wire::Verdict::OutOfHorizon) => Err(Failure::Replayed),
        _ => Err(Failure::RegistryAway),
    }
}

fn tell_all(batch: Vec<Waiting>, failure: &Failure) {
    for waiting in batch {
        let _ = waiting.verdict.send(Err(failure.clone()));
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn peer(name: &str) -> Origin {
        Origin::parse(&format!("https://{name}.example")).unwrap()
    }

    #[tokio::test]
    async fn one_peers_tokens_leave_room_in_the_queue_for_anothers() {
        let (spender, mut waiting) = Spender::new(64);
        let enqueue = |peer: &Origin| spender.enqueue(peer, wire::TokenUse::default());
        let greedy = peer("a");
        let queued: Vec<_> = std::iter::from_fn(|| enqueue(&greedy).ok()).take(64).collect();
        assert_eq!(queued.len(), 32);
        assert_eq!(enqueue(&greedy).unwrap_err(), Failure::ShareReached);
        let travelling = |name| {
            let token = wire::TokenUse::default();
            spender.place(&Payment(Some(Shown { peer: peer(name), token })))
        };
        assert_eq!(travelling("a").unwrap_err(), Failure::ShareReached);
        let _other = enqueue(&peer("b")).expect("room for another peer");
        let _others = travelling("b").expect("room for what travels");
        assert!(spender.place(&Payment::nothing()).unwrap().is_none(), "a client has no token");
        assert_eq!(spender.spend(Payment::nothing()).await, Ok(()));
        assert_eq!(next(&mut waiting).await.len(), 33);
        assert_eq!(spender.places.taken(), 1, "what is being spent waits no more");
        let _next = enqueue(&greedy).expect("room again");
    }

    #[test]
    fn only_fresh_lets_in_and_replayed_after_a_lost_answer_is_doubt() {
        let say = |verdict: wire::Verdict, in_doubt| judge(verdict.into(), in_doubt);
        assert_eq!(say(wire::Verdict::Fresh, false), Ok(()));
        assert_eq!(say(wire::Verdict::Fresh, true), Ok(()));
        assert_eq!(say(wire::Verdict::Replayed, false), Err(Failure::Replayed));
        assert_eq!(say(wire::Verdict::Replayed, true), Err(Failure::RegistryAway));
        assert_eq!(say(wire::Verdict::OutOfHorizon, false), Err(Failure::Replayed));
        assert_eq!(say(wire::Verdict::Unspecified, false), Err(Failure::RegistryAway));
        assert_eq!(judge(99, false), Err(Failure::RegistryAway));
    }
}
