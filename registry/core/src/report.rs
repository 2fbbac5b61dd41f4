//! The faults that a check of a whole state finds. The check reads on to the end; only so many faults are put into words
//! as a reader takes in.

use std::collections::BTreeMap;

use crate::layout;
use crate::view::{Read, Space, View};

/// Faults that are kept in words; the rest is counted. Beyond it the reader has understood.
const FAULTS_MAX: usize = 200;

/// Pairs read at a time.
pub(crate) const PAGE: usize = 1_000;

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

/// What is done with each pair.
pub(crate) type Visit<'a> = dyn FnMut(&[u8], &[u8]) -> Read<()> + 'a;

/// Every pair of a space, in key order.
pub(crate) fn each(view: &dyn View, space: Space, page: usize, visit: &mut Visit<'_>) -> Read<()> {
    /// Greater than every key: no key is so long and high.
    const END: [u8; 64] = [0xff; 64];
    let mut from = Vec::new();
    loop {
        let pairs = view.range(space, &from, &END, page)?;
        for (key, value) in &pairs {
            visit(key, value)?;
        }
        match pairs.last() {
            Some((last, _)) if pairs.len() == page => from = layout::after(last),
            _ => return Ok(()),
        }
    }
}

/// Bytes as faults name them.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
