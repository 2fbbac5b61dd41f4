//! Is what clients saw of one register what a single register would have shown them? (Herlihy and Wing 1990.)
//!
//! It decides by searching for an order (Wing and Gong 1993), with a memory of the positions that led nowhere (Lowe
//! 2016). It must never take a lost answer for a failure: such a write took effect at any time since, or never.

use std::collections::{BTreeMap, BTreeSet};

/// What a register holds. Every write brings another one; 0 is what it holds before the first.
pub type Value = u64;

/// What a client did, and what it was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// It put a value, whatever was there.
    Write(Value),
    /// It put `to` where `from` was.
    Swap {
        /// What had to be there.
        from: Value,
        /// What it put.
        to: Value,
    },
    /// It wanted to put something where `from` was, and heard that something else was there.
    Refused {
        /// What had to be there.
        from: Value,
    },
    /// It saw this.
    Read(Value),
}

/// One operation. Times are of one clock that all clients share, in any unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Operation {
    /// Before the client asked.
    pub begun: u64,
    /// After it had the answer; `None` where a write's answer was lost.
    pub ended: Option<u64>,
    /// What it was.
    pub action: Action,
}

/// `Err` says what is wrong, for people.
pub type Verdict = Result<(), String>;

/// Positions that a search may visit. A history of ours visits a few for each operation; arbitrary beyond that.
const POSITIONS_MAX: usize = 1 << 20;

/// Holds if some order of the operations explains every answer, and no operation is before one that had ended when it
/// began. Writes that have certainly failed are to be left out.
///
/// # Errors
/// There is no such order, a value was written twice or read though nobody wrote it, or the search was given up.
pub fn check(history: &[Operation]) -> Verdict {
    let game = Game::of(history)?;
    let mut visited = BTreeSet::new();
    let mut open = vec![Position::default()];
    let mut furthest = Position::default();
    while let Some(position) = open.pop() {
        if position.first == game.sure.len() {
            return Ok(());
        }
        if visited.len() == POSITIONS_MAX {
            return Err(format!("undecided after {POSITIONS_MAX} positions"));
        }
        if position.first > furthest.first {
            furthest = position.clone();
        }
        let next = game.next(&position);
        open.extend(next.into_iter().filter(|next| visited.insert(next.clone())));
    }
    Err(game.story(&furthest))
}

/// An operation with an end; an unknown write that somebody has seen ends when that one did.
#[derive(Clone, Copy, Debug)]
struct Bounded {
    begun: u64,
    ended: u64,
    action: Action,
}

struct Game {
    /// All of them happened. In order of their beginnings.
    sure: Vec<Bounded>,
    /// Each of them may have happened, and nobody saw what it wrote.
    perhaps: Vec<Bounded>,
}

/// What has been put in order so far, and what the register holds then.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Position {
    /// All before this one.
    first: usize,
    /// And these after it, in ascending order.
    beyond: Vec<usize>,
    /// Of those that may have happened.
    used: Vec<usize>,
    value: Value,
}

impl Game {
    fn of(history: &[Operation]) -> Result<Self, String> {
        let seen = seen(history)?;
        let (mut sure, mut perhaps) = (Vec::new(), Vec::new());
        for operation in history {
            let seen = written(operation.action).and_then(|value| seen.get(&value)).copied();
            let bounded =
                |ended| Bounded { begun: operation.begun, ended, action: operation.action };
            match (operation.ended, seen) {
                (Some(ended), _) | (None, Some(ended)) => sure.push(bounded(ended)),
                (None, None) => perhaps.push(bounded(u64::MAX)),
            }
        }
        sure.sort_by_key(|operation| operation.begun);
        Ok(Self { sure, perhaps })
    }

    /// Every position that is one operation further.
    fn next(&self, at: &Position) -> Vec<Position> {
        let until = self.until(at);
        let candidates = || self.left(at).take_while(|(_, one)| one.begun <= until);
        let step = |(place, one): (usize, &Bounded)| {
            after(one.action, at.value).map(|value| at.with(place, value))
        };
        // Who changes nothing and is content now loses nothing by going first.
        let observers = || candidates().filter(|(_, one)| written(one.action).is_none());
        if let Some(next) = observers().find_map(step) {
            return vec![next];
        }
        let mut next: Vec<_> = candidates().filter_map(step).collect();
        // What nobody saw explains a refusal and nothing else, so that it is tried where one waits for it.
        if observers().any(|(_, one)| one.action == Action::Refused { from: at.value }) {
            let unused =
                self.perhaps.iter().enumerate().filter(|(place, one)| {
                    one.begun <= until && at.used.binary_search(place).is_err()
                });
            next.extend(unused.filter_map(|(place, one)| {
                after(one.action, at.value).map(|value| at.supposing(place, value))
            }));
        }
        next
    }

    /// The earliest end of what is left: nothing that began later can go before it.
    fn until(&self, at: &Position) -> u64 {
        let mut until = u64::MAX;
        for (_, one) in self.left(at) {
            if one.begun > until {
                break;
            }
            until = until.min(one.ended);
        }
        until
    }

    fn left<'g>(&'g self, at: &'g Position) -> impl Iterator<Item = (usize, &'g Bounded)> {
        let all = self.sure.iter().enumerate().skip(at.first);
        all.filter(|(place, _)| at.beyond.binary_search(place).is_err())
    }

    fn story(&self, furthest: &Position) -> String {
        let until = self.until(furthest);
        let stuck: Vec<_> = self.left(furthest).take_while(|(_, one)| one.begun <= until).collect();
        let before = &self.sure[furthest.first.saturating_sub(5)..furthest.first];
        format!(
            "no order explains the answers: {} of {} operations fit, then the register holds {}, \
             and none of these can be next: {stuck:?}; just before: {before:?}",
            furthest.first + furthest.beyond.len(),
            self.sure.len(),
            furthest.value,
        )
    }
}

impl Position {
    fn with(&self, place: usize, value: Value) -> Self {
        let mut next = Self { value, ..self.clone() };
        insert(&mut next.beyond, place);
        while next.beyond.first() == Some(&next.first) {
            next.beyond.remove(0);
            next.first += 1;
        }
        next
    }

    fn supposing(&self, place: usize, value: Value) -> Self {
        let mut next = Self { value, ..self.clone() };
        insert(&mut next.used, place);
        next
    }
}

fn insert(sorted: &mut Vec<usize>, place: usize) {
    let at = sorted.partition_point(|other| *other < place);
    sorted.insert(at, place);
}

/// What the register holds after an operation, if it can follow on `value`.
fn after(action: Action, value: Value) -> Option<Value> {
    match action {
        Action::Write(to) => Some(to),
        Action::Swap { from, to } => (from == value).then_some(to),
        Action::Refused { from } => (from != value).then_some(value),
        Action::Read(seen) => (seen == value).then_some(value),
    }
}

fn written(action: Action) -> Option<Value> {
    match action {
        Action::Write(to) | Action::Swap { to, .. } => Some(to),
        Action::Refused { .. } | Action::Read(_) => None,
    }
}

/// When each value had certainly been there: the first end of an operation that found it.
fn seen(history: &[Operation]) -> Result<BTreeMap<Value, u64>, String> {
    let mut writers = BTreeMap::new();
    for operation in history {
        let Some(value) = written(operation.action) else { continue };
        if value == 0 || writers.insert(value, operation).is_some() {
            return Err(format!("{value} was written twice"));
        }
    }
    let mut seen = BTreeMap::<Value, u64>::new();
    for operation in history {
        let (Some(mut found), Some(ended)) = (found(operation.action), operation.ended) else {
            continue;
        };
        // A swap whose answer was lost has found something too, once somebody has found what it put.
        while found != 0 && seen.get(&found).is_none_or(|known| ended < *known) {
            let Some(writer) = writers.get(&found) else {
                return Err(format!("{found} was read, and nobody wrote it: {operation:?}"));
            };
            seen.insert(found, ended);
            match (writer.ended, writer.action) {
                (None, Action::Swap { from, .. }) => found = from,
                _ => break,
            }
        }
    }
    Ok(seen)
}

/// What an operation has certainly found, if it happened.
fn found(action: Action) -> Option<Value> {
    match action {
        Action::Read(found) | Action::Swap { from: found, .. } => Some(found),
        Action::Write(_) | Action::Refused { .. } => None,
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests;
