//! What the core itself costs, without log and disk: the floor under every write.
//! Over a `Memory` that holds 10,000 of the same, so that maps have their usual depth. A case whose commands are refused
//! must never be measured.

use std::cell::LazyCell;
use std::hint::black_box;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use proto_types::card::Assurance;
use proto_types::{Digest, EnvelopeId, Handle, IsolationSet, SecretKey, Stamp, TaskId, WallMs};
use registry_core::change::Reply;
use registry_core::command::{
    Command, EnqueueEnvelope, EnrolPeer, LogCommand, OpenLog, Proposal, PutAgent, PutBody,
    PutRecord, SpendToken, SpendTokens, SubmitTask,
};
use registry_core::entry::{AgentKind, Approval, EnrolledKey, Limits, Source};
use registry_core::search::{Document, Facts, PutSearch};
use registry_core::view::Memory;
use registry_core::{BatchChange, apply_batch, state_hash};

const START: WallMs = WallMs(1_800_000_000_000);
const STAMP: Stamp = Stamp { now: START };

/// Peers that the work is spread over.
const PEERS: u64 = 64;

/// How many of a case there are before it is measured.
const BEFORE: u64 = 10_000;

/// What the cases need: the peers with their keys, and an agent.
fn initial_state() -> Vec<Proposal> {
    let enrol = |n: u64| {
        let public = SecretKey::from_seed(&Digest::of(&n.to_be_bytes()).0).public();
        let key = EnrolledKey::new("key-1".parse().expect("a plain id"), public);
        let (origin, keys) = (peer(n).parse().expect("an origin"), vec![key]);
        Command::EnrolPeer(EnrolPeer { origin, keys, approval: Approval::Operator })
    };
    let card = b"{}".to_vec();
    let deploy = Command::PutAgent(PutAgent {
        handle: agent(),
        artifact: Digest([1; 32]),
        artifact_bytes: 1 << 20,
        kind: AgentKind::Component,
        limits: Limits { fuel: 1_000, memory_bytes: 1 << 20, wall_ms: 1_000, output_bytes: 1_024 },
        isolation: IsolationSet::new(&["wasm-proc"]).expect("a class"),
        card: Digest::of(&card),
        visibility: None,
    });
    let deploy = vec![Command::PutBody(PutBody { bytes: card }), deploy];
    let peers = (0..PEERS).map(|n| Proposal { commands: vec![enrol(n)] });
    peers.chain([Proposal { commands: deploy }]).collect()
}

fn peer(n: u64) -> String {
    format!("https://peer{}.example", n % PEERS)
}

fn agent() -> Handle {
    Handle::parse("urn:hive:agent:deployed").expect("a plain handle")
}

/// A body of 1 KB, as no other number has it.
fn body(n: u64) -> (Digest, Command) {
    let mut bytes = vec![b'r'; 1_024];
    bytes[..8].copy_from_slice(&n.to_be_bytes());
    (Digest::of(&bytes), Command::PutBody(PutBody { bytes }))
}

fn token(n: u64) -> SpendToken {
    SpendToken { hash: Digest::of(&n.to_be_bytes()), until: START.plus_ms(300_000) }
}

/// A record as its owner publishes it: the token, the body, the entry, and what a search reads.
fn put_record(n: u64) -> Proposal {
    let (digest, body) = body(n);
    let handle = Handle::parse(&format!("urn:hive:agent:{n:016}")).expect("a plain handle");
    let owner = (peer(n).parse().expect("an origin"), "key-1".parse().expect("a plain id"));
    let put = Command::PutRecord(PutRecord {
        handle: handle.clone(),
        digest,
        updated_at: START,
        valid_until: None,
        ttl_s: Some(3_600),
        agent_card_url: format!("https://agents.example/{n}/card.json"),
        assurance: Assurance::Enrolled,
        owner: Some(owner),
        if_match: None,
        visibility: None,
        vouched: true,
    });
    let capability = format!("capability-{}", n % 500);
    let capabilities = vec!["chat", "streaming", "translation", capability.as_str()];
    let document = Document::of(&Facts { capabilities, ..Facts::default() });
    let search = Command::PutSearch(PutSearch { source: Source::Record, handle, digest, document });
    Proposal { commands: vec![Command::SpendToken(token(n)), body, put, search] }
}

/// A call as a gateway hands it on: the message, and the task with its caller's token.
fn submit_task(n: u64) -> Proposal {
    let (input, body) = body(n);
    let task = Command::SubmitTask(SubmitTask {
        id: TaskId::parse(&format!("task-{n:016}")).expect("a plain id"),
        context: format!("context-{n:016}").parse().expect("a plain id"),
        agent: agent(),
        owner: peer(n).parse().expect("an origin"),
        input,
        reply_to: None,
        deadline: START.plus_ms(60_000),
        shared: true,
        metered: true,
        counted: true,
        listed: true,
        token: Some(token(n)),
        node: None,
        gateway: Some("gateway-1".parse().expect("a plain id")),
        traceparent: None,
    });
    Proposal { commands: vec![body, task] }
}

/// An envelope as a gateway hands it on: the message, and its place in a queue with its sender's token.
fn enqueue_envelope(n: u64) -> Proposal {
    let (digest, body) = body(n);
    let envelope = Command::EnqueueEnvelope(EnqueueEnvelope {
        id: EnvelopeId::parse(&format!("envelope-{n:016}")).expect("a plain id"),
        source: peer(n).parse().expect("an origin"),
        target: peer(n / PEERS).parse().expect("an origin is a queue"),
        correlation: format!("correlation-{n:016}").parse().expect("a plain id"),
        body: digest,
        traceparent: None,
        expires_at: START.plus_ms(3_600_000),
        shared: true,
        metered: true,
        token: Some(token(n)),
        keep_undelivered: true,
        ordering_key: None,
        hops: Vec::new(),
    });
    Proposal { commands: vec![body, envelope] }
}

fn spend(n: u64) -> Proposal {
    let SpendToken { hash, until } = token(n);
    Proposal { commands: vec![Command::SpendTokens(SpendTokens { entries: vec![(hash, until)] })] }
}

fn open_log() -> Proposal {
    Proposal {
        commands: vec![Command::Log(LogCommand::OpenLog(OpenLog { seed: Digest([7; 32]) }))],
    }
}

fn filled(proposals: impl IntoIterator<Item = Proposal>) -> Memory {
    let mut memory = Memory::default();
    for proposal in initial_state().into_iter().chain(proposals) {
        let change = apply_batch(&memory, STAMP, &[proposal]).expect("memory does not fail");
        let refused = change.replies[0].iter().find(|reply| matches!(reply, Reply::Refused(_)));
        assert_eq!(refused, None);
        memory.commit(&change.writes);
    }
    memory
}

fn bench(c: &mut Criterion, name: &str, batch: u64, proposal: fn(u64) -> Proposal) {
    bench_over(c, (name, batch), proposal, || filled((0..BEFORE).map(proposal)));
}

/// The same with every record a leaf of the transparency log.
fn bench_logged(c: &mut Criterion, batch: u64) {
    let records = || std::iter::once(open_log()).chain((0..BEFORE).map(put_record));
    bench_over(c, ("put record, logged", batch), put_record, || filled(records()));
}

/// The memory is made where the case is measured: a case that was not asked for costs nothing.
fn bench_over(
    c: &mut Criterion,
    (name, batch): (&str, u64),
    proposal: fn(u64) -> Proposal,
    memory: impl FnOnce() -> Memory,
) {
    let memory = LazyCell::new(memory);
    let mut group = c.benchmark_group(name);
    group.throughput(Throughput::Elements(batch));
    let mut next = BEFORE;
    group.bench_function(format!("batch of {batch}"), |bencher| {
        let memory = LazyCell::force(&memory);
        bencher.iter_batched(
            || {
                next += batch;
                (next..next + batch).map(proposal).collect::<Vec<_>>()
            },
            |proposals| measured(black_box(memory), &proposals),
            BatchSize::SmallInput,
        );
    });
    group.finish();
}

/// All that is measured, by a name that callgrind can begin to count at: `--toggle-collect='*apply::measured*'`.
#[inline(never)]
fn measured(memory: &Memory, proposals: &[Proposal]) -> BatchChange {
    apply_batch(memory, STAMP, proposals).expect("memory does not fail")
}

fn benches(c: &mut Criterion) {
    for batch in [1, 64] {
        bench(c, "put record", batch, put_record);
        bench_logged(c, batch);
    }
    bench_state_hash(c);
    for batch in [1, 64] {
        bench(c, "spend token", batch, spend);
        bench(c, "submit task", batch, submit_task);
        bench(c, "enqueue envelope", batch, enqueue_envelope);
    }
}

/// What it costs to roll the state's digest on with an entry.
fn bench_state_hash(c: &mut Criterion) {
    let change = LazyCell::new(|| {
        let proposals: Vec<_> = (1_000..1_064).map(put_record).collect();
        measured(&filled((0..1_000).map(put_record)), &proposals)
    });
    let mut group = c.benchmark_group("state hash");
    group.throughput(Throughput::Elements(64));
    group.bench_function("batch of 64", |bencher| {
        let (before, change) = (Digest([7; 32]), LazyCell::force(&change));
        bencher.iter(|| state_hash::roll(&before, change.revision, black_box(&change.writes)));
    });
    group.finish();
}

criterion_group!(apply, benches);
criterion_main!(apply);
