//! A replicated log: entries after a base that a snapshot stands for.
//!
//! It decides where an entry lies. It must never hold a gap.

use std::collections::VecDeque;
use std::rc::Rc;

use proto_types::Stamp;
use registry_core::command::Proposal;

use crate::history::Attempt;

/// A place in the log. Ordered as Raft compares logs: by term, then by index (5.4.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Position {
    pub(crate) term: u64,
    pub(crate) index: u64,
}

/// What was proposed together, and by whom.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) term: u64,
    pub(crate) stamp: Stamp,
    pub(crate) attempts: Vec<Attempt>,
    pub(crate) proposals: Vec<Proposal>,
}

/// The entries after `base`.
#[derive(Clone, Debug, Default)]
pub(crate) struct Log {
    base: Position,
    entries: VecDeque<Rc<Entry>>,
}

impl Log {
    /// Nothing after this position.
    pub(crate) fn after(base: Position) -> Self {
        Self { base, entries: VecDeque::new() }
    }

    /// What the oldest entry follows.
    pub(crate) fn base(&self) -> Position {
        self.base
    }

    /// The newest entry's position; the base if there is none.
    pub(crate) fn last(&self) -> Position {
        let index = self.base.index + self.entries.len() as u64;
        self.entries.back().map_or(self.base, |entry| Position { term: entry.term, index })
    }

    /// The entry at `index`, if it is here.
    pub(crate) fn entry(&self, index: u64) -> Option<&Rc<Entry>> {
        let at = index.checked_sub(self.base.index + 1)?;
        self.entries.get(usize::try_from(at).ok()?)
    }

    /// The position at `index`: of an entry, or of the base.
    pub(crate) fn position(&self, index: u64) -> Option<Position> {
        if index == self.base.index {
            return Some(self.base);
        }
        self.entry(index).map(|entry| Position { term: entry.term, index })
    }

    /// Up to `limit` entries from `index` on.
    pub(crate) fn from(&self, index: u64, limit: usize) -> Vec<Rc<Entry>> {
        (index..).map_while(|at| self.entry(at).cloned()).take(limit).collect()
    }

    pub(crate) fn append(&mut self, entry: Rc<Entry>) {
        self.entries.push_back(entry);
    }

    /// Drops every entry after `index`.
    pub(crate) fn truncate(&mut self, index: u64) {
        let kept = index.saturating_sub(self.base.index);
        self.entries.truncate(usize::try_from(kept).unwrap_or(usize::MAX));
    }

    /// Drops every entry up to `index`, which a checkpoint stands for.
    pub(crate) fn purge(&mut self, index: u64) {
        let Some(base) = self.position(index) else { return };
        self.entries.drain(..usize::try_from(index - self.base.index).expect("a short log"));
        self.base = base;
    }

    /// How far this log and another hold the same entries.
    pub(crate) fn common(&self, other: &Self) -> u64 {
        let end = self.last().index.min(other.last().index);
        let agrees = |at: &u64| match (self.position(*at), other.position(*at)) {
            (Some(here), Some(there)) => here == there,
            _ => true,
        };
        (0..=end).rev().find(agrees).unwrap_or_default()
    }
}
