//! Envelope queues: accepted once, leased to one, acknowledged once.

use proto_types::{EnvelopeId, LeaseEpoch, Stamp, WallMs};
use registry_core::change::{Effect, Lease, Refusal, Reply};
use registry_core::command::{AckEnvelope, Command, EnqueueEnvelope, Proposal};
use registry_core::{apply_batch, query};

use crate::world::*;

const TARGET: &str = "https://target.example";

fn at(ms: u64) -> WallMs {
    START.plus_ms(ms)
}

fn leased(world: &mut World, max: u32) -> Vec<(EnvelopeId, u64)> {
    match world.done(&lease(TARGET, max)) {
        Reply::Leased(leases) => {
            leases.into_iter().map(|Lease { envelope, epoch, .. }| (envelope.id, epoch.0)).collect()
        }
        other => panic!("{other:?}"),
    }
}

/// One of many envelopes of peer `from`.
fn nth(n: u32, from: u8) -> Command {
    let mut command = enqueue(0, TARGET, at(DAY));
    if let Command::EnqueueEnvelope(envelope) = &mut command {
        envelope.id = EnvelopeId::parse(&format!("n{n:05}")).unwrap();
        envelope.source = origin(from);
    }
    command
}

fn ids(names: &[(u8, u64)]) -> Vec<(EnvelopeId, u64)> {
    names.iter().map(|(name, epoch)| (envelope_id(*name), *epoch)).collect()
}

#[test]
fn an_envelope_is_accepted_once_until_it_expires_even_after_its_ack() {
    let mut world = World::populated();
    let first = world.done(&enqueue(1, TARGET, at(MINUTE)));
    let Reply::Enqueued { revision, duplicate: false } = first else { panic!("{first:?}") };
    assert_eq!(world.effects, [Effect::EnvelopeReady(TARGET.into())]);
    let again = Reply::Enqueued { revision, duplicate: true };
    assert_eq!(world.done(&enqueue(1, TARGET, at(MINUTE))), again);
    assert_eq!(world.done(&enqueue(1, TARGET, at(DAY))), again);
    assert_eq!(leased(&mut world, 9), ids(&[(1, 1)]));
    world.done(&ack(1, TARGET, 1));
    assert_eq!(world.done(&enqueue(1, TARGET, at(MINUTE))), again);
    assert_eq!(leased(&mut world, 9), []);

    world.later(MINUTE);
    let anew = world.done(&enqueue(1, TARGET, at(2 * MINUTE)));
    assert!(matches!(anew, Reply::Enqueued { duplicate: false, .. }), "{anew:?}");
    assert_eq!(leased(&mut world, 9), ids(&[(1, 1)]));
}

#[test]
fn one_id_is_never_taken_for_two_messages() {
    let mut world = World::populated();
    world.done(&enqueue(1, TARGET, at(DAY)));
    let mut other = enqueue(1, TARGET, at(DAY));
    let Command::EnqueueEnvelope(envelope) = &mut other else { unreachable!() };
    envelope.body = digest(1);
    let taken = conflict("envelope", envelope_id(1).as_str());
    assert_eq!(world.refusal(&other), taken);
    assert_eq!(world.refusal(&enqueue(1, "elsewhere", at(DAY))), taken);
    assert_eq!(leased(&mut world, 9), ids(&[(1, 1)]));
}

#[test]
fn envelopes_are_leased_oldest_first_and_to_one_holder_at_a_time() {
    let mut world = World::populated();
    for name in [3, 1, 2] {
        world.done(&enqueue(name, TARGET, at(DAY)));
    }
    assert_eq!(leased(&mut world, 2), ids(&[(3, 1), (1, 1)]));
    assert_eq!(leased(&mut world, 2), ids(&[(2, 1)]));
    assert_eq!(leased(&mut world, 2), []);
    world.later(9_999);
    assert_eq!(leased(&mut world, 2), []);
    world.later(1);
    assert_eq!(leased(&mut world, 9), ids(&[(3, 2), (1, 2), (2, 2)]));
    assert_eq!(query::queue_depth(&world.memory, TARGET).unwrap(), 3);
}

#[test]
fn an_ack_needs_the_newest_lease() {
    let mut world = World::populated();
    world.done(&enqueue(1, TARGET, at(DAY)));
    let not_leased = Refusal::NotLeased(envelope_id(1));
    assert_eq!(world.refusal(&ack(1, TARGET, 0)), not_leased);
    leased(&mut world, 1);
    world.later(10_000);
    leased(&mut world, 1);
    assert_eq!(world.refusal(&ack(1, TARGET, 1)), not_leased);
    assert_eq!(world.refusal(&ack(1, TARGET, 3)), not_leased);
    let absent = not_found("envelope", envelope_id(1));
    assert_eq!(world.refusal(&ack(1, "elsewhere", 2)), absent);
    assert_eq!(world.refusal(&ack(2, TARGET, 2)), not_found("envelope", envelope_id(2)));
    // The lease ran out, but nobody leased it since.
    world.later(10_000);
    let first = world.revision_of(&ack(1, TARGET, 2));
    assert_eq!(world.revision_of(&ack(1, TARGET, 2)), first);
    assert_eq!(world.refusal(&ack(1, TARGET, 1)), not_leased);
    let kept = query::envelope(&world.memory, &origin(0), &envelope_id(1)).unwrap().unwrap();
    assert_eq!(kept.epoch, LeaseEpoch(2));
    assert_eq!(query::queue_depth(&world.memory, TARGET).unwrap(), 0);
}

#[test]
fn a_void_envelope_is_neither_leased_nor_kept() {
    let mut world = World::populated();
    for name in 0..70 {
        world.done(&enqueue(name, TARGET, at(MINUTE)));
    }
    world.done(&enqueue(100, TARGET, at(DAY)));
    world.later(MINUTE);
    // 64 of the 70 are swept by this command; the rest are passed over, and swept by the next.
    assert_eq!(leased(&mut world, 9), ids(&[(100, 1)]));
    assert_eq!(query::queue_depth(&world.memory, TARGET).unwrap(), 7);
    assert_eq!(leased(&mut world, 9), []);
    assert_eq!(query::queue_depth(&world.memory, TARGET).unwrap(), 1);
    assert_eq!(query::envelope(&world.memory, &origin(0), &envelope_id(69)).unwrap(), None);
}

#[test]
fn a_log_entry_sweeps_until_nothing_is_void_and_a_refused_proposal_has_not_swept() {
    let mut world = World::populated();
    for name in 0..70 {
        world.done(&enqueue(name, TARGET, at(MINUTE)));
    }
    world.later(MINUTE);
    let (sweep, refused) = (|| lease(TARGET, 9), || assign(9, 0));
    let in_vain = || vec![sweep(), sweep(), refused()];
    for (proposals, left) in [
        (vec![vec![sweep()]], 6),
        (vec![vec![sweep()], vec![sweep()], vec![sweep()]], 0),
        (vec![vec![sweep(), sweep()]], 0),
        (vec![in_vain()], 70),
        (vec![in_vain(), vec![sweep()]], 6),
        (vec![in_vain(), vec![sweep()], in_vain(), vec![sweep()]], 0),
    ] {
        let proposals: Vec<_> =
            proposals.into_iter().map(|commands| Proposal { commands }).collect();
        let change = apply_batch(&world.memory, Stamp { now: world.now }, &proposals).unwrap();
        let mut memory = world.memory.clone();
        memory.commit(&change.writes);
        assert_eq!(query::queue_depth(&memory, TARGET).unwrap(), left, "{proposals:?}");
    }
}

#[test]
fn a_queue_holds_10000_envelopes_and_a_lease_looks_past_those_in_use() {
    let mut world = World::populated();
    for n in 0..10_000 {
        world.done(&nth(n, 0));
    }
    assert_eq!(world.refusal(&nth(10_000, 0)), share_full("the target's queue", 10_000));
    world.done(&enqueue(1, "elsewhere", at(DAY)));
    for _ in 0..4 {
        leased(&mut world, 100);
    }
    let next = leased(&mut world, 1);
    assert_eq!(next[0].0.as_str(), "n00400");
    let id = next[0].0.clone();
    let (target, source, epoch) = (TARGET.parse().unwrap(), origin(0), LeaseEpoch(1));
    world.done(&Command::AckEnvelope(AckEnvelope { target, source, id, epoch }));
    world.done(&nth(10_000, 0));
}

#[test]
fn what_is_out_of_bounds_is_refused() {
    let mut world = World::populated();
    let past = world.refusal(&enqueue(1, TARGET, START));
    assert_eq!(past, Refusal::Expired { expired_ms: START.0 });
    let far = world.refusal(&enqueue(1, TARGET, at(7 * DAY + 1)));
    assert!(matches!(far, Refusal::TooFarAhead { .. }));
    let mut bare = World::new();
    assert_eq!(bare.refusal(&enqueue(1, TARGET, at(1))), not_found("body", digest(0)));
}

#[test]
fn a_trace_context_of_an_earlier_log_is_refused_again() {
    let mut world = World::populated();
    for (len, is_refused) in [(128, false), (129, true), (256, true)] {
        let logged = rmp_serde::to_vec(&"0".repeat(len)).unwrap();
        let mut command = enqueue(1, TARGET, at(DAY));
        if let Command::EnqueueEnvelope(envelope) = &mut command {
            envelope.traceparent = Some(rmp_serde::from_slice(&logged).unwrap());
        }
        let refused = Reply::Refused(full("bytes of traceparent", 128));
        assert_eq!(world.say(&command) == refused, is_refused, "{len}");
    }
}

#[test]
fn one_sources_envelopes_leave_room_for_anothers_in_a_queue() {
    let mut world = World::populated();
    for n in 0..10_000 {
        world.done(&nth(n, 0));
    }
    assert_eq!(world.refusal(&nth(10_000, 0)), share_full("the target's queue", 10_000));
    for n in 0..100 {
        world.done(&nth(n, 1));
    }
    assert_eq!(query::queue_depth(&world.memory, TARGET).unwrap(), 10_100);
    // What is delivered gives its source room again, once more of the queue is free than it holds.
    for (id, ..) in leased(&mut world, 100) {
        let (target, source) = (TARGET.parse().unwrap(), origin(0));
        world.done(&Command::AckEnvelope(AckEnvelope { target, source, id, epoch: LeaseEpoch(1) }));
    }
    world.done(&nth(10_000, 0));
}

#[test]
fn a_share_goes_down_by_the_envelopes_that_it_has_counted_alone() {
    let mut world = World::populated();
    let unmarked = |name: u8| {
        let mut command = enqueue(name, TARGET, at(DAY));
        if let Command::EnqueueEnvelope(envelope) = &mut command {
            envelope.shared = false;
        }
        command
    };
    let name = |kind: &str| format!("{kind}/{TARGET} https://peer0.example");
    // Of two of earlier versions one was counted.
    world.done(&unmarked(1));
    world.done(&unmarked(2));
    world.set_number(&name("queue-share"), 1);
    world.done(&enqueue(3, TARGET, at(DAY)));
    leased(&mut world, 3);
    for envelope in [1, 2] {
        world.done(&ack(envelope, TARGET, 1));
    }
    let counted = |world: &World| {
        let shares = (world.number(&name("queue-share")), world.number(&name("queue-held")));
        (shares, query::queue_depth(&world.memory, TARGET).unwrap())
    };
    assert_eq!(counted(&world), ((0, 1), 1));
    world.done(&ack(3, TARGET, 1));
    assert_eq!(counted(&world), ((0, 0), 0));
}

fn paid(name: u8, with: u8) -> Command {
    let mut command = enqueue(name, TARGET, at(DAY));
    if let Command::EnqueueEnvelope(envelope) = &mut command {
        envelope.token = Some(token(with));
    }
    command
}

#[test]
fn an_envelope_spends_its_token_also_where_it_is_known() {
    let mut world = World::populated();
    world.done(&paid(1, 60));
    assert!(world.was_spent(60));
    let again = world.done(&paid(1, 61));
    assert!(matches!(again, Reply::Enqueued { duplicate: true, .. }), "{again:?}");
    for (name, spent) in [(1, 60), (1, 61), (2, 60)] {
        assert_eq!(world.refusal(&paid(name, spent)), Refusal::TokenSpent, "{name} {spent}");
    }
    assert_eq!(query::queue_depth(&world.memory, TARGET).unwrap(), 1);
}

#[test]
fn an_envelope_that_is_refused_spends_no_token() {
    let mut world = World::populated();
    world.done(&enqueue(1, TARGET, at(DAY)));
    let refused: [fn(&mut EnqueueEnvelope); 5] = [
        |envelope| envelope.body = digest(1),
        |envelope| envelope.target = "elsewhere".parse().unwrap(),
        |envelope| envelope.expires_at = START,
        |envelope| envelope.expires_at = at(8 * DAY),
        |envelope| (envelope.id, envelope.body) = (envelope_id(2), digest(99)),
    ];
    for (name, ask) in (70..).zip(refused) {
        let mut command = paid(1, name);
        if let Command::EnqueueEnvelope(envelope) = &mut command {
            ask(envelope);
        }
        assert_ne!(world.refusal(&command), Refusal::TokenSpent, "{command:?}");
        assert!(!world.was_spent(name), "{command:?}");
    }
    world.set_number(&format!("queue/{TARGET}"), 20_000);
    assert_eq!(world.refusal(&paid(2, 60)), full("the target's queue", 20_000));
    assert!(!world.was_spent(60));
}
