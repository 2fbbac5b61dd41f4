//! What must hold of every state, checked over a whole one: for backups, and for members that are in doubt.
//! It decides what is wrong and names it; it must never repair anything, nor stop at the first fault.
//!
//! A new check is one line in [`CHECKS`]; a new table one in `TABLES`.

mod changes;
mod counters;
mod derived;
mod entities;
mod keys;

use std::collections::BTreeMap;

use proto_types::Digest;

use crate::layout::state;
use crate::table::{
    AGENTS, CARDS, ENVELOPES, EVIDENCE, Entity, GATEWAYS, INSTANCES, JOIN_TOKENS, LIVENESS,
    MEMBERS, NAMESPACES, NODES, PARTNERS, PEER_LOG, PEER_REQUESTS, PEERS, PROVENANCE, RECORDS,
    REPORTERS, SEARCHES, TASKS, Table,
};
use crate::view::{Pair, Space, View, ViewError};

/// Faults that are kept in words; the rest is counted. Beyond it the reader has understood.
const FAULTS_MAX: usize = 200;

/// Pairs read at a time.
const PAGE: usize = 1_000;

/// Bodies read at a time: each can be 1 MiB.
const BODIES_PAGE: usize = 32;

/// One check of a whole state.
pub type Check = fn(&dyn View, &mut Report) -> Result<(), ViewError>;

/// Every check, in the order in which they are made, with the name that its faults carry.
pub const CHECKS: &[(&str, Check)] = &[
    ("state", entities::check),
    ("index", derived::check),
    ("bodies", bodies),
    ("changes", changes::check),
    ("keys", keys::check),
    ("counters", counters::check),
];

/// Every table of `Space::State`.
const TABLES: &[&dyn AnyTable] = &[
    &PEERS,
    &RECORDS,
    &CARDS,
    &AGENTS,
    &GATEWAYS,
    &NODES,
    &TASKS,
    &ENVELOPES,
    &JOIN_TOKENS,
    &MEMBERS,
    &NAMESPACES,
    &PEER_LOG,
    &PEER_REQUESTS,
    &SEARCHES,
    &LIVENESS,
    &PARTNERS,
    &PROVENANCE,
    &INSTANCES,
    &EVIDENCE,
    &REPORTERS,
];

/// The tags of `Space::State` that hold no entities.
const RAW: &[u8] = &[
    state::COUNTERS,
    state::SPENT_TOKENS,
    state::SPENT_LONG_TOKENS,
    state::LOOSE_BODIES,
    state::LOG,
    state::AUDIT_HEAD,
    state::AUDIT,
    state::WITNESSED,
    state::SEARCH_STATISTICS,
    state::KEY_OWNERS,
];

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Each fault in words, the name of its check first.
    pub faults: Vec<String>,
    /// All faults, those without words too.
    pub faults_total: u64,
    /// How many of what were looked at.
    pub seen: BTreeMap<&'static str, u64>,
    check: &'static str,
}

impl Report {
    /// Whether nothing is wrong.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.faults_total == 0
    }

    /// Notes a fault.
    pub fn fault(&mut self, what: impl std::fmt::Display) {
        self.faults_total += 1;
        if self.faults.len() < FAULTS_MAX {
            self.faults.push(format!("{}: {what}", self.check));
        }
    }

    /// Notes that so many were looked at.
    pub fn saw(&mut self, what: &'static str, count: usize) {
        *self.seen.entry(what).or_default() += count as u64;
    }

    /// Has the following faults carry another name.
    pub fn begin(&mut self, check: &'static str) {
        self.check = check;
    }
}

/// Makes every check. What cannot be read is a fault too.
#[must_use]
pub fn check(view: &dyn View) -> Report {
    let mut report = Report::default();
    check_into(view, &mut report);
    report
}

/// As [`check`], into a report of more than the state.
pub fn check_into(view: &dyn View, report: &mut Report) {
    for (name, check) in CHECKS {
        report.begin(name);
        if let Err(error) = check(view, report) {
            report.fault(error);
        }
    }
}

/// A table, whatever it holds.
trait AnyTable {
    fn tag(&self) -> u8;
    fn name(&self) -> &'static str;
    /// The entity under a key of the table: its own key, derived keys and bodies.
    fn read(&self, value: &[u8]) -> Result<Read, ViewError>;
}

struct Read {
    key: Vec<u8>,
    derived: Vec<Pair>,
    bodies: Vec<Digest>,
}

impl<T: Entity> AnyTable for Table<T> {
    fn tag(&self) -> u8 {
        self.tag()
    }

    fn name(&self) -> &'static str {
        self.name()
    }

    fn read(&self, value: &[u8]) -> Result<Read, ViewError> {
        let entry: T = self.decode(value)?;
        let (key, derived) = (self.key(&entry.key()), self.derived(&entry));
        Ok(Read { key, derived, bodies: entry.bodies() })
    }
}

/// Bytes lie under their own digest.
fn bodies(view: &dyn View, report: &mut Report) -> Result<(), ViewError> {
    each(view, Space::Bodies, BODIES_PAGE, &mut |key, value| {
        report.saw("bodies", 1);
        if key != Digest::of(value).as_bytes() {
            report.fault(format_args!("the bytes under {} have another digest", hex(key)));
        }
        Ok(())
    })
}

type Visit<'a> = dyn FnMut(&[u8], &[u8]) -> Result<(), ViewError> + 'a;

/// Every pair of a space, in key order.
fn each(
    view: &dyn View,
    space: Space,
    page: usize,
    visit: &mut Visit<'_>,
) -> Result<(), ViewError> {
    /// Greater than every key: no key is so long and high.
    const END: [u8; 64] = [0xff; 64];
    let mut from = Vec::new();
    loop {
        let pairs = view.range(space, &from, &END, page)?;
        for (key, value) in &pairs {
            visit(key, value)?;
        }
        match pairs.last() {
            Some((last, _)) if pairs.len() == page => from = crate::layout::after(last),
            _ => return Ok(()),
        }
    }
}

/// The tag of a key, if it is long enough to have one.
fn tag_of(key: &[u8]) -> Option<u8> {
    key.get(2).copied()
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
