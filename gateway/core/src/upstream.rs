//! The replicas of one attached agent: which of them is called next, and which is left alone for a while.
//!
//! Decides by what calls and probes have shown; times and random numbers are arguments. Must never know what is said to a
//! replica, and never leave an agent without one that may be called.

mod balance;
mod ejection;
mod retry;

use proto_types::upstream::UpstreamUrl;
use proto_types::{Digest, MonoUs};

use self::balance::Load;
use self::ejection::Health;
pub use self::retry::RetryBudget;

/// A replica that nothing was heard of for so long is probed. Arbitrary.
const SILENCE_US: u64 = 30_000_000;

/// A short name of a replica: the start of the SHA-256 of its URL. Two replicas of one agent share it once in 100 million
/// agents, and then a task may be asked for at the wrong one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ReplicaTag([u8; 4]);

/// The replicas of one agent.
#[derive(Debug)]
pub struct Replicas {
    replicas: Vec<Replica>,
}

#[derive(Debug)]
struct Replica {
    url: UpstreamUrl,
    tag: ReplicaTag,
    load: Load,
    health: Health,
    heard_at: MonoUs,
}

/// A replica that was chosen for one call, which counts as in flight until it is told how it ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// Its short name.
    pub tag: ReplicaTag,
    /// Where it is.
    pub url: UpstreamUrl,
}

/// How a call ended, as far as it tells how its replica does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// It was answered, with whatever.
    Ok,
    /// It was not, or as a replica answers that cannot work.
    Failed,
    /// The caller left: this tells nothing.
    Dropped,
}

impl ReplicaTag {
    /// The tag of the replica at this URL.
    #[must_use]
    pub fn of(url: &str) -> Self {
        let Digest([a, b, c, d, ..]) = Digest::of(url.as_bytes());
        Self([a, b, c, d])
    }

    /// A tag from its bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 4]) -> Self {
        Self(bytes)
    }

    /// Its bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 4] {
        &self.0
    }
}

impl Replica {
    fn new(url: &UpstreamUrl) -> Self {
        Self {
            url: url.clone(),
            tag: ReplicaTag::of(url.as_str()),
            load: Load::default(),
            health: Health::default(),
            heard_at: MonoUs::default(),
        }
    }
}

impl Replicas {
    /// The replicas at these URLs, of which nothing is known yet.
    #[must_use]
    pub fn new(urls: &[UpstreamUrl]) -> Self {
        Self { replicas: urls.iter().map(Replica::new).collect() }
    }

    /// Has these URLs from now on. What is known of those that stay is kept.
    pub fn update(&mut self, urls: &[UpstreamUrl]) {
        let mut before = std::mem::take(&mut self.replicas);
        let kept = |url: &UpstreamUrl| {
            let at = before.iter().position(|replica| replica.url == *url);
            at.map_or_else(|| Replica::new(url), |at| before.swap_remove(at))
        };
        self.replicas = urls.iter().map(kept).collect();
    }

    /// Chooses a replica for one call, which is in flight from now on: the less loaded of two that `draw` picks of the
    /// healthy ones. The one of the tag `prefer` is chosen as long as it is there, healthy or not: nobody else knows its
    /// tasks. The one of the tag `not` is never chosen: there may be no other, and then nothing is in flight.
    pub fn choose(
        &mut self,
        now: MonoUs,
        draw: u64,
        prefer: Option<ReplicaTag>,
        not: Option<ReplicaTag>,
    ) -> Option<Choice> {
        let others: Vec<usize> = self.indices(|replica| Some(replica.tag) != not);
        let preferred = others.iter().find(|at| Some(self.replicas[**at].tag) == prefer);
        let at = preferred.copied().or_else(|| self.lighter(now, draw, &others))?;
        let replica = &mut self.replicas[at];
        replica.load.begin();
        Some(Choice { tag: replica.tag, url: replica.url.clone() })
    }

    /// Ends what [`Self::choose`] began, once for each choice. `latency_us` is the time until the answer began; it counts
    /// where there was one.
    pub fn ended(&mut self, choice: &Choice, now: MonoUs, ended: Ended, latency_us: u64) {
        let may_eject = self.may_eject(now);
        let Some(replica) = self.find(&choice.url) else { return };
        replica.load.end();
        match ended {
            Ended::Ok => {
                replica.load.observe(now, latency_us);
                replica.health.succeeded();
            }
            Ended::Failed => replica.health.failed(now, may_eject),
            Ended::Dropped => return,
        }
        replica.heard_at = now;
    }

    /// The replicas that are to be probed now: those that are left alone, and those that nothing was heard of for long,
    /// which count as heard of from now on.
    pub fn to_probe(&mut self, now: MonoUs) -> Vec<UpstreamUrl> {
        let mut urls = Vec::new();
        for replica in &mut self.replicas {
            if replica.health.is_ejected(now) || now.since(replica.heard_at) >= SILENCE_US {
                replica.heard_at = now;
                urls.push(replica.url.clone());
            }
        }
        urls
    }

    /// Whether a replica answered to a probe.
    pub fn probed(&mut self, url: &UpstreamUrl, now: MonoUs, is_alive: bool) {
        let may_eject = self.may_eject(now);
        let Some(replica) = self.find(url) else { return };
        match is_alive {
            true => replica.health.answered(),
            false => replica.health.failed(now, may_eject),
        }
    }

    fn find(&mut self, url: &UpstreamUrl) -> Option<&mut Replica> {
        self.replicas.iter_mut().find(|replica| replica.url == *url)
    }

    fn indices(&self, of: impl Fn(&Replica) -> bool) -> Vec<usize> {
        (0..self.replicas.len()).filter(|at| of(&self.replicas[*at])).collect()
    }

    /// Whether one more may be left alone: at most half of them are, and so never the last one.
    fn may_eject(&self, now: MonoUs) -> bool {
        let ejected = self.indices(|replica| replica.health.is_ejected(now)).len();
        (ejected + 1) * 2 <= self.replicas.len()
    }

    /// The less loaded of two of these: of the healthy ones, or of all if none is.
    fn lighter(&self, now: MonoUs, draw: u64, of: &[usize]) -> Option<usize> {
        let healthy = of.iter().copied().filter(|at| !self.replicas[*at].health.is_ejected(now));
        let healthy: Vec<usize> = healthy.collect();
        let of = if healthy.is_empty() { of } else { &healthy };
        let (first, second) = balance::two_of(draw, of)?;
        let (load, other) = (&self.replicas[first].load, &self.replicas[second].load);
        Some(if load.is_at_most(other, now) { first } else { second })
    }
}

#[cfg(test)]
mod tests;
