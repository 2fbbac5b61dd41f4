//! The table of whom to ask, and when. It is in the leader's memory, and each leader makes it anew from the state. Its
//! size is bounded, and so is the share of a host.

use std::collections::BTreeMap;

use proto_types::{Handle, Origin};
use registry_core::entry::Reachability;
use registry_fetch::schedule::{Budget, Pace, PastAttempts};

use crate::config::Crawler as Settings;

use super::probe::{PAGES_MAX, Sighting, Target};

/// What one host may cost in a period, in bytes: sixteen descriptors of full size.
const HOST_BYTES_MAX: u64 = 4 << 20;

#[derive(Debug)]
struct Slot {
    target: Target,
    next_ms: u64,
    failures: u32,
    round: u64,
    asking: bool,
    /// The walk that saw it last.
    walk: u64,
}

#[derive(Debug)]
struct Host {
    next_ms: u64,
    window_until_ms: u64,
    /// Of a period.
    whole: Budget,
    /// What is left of it.
    budget: Budget,
}

/// Where the walk over the state is.
#[derive(Debug, Default)]
pub(super) struct Walk {
    pub(super) peers: bool,
    pub(super) peer: Option<Origin>,
    pub(super) record: Option<Handle>,
    number: u64,
}

#[derive(Debug)]
pub(super) struct Table {
    slots: BTreeMap<String, Slot>,
    hosts: BTreeMap<String, Host>,
    all: Host,
    pub(super) walk: Walk,
    pace: Pace,
    settings: Settings,
    seed: u64,
}

impl Table {
    pub(super) fn new(settings: &Settings, seed: u64) -> Self {
        let pace = Pace {
            every_ms: millis(settings.every.std()),
            pause_ms_max: millis(settings.pause_max.std()),
        };
        Self {
            slots: BTreeMap::new(),
            hosts: BTreeMap::new(),
            all: Host::with((settings.requests_max, settings.bytes_max.count())),
            walk: Walk { peers: true, ..Walk::default() },
            pace,
            settings: settings.clone(),
            seed,
        }
    }

    /// The state has this target.
    pub(super) fn offer(&mut self, target: Target, now_ms: u64) {
        let (key, walk) = (target.subject.key(), self.walk.number);
        let full = self.slots.len() >= self.settings.targets_max;
        match self.slots.get_mut(&key) {
            Some(slot) => {
                slot.walk = walk;
                let moved = (&slot.target.card_url, &slot.target.owner)
                    != (&target.card_url, &target.owner);
                if moved {
                    (slot.target, slot.failures) = (target, 0);
                    slot.next_ms = slot.next_ms.min(self.pace.first(self.seed, &key, now_ms));
                }
            }
            None if full => {}
            None => {
                let next_ms = self.pace.first(self.seed, &key, now_ms);
                let slot = Slot { target, next_ms, failures: 0, round: 0, asking: false, walk };
                self.slots.insert(key, slot);
            }
        }
    }

    /// A walk has seen everything: what it has not seen is gone.
    pub(super) fn round_done(&mut self) {
        let walk = self.walk.number;
        self.slots.retain(|_, slot| slot.walk == walk || slot.asking);
        let hosts: std::collections::BTreeSet<String> =
            self.slots.values().map(|slot| slot.target.host()).collect();
        self.hosts.retain(|host, _| hosts.contains(host));
        self.walk = Walk { peers: true, number: walk + 1, ..Walk::default() };
    }

    /// Those to ask now, at most `room`. Each host waits for its turn and its budget.
    pub(super) fn due(&mut self, now_ms: u64, room: usize) -> Vec<(String, Target)> {
        let mut found = Vec::new();
        let waiting = self.slots.iter_mut();
        for (key, slot) in waiting.filter(|(_, slot)| !slot.asking && slot.next_ms <= now_ms) {
            if found.len() >= room || !self.all.open(now_ms, self.pace.every_ms) {
                break;
            }
            let share = (self.settings.host_requests_max, HOST_BYTES_MAX);
            let host = slot.target.host();
            let host = self.hosts.entry(host).or_insert_with(|| Host::with(share));
            if host.next_ms > now_ms || !host.open(now_ms, self.pace.every_ms) {
                continue;
            }
            host.next_ms = now_ms.saturating_add(millis(self.settings.gap.std()));
            for budget in [&mut host.budget, &mut self.all.budget] {
                budget.pages = budget.pages.saturating_sub(PAGES_MAX);
            }
            slot.asking = true;
            found.push((key.clone(), slot.target.clone()));
        }
        found
    }

    /// Notes how it went, and when to ask again.
    pub(super) fn settle(&mut self, key: &str, seen: &Sighting, now_ms: u64) -> Option<Target> {
        let slot = self.slots.get_mut(key)?;
        (slot.asking, slot.round) = (false, slot.round + 1);
        let dead = matches!(seen.class, Reachability::Unreachable | Reachability::WrongTransport);
        slot.failures = if dead { slot.failures.saturating_add(1) } else { 0 };
        let past = PastAttempts { failures: slot.failures, retry_after_s: seen.retry_after_s };
        slot.next_ms = self.pace.next((self.seed, key, slot.round), past, now_ms);
        slot.target.seen.clone_from(&seen.card);
        if let Some(host) = self.hosts.get_mut(&slot.target.host()) {
            host.budget.took(seen.bytes);
        }
        self.all.budget.took(seen.bytes);
        Some(slot.target.clone())
    }
}

impl Host {
    fn with((pages, bytes): (u32, u64)) -> Self {
        let whole = Budget { pages, bytes };
        Self { next_ms: 0, window_until_ms: 0, whole, budget: whole }
    }

    /// Whether a whole probe fits into what is left of the period.
    fn open(&mut self, now_ms: u64, window_ms: u64) -> bool {
        if now_ms >= self.window_until_ms {
            self.window_until_ms = now_ms.saturating_add(window_ms);
            self.budget = self.whole;
        }
        self.budget.pages >= PAGES_MAX && self.budget.bytes > 0
    }
}

fn millis(time: std::time::Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn settings() -> Settings {
        Settings { host_requests_max: 2 * PAGES_MAX, ..Settings::default() }
    }

    fn record(name: u32, host: &str) -> Target {
        let handle = Handle::parse(&format!("urn:agent:{name:04}")).unwrap();
        let owner = Origin::parse("https://owner.example").unwrap();
        Target::record(handle, format!("https://{host}/card/{name}"), owner)
    }

    fn seen(class: Reachability) -> Sighting {
        Sighting { class, ..Sighting::default() }
    }

    #[test]
    fn case_26_a_host_is_asked_one_after_the_other_and_no_more_than_its_budget() {
        let mut table = Table::new(&settings(), 1);
        for name in 0..50 {
            table.offer(record(name, "big.example"), 0);
        }
        table.offer(record(99, "small.example"), 0);
        let (every, gap) = (table.pace.every_ms, millis(settings().gap.std()));
        assert_eq!(table.due(every, 100).len(), 2, "one of each host");
        assert_eq!(table.due(every + gap - 1, 100).len(), 0);
        assert_eq!(table.due(every + gap, 100).len(), 1);
        assert_eq!(table.due(every + 9 * gap, 100).len(), 0, "the host's budget is spent");
        assert_eq!(table.due(2 * every, 100).len(), 1, "a new period");
    }

    #[test]
    fn dead_hosts_are_asked_ever_more_seldom_and_others_in_time() {
        let mut table = Table::new(&settings(), 1);
        table.offer(record(1, "a.example"), 0);
        let mut now = table.pace.every_ms;
        let mut pauses = Vec::new();
        for _ in 0..4 {
            let (key, _) = table.due(now, 1).pop().unwrap();
            table.settle(&key, &seen(Reachability::Unreachable), now).unwrap();
            pauses.push(table.slots[&key].next_ms - now);
            now = table.slots[&key].next_ms;
        }
        assert!(pauses.is_sorted() && pauses[3] > 10 * table.pace.every_ms, "{pauses:?}");
        let (key, _) = table.due(now, 1).pop().unwrap();
        table.settle(&key, &seen(Reachability::Open), now).unwrap();
        assert!(table.slots[&key].next_ms - now <= table.pace.every_ms * 11 / 10);
    }

    #[test]
    fn what_the_state_no_longer_has_is_asked_no_more() {
        let mut table = Table::new(&settings(), 1);
        table.offer(record(1, "a.example"), 0);
        table.round_done();
        table.round_done();
        assert!(table.slots.is_empty() && table.hosts.is_empty());
    }

    #[test]
    fn the_table_does_not_grow_past_its_bound() {
        let mut table = Table::new(&Settings { targets_max: 3, ..settings() }, 1);
        (0..10).for_each(|name| table.offer(record(name, "a.example"), 0));
        assert_eq!(table.slots.len(), 3);
    }
}
