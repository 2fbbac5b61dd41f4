//! What the core itself costs, without log and disk: the floor under every write.
//! Over a `Memory` of 10,000 records, so that maps have their usual depth.

use std::hint::black_box;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use proto_types::card::Assurance;
use proto_types::{Digest, Handle, Stamp, WallMs};
use registry_core::command::{
    Command, LogCommand, OpenLog, Proposal, PutBody, PutRecord, SpendTokens,
};
use registry_core::view::Memory;
use registry_core::{apply_batch, state_hash};

const START: WallMs = WallMs(1_800_000_000_000);
const STAMP: Stamp = Stamp { now: START };

/// A record's two commands, as the edge proposes them: 1 KB of body, and the entry.
fn put_record(n: u64) -> Proposal {
    let mut bytes = vec![b'r'; 1_024];
    bytes[..8].copy_from_slice(&n.to_be_bytes());
    let digest = Digest::of(&bytes);
    let put = Command::PutRecord(PutRecord {
        handle: Handle::parse(&format!("urn:hive:agent:{n:016}")).expect("a plain handle"),
        digest,
        updated_at: START,
        valid_until: None,
        ttl_s: Some(3_600),
        agent_card_url: format!("https://agents.example/{n}/card.json"),
        assurance: Assurance::SelfAsserted,
        owner: None,
        if_match: None,
        visibility: None,
        vouched: false,
    });
    Proposal { commands: vec![Command::PutBody(PutBody { bytes }), put] }
}

fn spend(n: u64) -> Proposal {
    let hash = Digest::of(&n.to_be_bytes());
    let entries = vec![(hash, START.plus_ms(300_000))];
    Proposal { commands: vec![Command::SpendTokens(SpendTokens { entries })] }
}

fn open_log() -> Proposal {
    Proposal {
        commands: vec![Command::Log(LogCommand::OpenLog(OpenLog { seed: Digest([7; 32]) }))],
    }
}

fn filled(proposals: impl Iterator<Item = Proposal>) -> Memory {
    let mut memory = Memory::default();
    for proposal in proposals {
        let change = apply_batch(&memory, STAMP, &[proposal]).expect("memory does not fail");
        memory.commit(&change.writes);
    }
    memory
}

fn bench(c: &mut Criterion, name: &str, batch: u64, proposal: fn(u64) -> Proposal) {
    bench_over(c, name, batch, proposal, filled((0..10_000).map(proposal)));
}

/// The same with every record a leaf of the transparency log.
fn bench_logged(c: &mut Criterion, batch: u64) {
    let proposals = std::iter::once(open_log()).chain((0..10_000).map(put_record));
    bench_over(c, "put record, logged", batch, put_record, filled(proposals));
}

fn bench_over(
    c: &mut Criterion,
    name: &str,
    batch: u64,
    proposal: fn(u64) -> Proposal,
    memory: Memory,
) {
    let mut group = c.benchmark_group(name);
    group.throughput(Throughput::Elements(batch));
    let mut next = 10_000;
    group.bench_function(format!("batch of {batch}"), |bencher| {
        bencher.iter_batched(
            || {
                next += batch;
                (next..next + batch).map(proposal).collect::<Vec<_>>()
            },
            |proposals| apply_batch(black_box(&memory), STAMP, &proposals),
            BatchSize::SmallInput,
        );
    });
    group.finish();
}

fn benches(c: &mut Criterion) {
    for batch in [1, 64] {
        bench(c, "put record", batch, put_record);
        bench_logged(c, batch);
    }
    bench_state_hash(c);
    for batch in [1, 64] {
        bench(c, "spend token", batch, spend);
    }
}

/// What it costs to roll the state's digest on with an entry.
fn bench_state_hash(c: &mut Criterion) {
    let memory = filled((0..1_000).map(put_record));
    let proposals: Vec<_> = (1_000..1_064).map(put_record).collect();
    let change = apply_batch(&memory, STAMP, &proposals).expect("memory does not fail");
    let mut group = c.benchmark_group("state hash");
    group.throughput(Throughput::Elements(64));
    group.bench_function("batch of 64", |bencher| {
        let before = Digest([7; 32]);
        bencher.iter(|| state_hash::roll(&before, change.revision, black_box(&change.writes)));
    });
    group.finish();
}

criterion_group!(apply, benches);
criterion_main!(apply);
