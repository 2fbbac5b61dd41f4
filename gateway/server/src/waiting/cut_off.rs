//! Which peers are let in no more of late, and how many of their calls have ended for that.
//!
//! Decides for how long it is told. Must never be what a peer is let in by: that is for the cache to say.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use proto_types::{MonoUs, Origin};

/// For so long the registry is told of a peer: longer than anybody waits for it.
const KEPT_US: u64 = 600_000_000;

/// As many as the registry takes. The one that was cut off longest ago makes room.
const PEERS_MAX: usize = 100;

/// The peers that were cut off.
#[derive(Debug, Default)]
pub(crate) struct CutOffs(Mutex<BTreeMap<Origin, CutOff>>);

/// What has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CutOff {
    at: MonoUs,
    pub(crate) streams: u32,
    pub(crate) calls: u32,
}

/// A request that lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lasting {
    Stream,
    Call,
}

impl CutOffs {
    /// A peer is let in no more. What is known of it stays.
    pub(crate) fn begin(&self, peer: &Origin, now: MonoUs) {
        self.with(peer, now, |_| ());
    }

    /// A request of such a peer has ended for it.
    pub(crate) fn count(&self, peer: &Origin, ended: Lasting, now: MonoUs) {
        self.with(peer, now, |cut_off| {
            let count = match ended {
                Lasting::Stream => &mut cut_off.streams,
                Lasting::Call => &mut cut_off.calls,
            };
            *count = count.saturating_add(1);
        });
    }

    /// A peer is let in, again or at first.
    pub(crate) fn end(&self, peer: &Origin) {
        self.lock().remove(peer);
    }

    /// What has ended of late, by peer.
    pub(crate) fn recent(&self, now: MonoUs) -> Vec<(Origin, CutOff)> {
        let mut peers = self.lock();
        peers.retain(|_, cut_off| now.since(cut_off.at) < KEPT_US);
        peers.iter().map(|(peer, cut_off)| (peer.clone(), *cut_off)).collect()
    }

    fn with(&self, peer: &Origin, now: MonoUs, change: impl FnOnce(&mut CutOff)) {
        let mut peers = self.lock();
        if peers.len() >= PEERS_MAX && !peers.contains_key(peer) {
            let oldest = peers.iter().min_by_key(|(_, cut_off)| cut_off.at);
            if let Some(oldest) = oldest.map(|(peer, _)| peer.clone()) {
                peers.remove(&oldest);
            }
        }
        let none = CutOff { at: now, streams: 0, calls: 0 };
        let cut_off = peers.entry(peer.clone()).or_insert(none);
        cut_off.at = now;
        change(cut_off);
    }

    /// Held for a few map operations.
    fn lock(&self) -> MutexGuard<'_, BTreeMap<Origin, CutOff>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn peer(number: usize) -> Origin {
        Origin::parse(&format!("https://p{number:03}.example")).unwrap()
    }

    fn told(cut_offs: &CutOffs, now: MonoUs) -> Vec<(Origin, u32, u32)> {
        let told = cut_offs.recent(now).into_iter();
        told.map(|(peer, CutOff { streams, calls, .. })| (peer, streams, calls)).collect()
    }

    #[test]
    fn what_ended_is_counted_by_peer_until_it_is_let_in_again() {
        let (cut_offs, now) = (CutOffs::default(), MonoUs(1));
        cut_offs.begin(&peer(1), now);
        cut_offs.count(&peer(2), Lasting::Call, now);
        for _ in 0..2 {
            cut_offs.count(&peer(1), Lasting::Stream, now);
        }
        cut_offs.begin(&peer(1), now);
        assert_eq!(told(&cut_offs, now), [(peer(1), 2, 0), (peer(2), 0, 1)]);
        cut_offs.end(&peer(1));
        assert_eq!(told(&cut_offs, now), [(peer(2), 0, 1)]);
    }

    #[test]
    fn it_is_told_for_a_while_and_the_oldest_makes_room() {
        let cut_offs = CutOffs::default();
        for number in 0..=PEERS_MAX {
            cut_offs.begin(&peer(number), MonoUs(number as u64));
        }
        let kept = told(&cut_offs, MonoUs(200));
        assert_eq!((kept.len(), &kept[0].0), (PEERS_MAX, &peer(1)));
        let late = MonoUs(PEERS_MAX as u64).plus_us(KEPT_US - 1);
        assert_eq!(told(&cut_offs, late), [(peer(PEERS_MAX), 0, 0)]);
    }
}
