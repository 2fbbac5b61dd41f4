//! Envelope queues: accepted once, leased to one, acknowledged once, or a dead letter with its reasons.

use proto_types::{EnvelopeId, LeaseEpoch, QueueName, Stamp, WallMs};
use registry_core::change::{Effect, Lease, Refusal, Reply};
use registry_core::command::{AckEnvelope, Command, EnqueueEnvelope, FleetCommand, Proposal};
use registry_core::entry::{DeadCause, EnvelopeEntry};
use registry_core::{apply_batch, query, verify};

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

/// What is kept of an envelope.
fn kept(world: &World, name: u8) -> Option<EnvelopeEntry> {
    query::envelope(&world.memory, &origin(0), &envelope_id(name)).unwrap()
}

/// How many wait, and how many are dead letters.
fn counts(world: &World) -> (u64, u64) {
    let target = TARGET.parse().unwrap();
    let dead = query::dead_letter_count(&world.memory, Some(&target)).unwrap();
    assert_eq!(verify::check(&world.memory).faults, Vec::<String>::new());
    (query::queue_depth(&world.memory, TARGET).unwrap(), dead)
}

fn causes(world: &World) -> Vec<(EnvelopeId, DeadCause)> {
    let dead = query::dead_letters(&world.memory, None, None, 99).unwrap();
    dead.into_iter().map(|it| (it.id, it.dead.unwrap().cause)).collect()
}

#[test]
fn a_failed_attempt_is_kept_with_its_reason_and_puts_the_envelope_off() {
    let mut world = World::populated();
    world.done(&enqueue(1, TARGET, at(DAY)));
    leased(&mut world, 1);
    let not_leased = Refusal::NotLeased(envelope_id(1));
    assert_eq!(world.refusal(&fail(1, TARGET, 2, 9)), not_leased);
    assert_eq!(world.refusal(&fail(1, "elsewhere", 1, 9)), not_found("envelope", envelope_id(1)));
    for _ in 0..2 {
        world.done(&fail(1, TARGET, 1, 9));
        let it = kept(&world, 1).unwrap();
        assert_eq!((it.failures, it.attempts.len()), (1, 1), "the same again changes nothing");
        assert_eq!((it.attempts[0].at, it.attempts[0].reason.as_str()), (START, "status 503"));
    }
    let next = |world: &World| query::next_lease_at(&world.memory, TARGET).unwrap();
    world.later(999);
    assert_eq!((leased(&mut world, 1), next(&world)), (Vec::new(), Some(at(1_000))));
    world.later(1);
    assert_eq!(leased(&mut world, 1), ids(&[(1, 2)]));
    assert_eq!(next(&world), Some(at(11_000)));
    world.done(&ack(1, TARGET, 2));
    assert_eq!(next(&world), None);
    world.done(&fail(1, TARGET, 1, 9));
    assert_eq!(world.refusal(&fail(1, TARGET, 2, 9)), not_leased, "it took effect");
    assert_eq!(counts(&world), (0, 0));
    let mut far = fail(1, TARGET, 1, 9);
    if let Command::Fleet(FleetCommand::FailEnvelope(fail)) = &mut far {
        fail.not_before = at(2 * DAY);
    }
    assert!(matches!(world.refusal(&far), Refusal::TooFarAhead { .. }));
}

#[test]
fn after_as_many_attempts_as_there_may_be_an_envelope_is_a_dead_letter() {
    let mut world = World::populated();
    world.done(&enqueue(1, TARGET, at(DAY)));
    world.done(&enqueue(2, TARGET, at(DAY)));
    for epoch in 1..=12 {
        leased(&mut world, 1);
        world.done(&fail(1, TARGET, epoch, 12));
        world.later(1_000);
    }
    assert_eq!(counts(&world), (1, 1));
    let it = kept(&world, 1).unwrap();
    let epochs: Vec<_> = it.attempts.iter().map(|attempt| attempt.epoch.0).collect();
    assert_eq!((it.failures, epochs), (12, (3..=12).collect()), "the last ten are told");
    assert_eq!(causes(&world), [(envelope_id(1), DeadCause::Attempts)]);
    assert_eq!(world.refusal(&ack(1, TARGET, 12)), Refusal::NotLeased(envelope_id(1)));
    assert_eq!(leased(&mut world, 9), ids(&[(2, 1)]));
    let again = world.done(&enqueue(1, TARGET, at(DAY)));
    assert!(matches!(again, Reply::Enqueued { duplicate: true, .. }), "{again:?}");
    let dead = it.dead.unwrap();
    assert_eq!(world.revision_of(&fail(1, TARGET, 12, 12)), dead.revision);
}

#[test]
fn an_envelope_that_expires_is_a_dead_letter_for_a_week_unless_an_earlier_version_took_it() {
    let mut world = World::populated();
    world.done(&kept_undelivered(enqueue(1, TARGET, at(MINUTE))));
    world.done(&enqueue(2, TARGET, at(MINUTE)));
    world.done(&enqueue(3, TARGET, at(MINUTE)));
    world.done(&kept_undelivered(enqueue(4, TARGET, at(MINUTE))));
    leased(&mut world, 4);
    world.done(&fail(3, TARGET, 1, 9));
    world.done(&ack(4, TARGET, 1));
    world.later(MINUTE);
    leased(&mut world, 1);
    let expired = [1, 3].map(|name| (envelope_id(name), DeadCause::Expired));
    assert_eq!(causes(&world), expired);
    assert_eq!((counts(&world), kept(&world, 2), kept(&world, 4)), ((0, 2), None, None));
    world.later(7 * DAY - 1);
    leased(&mut world, 1);
    assert_eq!(counts(&world), (0, 2));
    world.later(1);
    leased(&mut world, 1);
    assert_eq!((counts(&world), world.number("kept-bytes")), ((0, 0), 0));
}

#[test]
fn a_dead_letter_is_replayed_at_its_place_or_dropped() {
    let mut world = World::populated();
    for name in [1, 2, 3] {
        world.done(&enqueue(name, TARGET, at(DAY)));
    }
    leased(&mut world, 2);
    for name in [1, 2] {
        world.done(&fail(name, TARGET, 1, 1));
    }
    assert_eq!(counts(&world), (1, 2));
    let absent = not_found("dead letter", envelope_id(3));
    assert_eq!(world.refusal(&replay(3, at(DAY))), absent);
    assert_eq!(world.refusal(&drop_envelope(3)), absent);
    assert_eq!(world.refusal(&replay(1, START)), Refusal::Expired { expired_ms: START.0 });
    assert!(matches!(world.refusal(&replay(1, at(8 * DAY))), Refusal::TooFarAhead { .. }));
    world.done(&replay(1, at(2 * DAY)));
    assert_eq!(world.effects, [Effect::EnvelopeReady(TARGET.into())]);
    world.done(&drop_envelope(2));
    assert_eq!((counts(&world), kept(&world, 2)), ((2, 0), None));
    let it = kept(&world, 1).unwrap();
    assert_eq!((it.failures, it.attempts.len(), it.expires_at), (0, 1, at(2 * DAY)));
    assert_eq!(leased(&mut world, 9), ids(&[(1, 2), (3, 1)]), "it is the oldest");
    world.done(&ack(1, TARGET, 2));
    let anew = world.done(&enqueue(2, TARGET, at(DAY)));
    assert!(matches!(anew, Reply::Enqueued { duplicate: false, .. }), "{anew:?}");
}

#[test]
fn a_replay_lets_no_id_be_forgotten_sooner_than_it_was_to_be() {
    let mut world = World::populated();
    world.done(&enqueue(1, TARGET, at(2 * DAY)));
    leased(&mut world, 1);
    world.done(&fail(1, TARGET, 1, 1));
    world.done(&replay(1, at(DAY)));
    assert_eq!(kept(&world, 1).unwrap().expires_at, at(2 * DAY));
    leased(&mut world, 1);
    world.done(&ack(1, TARGET, 2));
    world.later(DAY);
    let again = world.done(&enqueue(1, TARGET, at(3 * DAY)));
    assert!(matches!(again, Reply::Enqueued { duplicate: true, .. }), "{again:?}");
}

#[test]
fn dead_letters_are_bounded_and_listed_by_pages() {
    let mut world = World::populated();
    for name in 1..=3 {
        world.done(&enqueue(name, TARGET, at(DAY)));
    }
    world.done(&enqueue(4, "elsewhere", at(DAY)));
    world.done(&lease("elsewhere", 1));
    world.done(&fail(4, "elsewhere", 1, 1));
    leased(&mut world, 3);
    for name in [2, 1] {
        world.done(&fail(name, TARGET, 1, 1));
    }
    let target: QueueName = TARGET.parse().unwrap();
    let page = |target: Option<&QueueName>, after: Option<&EnvelopeEntry>| {
        let after = after.map(|it| (it.target.clone(), it.dead.unwrap().revision));
        query::dead_letters(&world.memory, target, after.as_ref(), 1).unwrap().pop()
    };
    let first = page(Some(&target), None).unwrap();
    let second = page(Some(&target), Some(&first)).unwrap();
    assert_eq!((first.id, second.id.clone()), (envelope_id(2), envelope_id(1)));
    assert_eq!(page(Some(&target), Some(&second)), None);
    let (mut all, mut last) = (Vec::new(), None);
    while let Some(next) = page(None, last.as_ref()) {
        all.push(next.id.clone());
        last = Some(next);
    }
    assert_eq!(all, [4, 2, 1].map(envelope_id), "target by target");
    // The source has its share: what dies now is forgotten, as all that expired was once.
    let share = format!("dead-letters-of/{TARGET} https://peer0.example");
    world.set_number(&share, 9_999);
    world.done(&fail(3, TARGET, 1, 1));
    assert_eq!((kept(&world, 3), world.number(&share)), (None, 9_999));
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

fn keyed(name: u8, from: u8, key: &str) -> Command {
    let mut command = enqueue(name, TARGET, at(DAY));
    if let Command::EnqueueEnvelope(envelope) = &mut command {
        envelope.source = origin(from);
        envelope.ordering_key = key.parse().ok();
    }
    command
}

#[test]
fn of_those_with_one_source_and_key_one_is_leased_until_it_is_done() {
    let mut world = World::populated();
    let sent = [(1, 0, "k"), (2, 0, "k"), (3, 0, "l"), (4, 0, ""), (5, 1, "k"), (6, 0, "k")];
    for (name, from, key) in sent {
        world.done(&keyed(name, from, key));
    }
    // An empty text is no key.
    assert_eq!(leased(&mut world, 9), ids(&[(1, 1), (3, 1), (4, 1), (5, 1)]));
    assert_eq!(leased(&mut world, 9), []);
    world.done(&ack(1, TARGET, 1));
    assert_eq!(leased(&mut world, 9), ids(&[(2, 1)]));
    // What is put off holds up those behind it; what is a dead letter does not.
    world.done(&fail(2, TARGET, 1, 9));
    assert_eq!(query::next_lease_at(&world.memory, TARGET).unwrap(), Some(at(1_000)));
    assert_eq!(leased(&mut world, 9), []);
    world.later(1_000);
    assert_eq!(leased(&mut world, 9), ids(&[(2, 2)]));
    world.done(&fail(2, TARGET, 2, 2));
    assert_eq!(leased(&mut world, 9), ids(&[(6, 1)]));
}
