//! What a search costs on RocksDB, over 1,000, 10,000 and 100,000 cards: p50 and p99 of each kind of query, and how its
//! cost grows with the number of cards. The goal is a p99 below 5 ms over 100,000 cards.
//!
//! `cargo bench -p registry-store --bench search [-- CARDS...]`

#![allow(clippy::unwrap_used, missing_docs, reason = "a measurement stops at what it cannot do")]

use std::time::{Duration, Instant};

use proto_types::card::Assurance;
use proto_types::{Digest, Handle, Stamp, WallMs};
use registry_core::apply_batch;
use registry_core::command::{Command, Proposal, PutBody, PutCard};
use registry_core::entry::Source;
use registry_core::search::{
    Bounds, Document, Facts, Page, PutSearch, Query, Search, Skill, TermKind,
};
use registry_core::viewer::Viewer;
use registry_store::{Options, Store, StoreView};

const NOW: WallMs = WallMs(1_800_000_000_000);
/// Proposals of one entry, as group commit makes them under load.
const BATCH: usize = 64;
/// Different words; the n-th is as frequent as 1/n, as in any text (Zipf).
const VOCABULARY: u64 = 20_000;
const TAGS: u64 = 500;
/// Runs of each kind of query, each time with other words.
const RUNS: usize = 400;

/// A small generator of numbers (xorshift64*), the same for every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) % sides
    }

    /// 0 most often, then 1, and so on.
    fn zipf(&mut self, sides: u64) -> u64 {
        let uniform = (self.roll(1 << 20) as f64 + 1.0) / f64::from(1 << 20);
        ((sides as f64).powf(uniform) as u64 - 1).min(sides - 1)
    }

    fn word(&mut self) -> String {
        format!("w{}", self.zipf(VOCABULARY))
    }

    fn text(&mut self, words: usize) -> String {
        let words: Vec<String> = (0..words).map(|_| self.word()).collect();
        words.join(" ")
    }

    fn often(&mut self, percent: u64) -> bool {
        self.roll(100) < percent
    }
}

/// A card of three skills, some 90 words. Half of all say "agent", another half "assistant".
fn document(dice: &mut Dice) -> Document {
    let name = dice.text(2);
    let mut description = dice.text(24);
    for word in [" agent", " assistant"] {
        description += if dice.often(50) { word } else { "" };
    }
    let skills: Vec<_> = (0..3)
        .map(|_| {
            let tags = [dice.zipf(TAGS), dice.zipf(TAGS)].map(|tag| format!("t{tag}"));
            (format!("skill-{}", dice.roll(5_000)), dice.text(2), dice.text(8), tags)
        })
        .collect();
    let streaming = dice.often(70).then_some("streaming");
    let pushing = dice.often(20).then_some("push-notifications");
    let skills = skills.iter().map(|(id, name, description, tags)| Skill {
        id,
        name,
        description,
        tags: tags.iter().map(String::as_str).collect(),
    });
    Document::of(&Facts {
        name: &name,
        description: &description,
        skills: skills.collect(),
        capabilities: streaming.into_iter().chain(pushing).collect(),
        modalities: vec![
            "text/plain",
            if dice.often(30) { "audio/wav" } else { "application/json" },
        ],
        bindings: vec![if dice.often(80) { "JSONRPC" } else { "GRPC" }],
    })
}

fn put(number: usize, dice: &mut Dice) -> Proposal {
    let bytes = format!("card {number}").into_bytes();
    let digest = Digest::of(&bytes);
    let handle = Handle::parse(&format!("urn:agent:{:016x}", dice.roll(u64::MAX))).unwrap();
    let document = document(dice);
    let assurance = match dice.roll(1_000) {
        0 => Assurance::DomainProven,
        1..=400 => Assurance::Enrolled,
        _ => Assurance::Unsigned,
    };
    let card = Command::PutCard(PutCard {
        handle: handle.clone(),
        digest,
        assurance,
        owner: None,
        visibility: None,
    });
    let search = Command::PutSearch(PutSearch { source: Source::Card, handle, digest, document });
    Proposal { commands: vec![Command::PutBody(PutBody { bytes }), card, search] }
}

/// Brings the store from so many cards to so many.
fn fill(store: &Store, from: usize, to: usize, dice: &mut Dice) -> Duration {
    let start = Instant::now();
    for first in (from..to).step_by(BATCH) {
        let batch: Vec<_> =
            (first..to.min(first + BATCH)).map(|number| put(number, dice)).collect();
        let change = apply_batch(&store.view(), Stamp { now: NOW }, &batch).unwrap();
        store.commit(&change.writes, &[]).unwrap();
    }
    start.elapsed()
}

/// A kind of query, and how one is made.
type Case = (&'static str, fn(&mut Dice) -> Query);

fn text(text: &str) -> Query {
    Query::default().text(text).unwrap()
}

fn with(query: Query, kind: TermKind, name: &str) -> Query {
    query.with(kind, name).unwrap()
}

fn rare(dice: &mut Dice) -> String {
    format!("w{}", VOCABULARY / 2 + dice.roll(VOCABULARY / 2))
}

const CASES: [Case; 14] = [
    ("a word that half of all have", |_| text("agent")),
    ("two words that half of all have", |_| text("agent assistant")),
    ("a word, as frequent as words are", |dice| text(&dice.word())),
    ("two words, as frequent as words are", |dice| text(&dice.text(2))),
    ("three words, as frequent as words are", |dice| text(&dice.text(3))),
    ("a rare word", |dice| text(&rare(dice))),
    ("a rare word and one that half have", |dice| text(&format!("agent {}", rare(dice)))),
    ("a word that half have, and a tag", |dice| {
        with(text("agent"), TermKind::Tag, &format!("t{}", dice.zipf(TAGS)))
    }),
    ("a tag", |dice| with(Query::default(), TermKind::Tag, &format!("t{}", dice.zipf(TAGS)))),
    ("two tags", |dice| {
        let query = with(Query::default(), TermKind::Tag, &format!("t{}", dice.zipf(TAGS)));
        with(query, TermKind::Tag, &format!("t{}", dice.zipf(TAGS)))
    }),
    ("a skill", |dice| {
        with(Query::default(), TermKind::Skill, &format!("skill-{}", dice.roll(5_000)))
    }),
    ("three filters that most have", |_| {
        let query = with(Query::default(), TermKind::Capability, "streaming");
        with(with(query, TermKind::Modality, "text/plain"), TermKind::Binding, "jsonrpc")
    }),
    ("an assurance that one in 1,000 has", |_| Query::default().at_least(Assurance::DomainProven)),
    ("everything", |_| Query::default()),
];

fn search(view: &StoreView, query: &Query, cursor: Option<&str>) -> Page {
    let (viewer, bounds) = (&Viewer::Anonymous, Bounds::default());
    Search { query, viewer, now: NOW, cursor, limit: 20, bounds }.run(view).unwrap()
}

/// What the runs of one kind of query came to.
struct Measured {
    times: Vec<Duration>,
    hits: usize,
    truncated: usize,
    postings: usize,
    judged: usize,
}

impl Measured {
    fn at(&self, share: f64) -> f64 {
        let last = self.times.len() - 1;
        self.times[(last as f64 * share) as usize].as_secs_f64() * 1e3
    }
}

/// Every run is the first page and, where there is one, the second.
fn measure(store: &Store, (_, make): &Case) -> Measured {
    let mut dice = Dice(7);
    let view = store.view();
    let mut all = Measured { times: Vec::new(), hits: 0, truncated: 0, postings: 0, judged: 0 };
    for _ in 0..RUNS {
        let query = make(&mut dice);
        let mut cursor = None;
        for _ in 0..2 {
            let start = Instant::now();
            let page = search(&view, &query, cursor.as_deref());
            all.times.push(start.elapsed());
            all.hits += page.hits.len();
            all.truncated += usize::from(page.truncated);
            all.postings = all.postings.max(page.work.postings);
            all.judged = all.judged.max(page.work.judged);
            cursor = page.next;
            if cursor.is_none() {
                break;
            }
        }
    }
    all.times.sort();
    all
}

fn main() {
    let sizes: Vec<usize> = std::env::args().filter_map(|word| word.parse().ok()).collect();
    let sizes = if sizes.is_empty() { vec![1_000, 10_000, 100_000] } else { sizes };
    let dir = tempfile::tempdir().unwrap();
    let mut dice = Dice(42);
    let (mut cards, mut medians) = (0, vec![Vec::new(); CASES.len()]);
    for size in sizes.iter().copied() {
        let store = Store::open(dir.path(), 1, Options::default()).unwrap();
        let took = fill(&store, cards, size, &mut dice);
        let rate = (size - cards) as f64 / took.as_secs_f64();
        cards = size;
        drop(store);
        // Opened again, so that it reads its files and not what it wrote a moment ago.
        let store = Store::open(dir.path(), 1, Options::default()).unwrap();
        println!(
            "\n{size} cards, written at {rate:.0} a second; each line {RUNS} queries, 20 hits a page"
        );
        println!(
            "{:40} {:>9} {:>9} {:>6} {:>6} {:>9} {:>7}",
            "", "p50 ms", "p99 ms", "hits", "cut", "postings", "judged"
        );
        let mut every = Vec::new();
        for (case, medians) in CASES.iter().zip(&mut medians) {
            let found = measure(&store, case);
            let (runs, cut) = (found.times.len(), found.truncated * 100 / found.times.len());
            println!(
                "{:40} {:9.3} {:9.3} {:6.1} {cut:5}% {:9} {:7}",
                case.0,
                found.at(0.5),
                found.at(0.99),
                found.hits as f64 / runs as f64,
                found.postings,
                found.judged,
            );
            medians.push(found.at(0.5));
            every.extend(found.times);
        }
        every.sort();
        let all = Measured { times: every, hits: 0, truncated: 0, postings: 0, judged: 0 };
        println!("{:40} {:9.3} {:9.3}", "all of them", all.at(0.5), all.at(0.99));
    }
    growth(&sizes, &medians);
}

/// The exponent of cost over cards: 1 where ten times the cards cost ten times as much.
fn growth(sizes: &[usize], medians: &[Vec<f64>]) {
    let (Some(first), Some(last)) = (sizes.first(), sizes.last()) else { return };
    if first == last {
        return;
    }
    let decades = (*last as f64 / *first as f64).log10();
    println!("\ncost grows with the number of cards to the power of");
    for ((name, _), medians) in CASES.iter().zip(medians) {
        let exponent = (medians[medians.len() - 1] / medians[0]).log10() / decades;
        println!("{name:40} {exponent:9.2}");
    }
}
