//! Postings in key order, from several parts of the index at once, read in blocks. No more is read than the budget of the
//! query.

use std::cmp::Ordering;

use crate::layout;
use crate::view::{Pair, Read, Space, View};

/// Postings read at a time: a little at first, since most walks end soon or jump on; then more, since a block costs one
/// seek whatever its length.
const BLOCK_MIN: usize = 8;
const BLOCK_MAX: usize = 256;

/// The index, and how much of it a query may still read.
pub(super) struct Reader<'v> {
    pub(super) view: &'v dyn View,
    left: usize,
    seeks: usize,
    postings: usize,
}

impl<'v> Reader<'v> {
    pub(super) fn new(view: &'v dyn View, postings_max: usize) -> Self {
        Self { view, left: postings_max, seeks: 0, postings: 0 }
    }

    /// True once the budget is used up: what was not read may hold hits.
    pub(super) fn is_spent(&self) -> bool {
        self.left == 0
    }

    /// Blocks and postings read so far.
    pub(super) fn read_so_far(&self) -> (usize, usize) {
        (self.seeks, self.postings)
    }

    fn block(&mut self, from: &[u8], to: &[u8], wanted: usize) -> Read<Vec<Pair>> {
        let pairs = self.view.range(Space::Index, from, to, wanted)?;
        self.seeks += 1;
        self.postings += pairs.len();
        // An empty block costs a seek too.
        self.left = self.left.saturating_sub(pairs.len().max(1));
        Ok(pairs)
    }
}

/// The keys under one prefix.
struct Lane {
    prefix: Vec<u8>,
    end: Vec<u8>,
    block: Vec<Pair>,
    at: usize,
    wanted: usize,
    drained: bool,
}

impl Lane {
    fn new(prefix: Vec<u8>) -> Self {
        let end = layout::past(&prefix);
        Self { prefix, end, block: Vec::new(), at: 0, wanted: BLOCK_MIN, drained: false }
    }

    /// What follows the prefix in the key that the lane stands at.
    fn head(&self) -> Option<&[u8]> {
        self.block.get(self.at).map(|(key, _)| &key[self.prefix.len()..])
    }

    /// Goes on to the first key at or after `target`.
    fn seek(&mut self, target: &[u8], reader: &mut Reader<'_>) -> Read<()> {
        let skip = self.prefix.len();
        let passed = self.block[self.at..].partition_point(|(key, _)| &key[skip..] < target);
        self.at += passed;
        if self.at < self.block.len() || self.drained {
            return Ok(());
        }
        // Whoever uses a block up gets a longer one; whoever jumps over most of it a shorter one.
        let used = self.at - passed;
        self.wanted = match used * 2 >= self.block.len() {
            _ if self.block.is_empty() => self.wanted,
            true => (self.wanted * 2).min(BLOCK_MAX),
            false => (self.wanted / 2).max(BLOCK_MIN),
        };
        let from = [self.prefix.as_slice(), target].concat();
        self.block = reader.block(&from, &self.end, self.wanted)?;
        self.at = 0;
        self.drained = self.block.len() < self.wanted;
        Ok(())
    }

    fn is_over(&self) -> bool {
        self.drained && self.at >= self.block.len()
    }
}

/// The keys under several prefixes, merged by what follows the prefix.
pub(super) struct Stream {
    lanes: Vec<Lane>,
}

impl Stream {
    pub(super) fn over(prefixes: impl IntoIterator<Item = Vec<u8>>) -> Self {
        Self { lanes: prefixes.into_iter().map(Lane::new).collect() }
    }

    /// The least suffix at or after `target`. Targets must not fall.
    pub(super) fn seek(&mut self, target: &[u8], reader: &mut Reader<'_>) -> Read<Option<Vec<u8>>> {
        for lane in &mut self.lanes {
            lane.seek(target, reader)?;
        }
        self.lanes.retain(|lane| !lane.is_over());
        Ok(self.lanes.iter().filter_map(Lane::head).min().map(<[u8]>::to_vec))
    }
}

/// What a join came to.
pub(super) enum Joined {
    /// All streams have this suffix.
    Both(Vec<u8>),
    /// There is no more.
    End,
    /// The budget is used up; nothing before this suffix is common to all.
    Spent(Vec<u8>),
}

/// The least suffix at or after `from` that all streams have. The first stream should be the rarest.
pub(super) fn join(streams: &mut [Stream], from: &[u8], reader: &mut Reader<'_>) -> Read<Joined> {
    let mut target = from.to_vec();
    let (mut agreed, mut next) = (0, 0);
    while agreed < streams.len() {
        // Some way is always made, so that pages that are not complete lead to the end all the same.
        if reader.is_spent() && target.as_slice() > from {
            return Ok(Joined::Spent(target));
        }
        let Some(found) = streams[next].seek(&target, reader)? else { return Ok(Joined::End) };
        agreed = match found.cmp(&target) {
            Ordering::Equal => agreed + 1,
            _ => 1,
        };
        target = found;
        next = (next + 1) % streams.len();
    }
    Ok(Joined::Both(target))
}
