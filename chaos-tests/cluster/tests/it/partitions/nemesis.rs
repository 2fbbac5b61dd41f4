//! What is cut next, and for how long.
//! It decides by the chance that it is given; it must never look at the world itself.

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use chaos_cluster::hosts::{CLIENTS, Host, Way};
use rand::Rng as _;
use rand::rngs::StdRng;

/// From less than an election takes (0.8 to 1 s) to several of them.
const LASTS_MS: std::ops::Range<u64> = 500..4_500;

/// One fault, until the next heal.
pub(crate) struct Storm {
    what: &'static str,
    pub(crate) cut: BTreeSet<Way>,
    pub(crate) lasts: Duration,
}

impl fmt::Display for Storm {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ways: Vec<String> = self.cut.iter().map(|(from, to)| format!("{from}>{to}")).collect();
        write!(out, "{} for {} ms: {}", self.what, self.lasts.as_millis(), ways.join(" "))
    }
}

/// The next fault among members 1 to `members`; every other one is about the leader.
pub(crate) fn next(chance: &mut StdRng, members: u64, leader: Option<Host>) -> Storm {
    let anyone = chance.random_range(1..=members);
    let victim = leader.filter(|_| chance.random()).unwrap_or(anyone);
    let others = || (1..=members).filter(move |other| *other != victim);
    let (what, mut cut) = match chance.random_range(0..8) {
        0 => ("isolated", both(&[victim], others())),
        1 => ("hears nobody", others().map(|other| (other, victim)).collect()),
        2 => ("is heard by nobody", others().map(|other| (victim, other)).collect()),
        3 => ("split", split(chance, members)),
        4 => ("bridge", bridge(victim, members)),
        5 => ("ring", ring(members)),
        6 => (
            "everyone alone",
            (1..=members).flat_map(|one| both(&[one], others_of(one, members))).collect(),
        ),
        _ => ("one way", others().take(1).map(|other| (victim, other)).collect()),
    };
    if chance.random_range(0..3) == 0 {
        let member = chance.random_range(1..=members);
        cut.insert(if chance.random() { (CLIENTS, member) } else { (member, CLIENTS) });
    }
    Storm { what, cut, lasts: Duration::from_millis(chance.random_range(LASTS_MS)) }
}

fn others_of(one: Host, members: u64) -> impl Iterator<Item = Host> {
    (1..=members).filter(move |other| *other != one)
}

/// Both ways between two sides.
pub(crate) fn both(one: &[Host], other: impl Iterator<Item = Host>) -> BTreeSet<Way> {
    other
        .flat_map(|there| one.iter().flat_map(move |here| [(*here, there), (there, *here)]))
        .collect()
}

/// A minority by chance on one side.
fn split(chance: &mut StdRng, members: u64) -> BTreeSet<Way> {
    let mut minority = BTreeSet::new();
    while (minority.len() as u64) < members / 2 {
        minority.insert(chance.random_range(1..=members));
    }
    let majority = (1..=members).filter(|member| !minority.contains(member));
    both(&minority.iter().copied().collect::<Vec<_>>(), majority)
}

/// Two sides that only the member in the middle reaches.
fn bridge(middle: Host, members: u64) -> BTreeSet<Way> {
    let ends: Vec<Host> = others_of(middle, members).collect();
    let (left, right) = ends.split_at(ends.len() / 2);
    both(left, right.iter().copied())
}

/// Nobody hears the one before.
fn ring(members: u64) -> BTreeSet<Way> {
    (1..=members).map(|member| (member, member % members + 1)).collect()
}
