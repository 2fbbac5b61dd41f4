//! What an ended request says of the peer whose token it showed, and how that is counted.
//!
//! Decides what is good conduct, what is bad, and what says nothing. Must never blame a peer for what somebody else can
//! have brought about: a token is a bearer's, so whoever saw it can send it again with any body. What is wrong with a
//! request counts only if its token was fresh, once; what is wrong with the token itself counts never.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU8, AtomicU32, Ordering};

use proto_types::MonoUs;

use crate::dispatch;
use crate::errors::{CallError, Failure, Forbidden};
use crate::gcra::{Quota, RetryAfter};
use crate::quarantine::Quarantine;

/// The span that one report speaks of, as the registry counts them.
pub const WINDOW_MS: u64 = 60_000;

/// Requests of one peer that the registry is asked about in one window, whether their tokens were fresh. A flood beyond
/// it says nothing new, and must not reach the registry.
const CHARGES_MAX: u32 = 256;

/// What a request says of its peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Conduct {
    /// A call that was answered.
    Good,
    /// A call that only its sender can have spoiled.
    Bad,
    /// A call beyond the peer's quota.
    Over,
}

/// What a request says of its peer, by how it ended; `None` if nothing.
#[must_use]
pub fn judge(ended: Result<(), &Failure>) -> Option<Conduct> {
    use Failure::{Deadline, Stopping, UpstreamOverloaded, UpstreamTimeout, UpstreamUnreachable};
    let Err(failure) = ended else { return Some(Conduct::Good) };
    match failure {
        // The document is the sender's, to the last byte.
        Failure::NotJson(_) | Failure::Document(_) => Some(Conduct::Bad),
        Failure::Forbidden(why) => of_forbidden(*why),
        Failure::PeerLimit(_) => Some(Conduct::Over),
        Failure::Call(error) => of_call(error),
        // Tokens are stolen, and addresses shared.
        Failure::Credential(_) | Failure::Denied(_) | Failure::Replayed => None,
        Failure::NotOperator | Failure::AddressLimit(_) => None,
        // Not verified yet: bodies are cut off, and paths and queries written by others.
        Failure::Path(_) | Failure::NotFound | Failure::Method(_) | Failure::Argument(_) => None,
        Failure::PreconditionFailed { .. } | Failure::Body(_) => None,
        // Those who are told so are no peers; leases end by themselves, and the limits are ours.
        Failure::ClientLimit(_) | Failure::StaleLease | Failure::ShareReached => None,
        // Of those who have configured who calls whom.
        Failure::LoopDetected => None,
        // Ours, the registry's, or that of the agent behind us.
        Failure::RegistryAway | Failure::Overloaded | Failure::Internal => None,
        Deadline | Stopping | UpstreamUnreachable | UpstreamOverloaded | UpstreamTimeout => None,
    }
}

fn of_forbidden(why: Forbidden) -> Option<Conduct> {
    match why {
        // The name in the document is the sender's, as all of it is.
        Forbidden::ForeignSource => Some(Conduct::Bad),
        // What the operator permits changes without the caller.
        Forbidden::NotByFront | Forbidden::MethodNotGranted | Forbidden::PolicyDenied => None,
    }
}

fn of_call(error: &CallError) -> Option<Conduct> {
    match error {
        CallError::Parse | CallError::Request(_) => Some(Conduct::Bad),
        // Which agents there are, and which page follows another, changes without the caller.
        CallError::Params(faults) => {
            let is_own = |field: &str| !matches!(field, "tenant" | "pageToken");
            faults.iter().any(|fault| is_own(&fault.field())).then_some(Conduct::Bad)
        }
        // A caller may know more of A2A than we serve.
        CallError::Operation(
            dispatch::Error::Version
            | dispatch::Error::VersionConflict
            | dispatch::Error::Legacy
            | dispatch::Error::Unsupported
            | dispatch::Error::PushNotifications
            | dispatch::Error::Unknown,
        ) => None,
        // What an agent takes changes without the caller.
        CallError::ContentType(_) => None,
        // A task ends, and is forgotten, without its owner.
        CallError::TaskNotFound
        | CallError::TaskNotCancelable
        | CallError::TaskOver
        | CallError::TaskEnded => None,
        // The agent behind us.
        CallError::AgentResponse | CallError::Upstream(..) => None,
        // How an agent is run changes without the caller, and the key is ours.
        CallError::AttachedUnsupported | CallError::NoFederationKey => None,
    }
}

/// What was seen of one peer since it was last taken. Each count is a word of its own: a request costs one addition.
#[derive(Debug, Default)]
pub struct Tally {
    good: AtomicU32,
    bad: AtomicU32,
    over: AtomicU32,
    /// Requests with a fresh token that say nothing.
    silent: AtomicU32,
    /// How often the registry was queried.
    queries: AtomicU32,
    /// Bad ones since the process began; it goes round.
    bad_ever: AtomicU32,
    /// Most peers never need one.
    quarantine: OnceLock<Box<Quarantine>>,
    standing: AtomicU8,
}

/// Whether the registry has evidence of a peer, as far as this gateway was told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Standing {
    /// It was not asked yet.
    #[default]
    Unknown,
    /// Next to none.
    Newcomer,
    /// Enough to know the peer by.
    Known,
}

/// Events of one window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Events {
    /// Of good conduct.
    pub good: u32,
    /// Of bad conduct.
    pub bad: u32,
}

impl Tally {
    /// Counts a request whose token was spent for it, or was found to be fresh.
    pub fn count(&self, conduct: Option<Conduct>) {
        let count = match conduct {
            Some(Conduct::Good) => &self.good,
            Some(Conduct::Bad) => &self.bad,
            Some(Conduct::Over) => &self.over,
            None => &self.silent,
        };
        count.fetch_add(1, Ordering::Relaxed);
        if conduct == Some(Conduct::Bad) {
            self.bad_ever.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Whether the peer is let in, after what it has spoiled, where so much of it is bearable.
    ///
    /// # Errors
    /// It is in quarantine; for how long.
    pub fn check_quarantine(&self, now: MonoUs, bearable: Quota) -> Result<(), RetryAfter> {
        match self.bad_ever.load(Ordering::Relaxed) {
            0 => Ok(()),
            bad => self.quarantine.get_or_init(Box::default).check(now, bad, bearable),
        }
    }

    /// What is known of the peer.
    pub fn standing(&self) -> Standing {
        match self.standing.load(Ordering::Relaxed) {
            NEWCOMER => Standing::Newcomer,
            KNOWN => Standing::Known,
            _ => Standing::Unknown,
        }
    }

    /// What the registry says of the peer.
    pub fn set_standing(&self, standing: Standing) {
        let word = match standing {
            Standing::Unknown => UNKNOWN,
            Standing::Newcomer => NEWCOMER,
            Standing::Known => KNOWN,
        };
        self.standing.store(word, Ordering::Relaxed);
    }

    /// Whether the registry may be asked about one more token of this peer.
    pub fn may_ask(&self) -> bool {
        self.queries.load(Ordering::Relaxed) < CHARGES_MAX
            && self.queries.fetch_add(1, Ordering::Relaxed) < CHARGES_MAX
    }

    /// Takes what was seen; `None` if there is nothing to tell. `burst` is what the peer's quota allows at once: requests
    /// beyond the quota count only if its own fresh tokens can have used it up. Replays use up a quota too, and are not
    /// the peer's.
    pub fn take(&self, burst: u32) -> Option<Events> {
        let take = |count: &AtomicU32| match count.load(Ordering::Relaxed) {
            0 => 0,
            _ => count.swap(0, Ordering::Relaxed),
        };
        take(&self.queries);
        let (good, spoiled) = (take(&self.good), take(&self.bad));
        let (over, silent) = (take(&self.over), take(&self.silent));
        let own = good.saturating_add(spoiled).saturating_add(silent);
        let bad = if own >= burst { spoiled.saturating_add(over) } else { spoiled };
        (good > 0 || bad > 0).then_some(Events { good, bad })
    }
}

/// [`Standing`] in one byte.
const UNKNOWN: u8 = 0;
const NEWCOMER: u8 = 1;
const KNOWN: u8 = 2;

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use proto_types::a2a::A2aError;
    use proto_types::token::Refusal;

    use super::*;
    use crate::denial::Denial;
    use crate::gcra::RetryAfter;
    use crate::params::fault;

    #[test]
    fn only_what_the_caller_alone_can_have_spoiled_is_bad() {
        let params = |path: &str| Failure::Call(CallError::Params(vec![fault(path, "there")]));
        for (failure, expected) in [
            (Failure::Call(CallError::Parse), Some(Conduct::Bad)),
            (Failure::Call(CallError::Request(Vec::new())), Some(Conduct::Bad)),
            (params("/message/parts"), Some(Conduct::Bad)),
            (params("/tenant"), None),
            (params("/pageToken"), None),
            (Failure::NotJson(Vec::new()), Some(Conduct::Bad)),
            (Failure::Document(Vec::new()), Some(Conduct::Bad)),
            (Failure::Forbidden(Forbidden::ForeignSource), Some(Conduct::Bad)),
            (Failure::PeerLimit(RetryAfter { us: 1 }), Some(Conduct::Over)),
            (Failure::Replayed, None),
            (Failure::Denied(Denial::Token(Refusal::BadSignature)), None),
            (Failure::Denied(Denial::IssuerRevoked), None),
            (Failure::RegistryAway, None),
            (Failure::Deadline, None),
            (Failure::Stopping, None),
            (Failure::Internal, None),
            (Failure::Call(CallError::AgentResponse), None),
            (Failure::Call(CallError::Upstream(A2aError::InvalidParams, String::new())), None),
            (Failure::UpstreamUnreachable, None),
            (Failure::Call(CallError::TaskNotFound), None),
            (Failure::Call(CallError::Operation(dispatch::Error::Unknown)), None),
        ] {
            assert_eq!(judge(Err(&failure)), expected, "{failure:?}");
        }
        assert_eq!(judge(Ok(())), Some(Conduct::Good));
    }

    #[test]
    fn what_is_taken_is_taken_once() {
        let tally = Tally::default();
        assert_eq!(tally.take(9), None);
        tally.count(Some(Conduct::Good));
        tally.count(Some(Conduct::Bad));
        tally.count(None);
        assert_eq!(tally.take(9), Some(Events { good: 1, bad: 1 }));
        assert_eq!(tally.take(9), None);
    }

    #[test]
    fn overruns_count_only_if_the_peer_itself_used_its_quota_up() {
        let tally = Tally::default();
        let overrun = |own: u32| {
            (0..own).for_each(|_| tally.count(Some(Conduct::Good)));
            (0..3).for_each(|_| tally.count(Some(Conduct::Over)));
            tally.take(5).unwrap()
        };
        assert_eq!(overrun(4), Events { good: 4, bad: 0 });
        assert_eq!(overrun(5), Events { good: 5, bad: 3 });
    }

    #[test]
    fn a_peer_that_spoils_more_than_is_bearable_is_in_quarantine_and_no_other_is() {
        let (bad, good) = (Tally::default(), Tally::default());
        let bearable = Quota::new(3, 60_000_000).unwrap();
        let now = MonoUs(1);
        for _ in 0..4 {
            bad.count(Some(Conduct::Bad));
            good.count(Some(Conduct::Good));
            good.count(Some(Conduct::Over));
        }
        bad.take(9);
        assert!(bad.check_quarantine(now, bearable).is_err());
        assert!(good.check_quarantine(now, bearable).is_ok());
    }

    #[test]
    fn what_the_registry_says_of_a_peer_is_kept() {
        let tally = Tally::default();
        assert_eq!(tally.standing(), Standing::Unknown);
        for standing in [Standing::Newcomer, Standing::Known, Standing::Unknown] {
            tally.set_standing(standing);
            assert_eq!(tally.standing(), standing);
        }
    }

    #[test]
    fn a_flood_asks_the_registry_so_often_and_no_more() {
        let tally = Tally::default();
        let queries = (0..1_000).filter(|_| tally.may_ask()).count();
        assert_eq!(queries, CHARGES_MAX as usize);
        tally.take(1);
        assert!(tally.may_ask());
    }
}
