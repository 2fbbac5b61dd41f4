//! The time with which the leader stamps entries: that of a majority of the voters' clocks.
//!
//! One clock moves it no further than the clocks of the others are apart, forward or back. Between readings it goes on at
//! the pace of a clock that never jumps. It never follows this member's own clock alone where there are others.
//!
//! The followers' clocks come to the leader, and the agreed time to the followers, with consensus (`registry-raft`,
//! `network/peer.rs` and `time.rs`). The proposer stamps with it, every member judges by it, and a node gets it with each
//! grant of its lease.

use std::collections::{BTreeMap, BTreeSet};

use proto_types::{MonoUs, WallMs};

/// A clock that is further from the cluster's time than this is named, and its member does not lead. Answers that
/// are late on a loaded machine make a clock look slow by a second or two; tokens allow for a minute.
pub const OFFSET_MAX_MS: u64 = 5_000;

/// An older reading says nothing any more: a hundred heartbeats.
const FRESH_US: u64 = 10_000_000;

/// How long a time that nobody has told yet waits for the clocks of all voters; after it a majority is enough.
const PATIENCE_US: u64 = 500_000;

/// What is known of the clocks of a cluster, at one member.
#[derive(Clone, Debug, Default)]
pub struct Timekeeper {
    /// By member: what its clock showed, and when that was heard.
    readings: BTreeMap<u64, (WallMs, MonoUs)>,
    /// The cluster's time, and when it was that.
    paced: Option<(WallMs, MonoUs)>,
    /// A majority's clocks were known once, or a leader said what they show.
    settled: bool,
    /// When a leader said so last.
    told: Option<MonoUs>,
    /// When a stamp was asked for first.
    asked: Option<MonoUs>,
    /// What was given out last.
    given: WallMs,
}

impl Timekeeper {
    /// Takes what another member's clock shows.
    pub fn hear(&mut self, member: u64, shows: WallMs, at: MonoUs) {
        self.readings.insert(member, (shows, at));
    }

    /// Takes the cluster's time from the leader.
    pub fn follow(&mut self, time: WallMs, at: MonoUs) {
        self.paced = Some((time, at));
        (self.settled, self.told) = (true, Some(at));
    }

    /// Whether a leader has told the time of late.
    #[must_use]
    pub fn is_told(&self, at: MonoUs) -> bool {
        self.told.is_some_and(|told| at.since(told) <= FRESH_US)
    }

    /// Gives out a time to judge by. It does not go back by less than clocks may be apart, so that what was past stays
    /// past; by more it does, once a state that was ahead is brought back.
    pub fn give(&mut self, time: WallMs) -> WallMs {
        let back_ms = self.given.since(time);
        if back_ms == 0 || back_ms > OFFSET_MAX_MS {
            self.given = time;
        }
        self.given
    }

    /// The cluster's time as it goes on from what was known; `None` if nothing was.
    #[must_use]
    pub fn now(&self, at: MonoUs) -> Option<WallMs> {
        let (time, since) = self.paced.filter(|_| self.settled)?;
        Some(time.plus_ms(at.since(since) / 1_000))
    }

    /// The time that a leader stamps with; `None` until a majority of `voters` has told what their clocks show. `own` is
    /// this member and its clock, `state` the state's time.
    pub fn stamp(
        &mut self,
        voters: &BTreeSet<u64>,
        own: (u64, WallMs),
        state: WallMs,
        at: MonoUs,
    ) -> Option<WallMs> {
        let before = self.paced.unwrap_or((state, at));
        let paced = before.0.plus_ms(at.since(before.1) / 1_000);
        let shown = self.shown(voters, own, at);
        let waits = at.since(*self.asked.get_or_insert(at)) < PATIENCE_US;
        let enough = self.settled || !waits || shown.len() >= voters.len();
        let now = match between(&shown, voters.len()).filter(|_| enough) {
            Some((low, high)) => {
                self.settled = true;
                paced.clamp(low, high)
            }
            None => paced,
        };
        self.paced = Some((now, at));
        self.settled.then_some(now)
    }

    /// What a leader stamps with as long as no majority tells its clocks: the state's time as it goes on. Its own clock
    /// counts where there is no state yet.
    #[must_use]
    pub fn alone(&self, own: WallMs, state: WallMs, at: MonoUs) -> WallMs {
        let (time, since) = self.paced.unwrap_or((state, at));
        if state == WallMs(0) { own } else { time.plus_ms(at.since(since) / 1_000) }
    }

    /// How far each voter's clock is from the cluster's time, in ms, as far as it is known.
    #[must_use]
    pub fn offsets(
        &self,
        voters: &BTreeSet<u64>,
        own: (u64, WallMs),
        at: MonoUs,
    ) -> BTreeMap<u64, i64> {
        let Some(now) = self.now(at) else { return BTreeMap::new() };
        self.shown(voters, own, at)
            .into_iter()
            .map(|(member, shows)| (member, signed(shows, now)))
            .collect()
    }

    /// What the clocks of the voters show now.
    fn shown(
        &self,
        voters: &BTreeSet<u64>,
        own: (u64, WallMs),
        at: MonoUs,
    ) -> BTreeMap<u64, WallMs> {
        let fresh = self.readings.iter().filter(|(_, (_, heard))| at.since(*heard) <= FRESH_US);
        let mut shown: BTreeMap<u64, WallMs> = fresh
            .map(|(member, (shows, heard))| (*member, shows.plus_ms(at.since(*heard) / 1_000)))
            .collect();
        shown.insert(own.0, own.1);
        shown.retain(|member, _| voters.contains(member));
        shown
    }
}

/// Between which clocks the time lies, if a majority of the voters is right: at least one right clock shows no less than
/// the lower end, and one no more than the upper. `None` if less than a majority is known.
fn between(shown: &BTreeMap<u64, WallMs>, voters: usize) -> Option<(WallMs, WallMs)> {
    let known = shown.len();
    if known == 0 || known < voters / 2 + 1 {
        return None;
    }
    let mut shown: Vec<WallMs> = shown.values().copied().collect();
    shown.sort_unstable();
    // So many may be wrong.
    let wrong = (voters.saturating_sub(1) / 2).min(known - 1);
    let (one, other) = (shown[wrong], shown[known - 1 - wrong]);
    Some((one.min(other), one.max(other)))
}

fn signed(shows: WallMs, now: WallMs) -> i64 {
    let apart = i64::try_from(shows.0.abs_diff(now.0)).unwrap_or(i64::MAX);
    if shows < now { -apart } else { apart }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: WallMs = WallMs(1_800_000_000_000);
    const HOUR_MS: u64 = 3_600_000;

    fn at(ms: u64) -> MonoUs {
        MonoUs(ms * 1_000)
    }

    fn voters(count: u64) -> BTreeSet<u64> {
        (1..=count).collect()
    }

    #[test]
    fn a_leader_with_a_wrong_clock_stamps_with_the_time_of_the_others() {
        for wrong in [NOON.plus_ms(HOUR_MS), NOON.minus_ms(HOUR_MS), WallMs(0)] {
            let mut keeper = Timekeeper::default();
            assert_eq!(keeper.stamp(&voters(3), (1, wrong), NOON, at(0)), None, "nobody was asked");
            keeper.hear(2, NOON, at(0));
            keeper.hear(3, NOON.plus_ms(30), at(0));
            let stamp = keeper.stamp(&voters(3), (1, wrong), NOON, at(0)).unwrap_or_default();
            assert!(stamp >= NOON && stamp <= NOON.plus_ms(30), "{wrong} moved it to {stamp}");
            let offsets = keeper.offsets(&voters(3), (1, wrong), at(0));
            assert!(offsets[&1].unsigned_abs() > OFFSET_MAX_MS && offsets[&2].abs() <= 30);
        }
    }

    #[test]
    fn a_clock_that_jumps_moves_the_time_by_no_more_than_the_others_are_apart() {
        let mut keeper = Timekeeper::default();
        let mut last = WallMs(0);
        for second in 0..60 {
            let (ms, right) = (second * 1_000, NOON.plus_ms(second * 1_000));
            let jumps =
                if second % 2 == 0 { right.plus_ms(HOUR_MS) } else { right.minus_ms(HOUR_MS) };
            keeper.hear(2, right, at(ms));
            keeper.hear(3, jumps, at(ms));
            let own = (1, right.plus_ms(200));
            let stamp = keeper.stamp(&voters(3), own, NOON, at(ms)).unwrap_or_default();
            assert!(stamp >= right && stamp <= right.plus_ms(200), "{stamp} at {right}");
            assert!(stamp >= last, "it goes on");
            last = stamp;
        }
    }

    #[test]
    fn of_two_clocks_that_disagree_neither_moves_a_time_that_was_known() {
        for wrong in [NOON.plus_ms(HOUR_MS), NOON.minus_ms(HOUR_MS)] {
            let mut keeper = Timekeeper::default();
            keeper.follow(NOON, at(0));
            keeper.hear(2, NOON.plus_ms(4_000), at(4_000));
            let stamp = keeper.stamp(&voters(3), (1, wrong.plus_ms(4_000)), WallMs(0), at(4_000));
            assert_eq!(stamp, Some(NOON.plus_ms(4_000)));
        }
    }

    #[test]
    fn a_time_goes_on_at_its_pace_when_nobody_answers_and_old_readings_count_for_nothing() {
        let mut keeper = Timekeeper::default();
        for member in [2, 3] {
            keeper.hear(member, NOON, at(0));
        }
        keeper.stamp(&voters(3), (1, NOON), NOON, at(0));
        let own = (1, NOON.plus_ms(HOUR_MS));
        let later = keeper.stamp(&voters(3), own, NOON, at(60_000));
        assert_eq!(later, Some(NOON.plus_ms(60_000)));
    }

    #[test]
    fn two_of_five_wrong_clocks_do_not_move_it() {
        let mut keeper = Timekeeper::default();
        keeper.follow(NOON, at(0));
        keeper.hear(2, NOON.plus_ms(HOUR_MS), at(0));
        keeper.hear(3, NOON.plus_ms(2 * HOUR_MS), at(0));
        keeper.hear(4, NOON, at(0));
        keeper.hear(9, NOON.plus_ms(HOUR_MS), at(0));
        let four = keeper.clone().stamp(&voters(5), (1, NOON.plus_ms(7)), NOON, at(0));
        assert_eq!(four, Some(NOON.plus_ms(7)), "four are known, and 9 is none of the voters");
        keeper.hear(5, NOON.plus_ms(3), at(0));
        let five = keeper.stamp(&voters(5), (1, NOON.plus_ms(7)), NOON, at(0));
        assert_eq!(five, Some(NOON.plus_ms(7)));
    }

    #[test]
    fn a_time_that_nobody_has_told_waits_a_little_for_the_last_clock() {
        let mut keeper = Timekeeper::default();
        let stamp = |keeper: &mut Timekeeper, ms| {
            let own = (1, NOON.minus_ms(HOUR_MS).plus_ms(ms));
            keeper.stamp(&voters(3), own, WallMs(0), at(ms))
        };
        keeper.hear(2, NOON, at(0));
        assert_eq!(stamp(&mut keeper, 0), None);
        assert_eq!(
            stamp(&mut keeper.clone(), 500).map(|_| ()),
            Some(()),
            "a majority is enough then"
        );
        keeper.hear(3, NOON.plus_ms(100), at(100));
        assert_eq!(stamp(&mut keeper, 100), Some(NOON.plus_ms(100)));
    }

    #[test]
    fn the_clock_of_a_leader_that_hears_nobody_does_not_move_a_state() {
        let mut keeper = Timekeeper::default();
        let wrong = NOON.plus_ms(HOUR_MS);
        assert_eq!(keeper.stamp(&voters(3), (1, wrong), NOON, at(0)), None);
        assert_eq!(keeper.stamp(&voters(3), (1, wrong), NOON, at(1_000)), None);
        assert_eq!(keeper.alone(wrong, NOON, at(1_500)), NOON.plus_ms(1_500));
        assert_eq!(keeper.alone(wrong, WallMs(0), at(1_500)), wrong, "there is no state yet");
    }

    #[test]
    fn what_was_past_stays_past_until_the_time_is_brought_back() {
        let mut keeper = Timekeeper::default();
        for (time, given) in [
            (NOON, NOON),
            (NOON.minus_ms(1), NOON),
            (NOON.plus_ms(7), NOON.plus_ms(7)),
            (NOON.plus_ms(7).minus_ms(OFFSET_MAX_MS), NOON.plus_ms(7)),
            (NOON.minus_ms(HOUR_MS), NOON.minus_ms(HOUR_MS)),
        ] {
            assert_eq!(keeper.give(time), given, "{time}");
        }
    }

    #[test]
    fn a_lone_member_has_its_own_clock() {
        let mut keeper = Timekeeper::default();
        assert_eq!(keeper.stamp(&voters(1), (1, NOON), WallMs(0), at(0)), Some(NOON));
    }
}
