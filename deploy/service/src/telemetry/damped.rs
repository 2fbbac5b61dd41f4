//! Lines that come again and again: the first of each kind, then one a minute with a count.
//!
//! It decides by the place in the code that a warning or an error comes from, and by what it says but for its numbers,
//! unless these are of a name: a disk that is full or a member that is dead is said once a minute, however often it is
//! met. It must never hold back a line of its kind that says something else, as long as these are few, nor what our own
//! code says as information.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use tracing::field::{Field, Visit};
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;

/// How long a line stands for those after it.
const WINDOW: Duration = Duration::from_secs(60);

/// Lines of one place that say different things, in one window: many agents, peers or disks may fail at once. What is beyond
/// is counted by the next line of its place. Arbitrary: four a second, and 2 KiB for each place.
const VARIANTS_MAX: usize = 256;

/// Fields that say whom or what a line is about. Their digits are a part of a name: two members that fail are two lines.
const NAMES: [&str; 19] = [
    "agent",
    "entry",
    "from",
    "gateway",
    "handle",
    "heir",
    "id",
    "member",
    "name",
    "namespace",
    "node",
    "origin",
    "partner",
    "peer",
    "queue",
    "target",
    "url",
    "voters",
    "witness",
];

/// Bytes of a line that are looked at.
const TEXT_BYTES_MAX: usize = 512;

thread_local! {
    /// How many lines the one that is written now stands for.
    static HELD_BACK: Cell<u64> = const { Cell::new(0) };
}

/// How many lines were held back before the one that this thread writes now; asked once.
pub(super) fn held_back() -> u64 {
    HELD_BACK.take()
}

/// One place in the code.
struct Kind {
    since: Instant,
    variants: Vec<u64>,
    held_back: u64,
}

/// The layer that holds lines back.
#[derive(Default)]
pub(super) struct Damped {
    /// By place in the code; of these there is no endless number.
    kinds: Mutex<BTreeMap<&'static str, Kind>>,
}

impl Damped {
    /// Whether a line is written; with how many that it stands for.
    fn passes(&self, place: &'static str, says: u64, now: Instant) -> Option<u64> {
        let mut kinds = self.kinds.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh = || Kind { since: now, variants: Vec::new(), held_back: 0 };
        let kind = kinds.entry(place).or_insert_with(fresh);
        let mut stands_for = 0;
        if now.duration_since(kind.since) >= WINDOW {
            stands_for = kind.held_back;
            *kind = fresh();
        }
        if kind.variants.contains(&says) || kind.variants.len() >= VARIANTS_MAX {
            kind.held_back += 1;
            return None;
        }
        kind.variants.push(says);
        Some(stands_for)
    }
}

impl<S: Subscriber> Layer<S> for Damped {
    fn event_enabled(&self, event: &Event<'_>, _: Context<'_, S>) -> bool {
        if !is_damped(event.metadata()) {
            return true;
        }
        let mut says = Says::default();
        event.record(&mut says);
        let mut hasher = DefaultHasher::new();
        says.text.hash(&mut hasher);
        let passes = self.passes(event.metadata().name(), hasher.finish(), Instant::now());
        HELD_BACK.set(passes.unwrap_or(0));
        passes.is_some()
    }
}

/// Warnings and errors of all crates, and every line of libraries.
fn is_damped(metadata: &Metadata<'_>) -> bool {
    const OURS: [&str; 7] =
        ["registry_", "gateway_", "node_", "deploy_", "ecumene", "chaos_", "proto_"];
    let ours = OURS.iter().any(|crates| metadata.target().starts_with(crates));
    *metadata.level() <= Level::WARN || !ours
}

/// What an event says, but for its numbers: those of a connection or a term change from line to line.
#[derive(Default)]
struct Says {
    text: String,
    /// Whether what is written now is a name.
    is_name: bool,
}

impl Visit for Says {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.is_name = NAMES.contains(&field.name());
        // It stops writing when it is full.
        let _ = self.write_str(field.name());
        let _ = write!(self, "={value:?};");
    }
}

impl fmt::Write for Says {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let is_name = self.is_name;
        for letter in text.chars().filter(|letter| is_name || !letter.is_ascii_digit()) {
            if self.text.len() >= TEXT_BYTES_MAX {
                return Err(fmt::Error);
            }
            self.text.push(letter);
        }
        Ok(())
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use tracing_subscriber::layer::SubscriberExt as _;

    use super::super::Escaped;
    use super::super::tests::Sink;
    use super::*;

    fn lines(log: impl FnOnce()) -> Vec<String> {
        let sink = Sink::default();
        let out = sink.clone();
        let lines = tracing_subscriber::fmt()
            .with_ansi(false)
            .with_writer(move || Escaped(out.clone()))
            .finish()
            .with(Damped::default());
        tracing::subscriber::with_default(lines, log);
        let written = String::from_utf8(sink.0.lock().unwrap().clone()).unwrap();
        written.lines().map(str::to_owned).collect()
    }

    #[test]
    fn a_warning_that_comes_again_is_written_once_whatever_its_numbers() {
        let written = lines(|| {
            for attempt in 0..1_000 {
                tracing::warn!(attempt, member = "m2", "failed to send a heartbeat at {attempt}");
            }
        });
        assert_eq!(written.len(), 1, "{written:?}");
    }

    #[test]
    fn each_member_and_node_has_its_own_line_whatever_numbers_its_name_has() {
        let written = lines(|| {
            for revision in 0..100 {
                for member in [2_u64, 3] {
                    tracing::warn!(
                        member,
                        revision,
                        elapsed_ms = revision * 7,
                        "its clock is far off"
                    );
                }
                for node in ["node-1", "node-2"] {
                    tracing::warn!(%node, revision, "the node's lease has run out");
                }
            }
        });
        for name in ["member=2", "member=3", "node=node-1", "node=node-2"] {
            let of = written.iter().filter(|line| line.contains(name)).count();
            assert_eq!(of, 1, "{name}: {written:?}");
        }
        assert_eq!(written.len(), 4, "{written:?}");
    }

    #[test]
    fn lines_that_say_something_else_are_written_up_to_a_bound() {
        let written = lines(|| {
            for _ in 0..10 {
                for peer in ["a", "b", "c"] {
                    tracing::warn!(peer, "a peer is in quarantine");
                }
                tracing::error!("another place");
            }
            for name in (0..VARIANTS_MAX + 100).map(|number| format!("n{number}")) {
                tracing::warn!(name, "a flood of names");
            }
        });
        assert_eq!(written.len(), 3 + 1 + VARIANTS_MAX, "{written:?}");
    }

    /// Caught: a bound that the agents of one gateway that fail together are beyond.
    #[test]
    fn each_of_a_hundred_agents_and_queues_that_fail_together_has_its_own_line() {
        let written = lines(|| {
            for number in (0..100).chain(0..100) {
                tracing::warn!(agent = %format_args!("a{number}"), "a call of an agent fails");
                tracing::warn!(queue = format!("q{number}"), "an envelope is not delivered");
            }
        });
        assert_eq!(written.len(), 200, "{written:?}");
    }

    #[test]
    fn lines_beyond_the_bound_are_counted_by_the_next_of_their_place() {
        let (damped, start) = (Damped::default(), Instant::now());
        let beyond = 7;
        let passed = (0..VARIANTS_MAX as u64 + beyond)
            .filter(|says| damped.passes("event src/a.rs:1", *says, start).is_some());
        assert_eq!(passed.count(), VARIANTS_MAX);
        assert_eq!(damped.passes("event src/a.rs:1", 0, start + WINDOW), Some(beyond));
    }

    #[test]
    fn what_our_own_code_says_as_information_is_never_held_back() {
        let written = lines(|| (0..10).for_each(|_| tracing::info!("a request")));
        assert_eq!(written.len(), 10);
    }

    #[test]
    fn the_line_after_a_minute_says_for_how_many_it_stands() {
        let damped = Damped::default();
        let place = "event src/member.rs:7";
        let start = Instant::now();
        assert_eq!(damped.passes(place, 1, start), Some(0));
        for _ in 0..41 {
            assert_eq!(damped.passes(place, 1, start + Duration::from_secs(59)), None);
        }
        assert_eq!(damped.passes(place, 1, start + WINDOW), Some(41));
        assert_eq!(damped.passes(place, 1, start + WINDOW), None);
    }

    #[test]
    fn the_count_is_part_of_the_line_in_text_and_json() {
        for (line, expected) in
            [("seen\n", "seen repeated=7\n"), ("{\"a\":1}\n", "{\"a\":1,\"repeated\":7}\n")]
        {
            HELD_BACK.set(7);
            let sink = Sink::default();
            std::io::Write::write_all(&mut Escaped(sink.clone()), line.as_bytes()).unwrap();
            assert_eq!(String::from_utf8(sink.0.lock().unwrap().clone()).unwrap(), expected);
        }
    }
}
