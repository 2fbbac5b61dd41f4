//! Operations, rotation, recovery and the log that tells of them. Whatever the state machine takes,
//! a reader must be able to verify from the log alone, and come to the same peer.

use proto_types::peer::{Action, EnrolledKey, Replay, ReplayEntry};
use registry_core::change::{Refusal, Reply};
use registry_core::command::{Command, EnrolPeer, OperatePeer, PeerCommand, StandPeer};
use registry_core::entry::{Approval, PeerStatus};
use registry_core::query;

use crate::owner::*;
use crate::world::*;

/// Reads the whole log as a stranger would, and compares what it amounts to with the entry.
#[track_caller]
fn verified(world: &World) -> Replay {
    let mut replay = Replay::new(origin(0));
    for line in query::peer_log(&world.memory, &origin(0), 0, 1_000).unwrap() {
        let document = line.body.map(|body| query::body(&world.memory, &body).unwrap().unwrap());
        replay.take(&ReplayEntry { entry: line.entry, document }).unwrap();
    }
    let peer = world.peer();
    assert_eq!(replay.state(), Some(&peer.state()));
    assert_eq!(replay.head(), Some(peer.log.unwrap().digest));
    let lines = query::peer_log(&world.memory, &origin(0), 0, 1_000).unwrap();
    let voided: Vec<_> = lines.iter().map(|line| line.voided_by.is_some()).collect();
    let found: Vec<_> = replay.steps().iter().map(|step| step.void).collect();
    assert_eq!(found, voided);
    replay
}

fn stand(standing: PeerStatus) -> Command {
    let reason = Some("because".to_owned());
    Command::Peer(PeerCommand::Stand(StandPeer { origin: origin(0), standing, reason }))
}

fn record_by(world: &World, body: u8, key: u8) -> Command {
    put_record(1, body, world.now, Some((0, key)))
}

#[test]
fn operations_follow_each_other_and_a_stranger_can_verify_them() {
    let mut world = World::owned();
    world.acted(rotate(&[1], &[]), &[0, 1]);
    let card = proto_types::manifest::ManifestKey {
        usage: proto_types::manifest::KeyUse::Card,
        ..signing(2)
    };
    world.acted(Action::Delegate { keys: vec![card] }, &[1, 2]);
    world.acted(Action::Move { to: origin(5) }, &[1]);
    world.done(&stand(PeerStatus::Suspended));
    let active = Refusal::PeerNotActive { origin: origin(0), status: "suspended".into() };
    assert_eq!(world.act_refused(Action::Resume {}, &[1]), active);
    world.done(&stand(PeerStatus::Active));
    let expires_at = world.now.plus_ms(DAY);
    let manifest = world.state(1, expires_at, 1, &[1, 3]);
    world.done(&manifest);
    world.acted(Action::RevokeKey { key: kid(1) }, &[3]);
    world.acted(Action::Tombstone {}, &[3]);
    let replay = verified(&world);
    assert_eq!(replay.steps().len(), 9);
    assert_eq!(world.peer().status, PeerStatus::Tombstoned);
    assert_eq!(world.peer().moved_to, Some(origin(5)));
}

#[test]
fn an_operation_that_does_not_follow_is_refused_and_its_repetition_is_not() {
    let mut world = World::owned();
    let first = world.next(rotate(&[1], &[(0, START)]), &[0, 1]);
    let rival = world.next(rotate(&[2], &[]), &[0, 2]);
    let revision = world.revision_of(&first);
    assert_eq!(world.revision_of(&first), revision, "although it has retired its own key");
    let next = Refusal::OperationOutOfOrder { origin: origin(0), epoch: 0, seq: 3 };
    assert_eq!(
        world.refusal(&rival),
        Refusal::KeyNotEnrolled { origin: origin(0), kid: "key-0".into() }
    );
    let Command::Peer(PeerCommand::Operate(rival)) = rival else { unreachable!() };
    let signed_by = vec![(kid(1), secret(1).public())];
    let late = Command::Peer(PeerCommand::Operate(OperatePeer { signed_by, ..rival }));
    assert_eq!(world.refusal(&late), next);
    verified(&world);
}

#[test]
fn case_10_old_and_new_key_count_while_they_overlap_and_the_old_one_ends_on_time() {
    let mut world = World::owned();
    for body in 1..6 {
        world.done(&put_body(body));
    }
    let ends = world.now.plus_ms(HOUR);
    world.acted(rotate(&[1], &[(0, ends)]), &[0, 1]);
    let (old, new) = (record_by(&world, 1, 0), record_by(world.later(1), 2, 1));
    world.done(&old);
    world.done(&new);
    world.now = ends.minus_ms(1);
    let last = record_by(&world, 3, 0);
    world.done(&last);
    world.now = ends;
    let over = record_by(&world, 4, 0);
    let ended = Refusal::KeyNotEnrolled { origin: origin(0), kid: "key-0".into() };
    assert_eq!(world.refusal(&over), ended);
    let by_new = record_by(&world, 4, 1);
    world.done(&by_new);
}

#[test]
fn case_11_a_revoked_key_stops_at_once_and_does_not_come_back() {
    let mut world = World::owned();
    world.done(&put_body(1));
    world.acted(rotate(&[1], &[]), &[0, 1]);
    world.acted(Action::RevokeKey { key: kid(0) }, &[1]);
    let stopped = record_by(&world, 1, 0);
    let refused = Refusal::KeyNotEnrolled { origin: origin(0), kid: "key-0".into() };
    assert_eq!(world.refusal(&stopped), refused);
    let back = world.act_refused(rotate(&[0], &[]), &[1, 0]);
    assert!(matches!(back, Refusal::Invalid { .. }), "{back:?}");
    let last = world.act_refused(Action::RevokeKey { key: kid(1) }, &[1]);
    assert!(matches!(last, Refusal::Invalid { .. }), "the last signing key stays: {last:?}");
}

/// An attacker who has key 0 makes key 6 the only one. Returns the line before, and what stood.
fn stolen(world: &mut World) -> (proto_types::Digest, (u64, Option<proto_types::Digest>)) {
    let (after, kept) = (world.head(), world.peer().operation.unwrap());
    world.acted(rotate(&[6], &[(0, START)]), &[0, 6]);
    (after, (kept.seq + 1, Some(kept.digest)))
}

#[test]
fn a_recovery_voids_what_a_stolen_key_did_within_72_hours() {
    let mut world = World::owned();
    world.done(&put_body(1));
    let (after, next) = stolen(&mut world);
    world.done(&stand(PeerStatus::Suspended));
    // Whatever else the thief does cannot outrun the recovery: it names the line before.
    world.done(&stand(PeerStatus::Active));
    world.acted(rotate(&[7], &[]), &[6, 7]);
    world.acted(Action::Tombstone {}, &[7]);
    world.later(71 * HOUR);
    let recovery = world.recover(after, next, 1, 9);
    world.done(&recovery);
    let peer = world.peer();
    assert_eq!((peer.status, peer.epoch), (PeerStatus::Active, 1));
    let kids: Vec<_> = peer.keys.iter().map(|key| key.kid.clone()).collect();
    assert_eq!(kids, [kid(1)]);
    for thief in [0, 6, 7] {
        let void = record_by(&world, 1, thief);
        assert!(matches!(world.refusal(&void), Refusal::KeyNotEnrolled { .. }), "{thief}");
        let back = world.act_refused(rotate(&[thief], &[]), &[1, thief]);
        assert!(matches!(back, Refusal::Invalid { .. }), "{thief}: {back:?}");
    }
    let replay = verified(&world);
    let voided: Vec<_> = replay.steps().iter().map(|step| step.void).collect();
    assert_eq!(voided, [false, true, false, false, true, true, false]);
    world.acted(rotate(&[2], &[]), &[1, 2]);
    verified(&world);
}

#[test]
fn a_recovery_is_taken_at_72_hours_to_the_millisecond_and_not_later() {
    for (late_ms, in_time) in [(0, true), (1, false)] {
        let mut world = World::owned();
        let (after, next) = stolen(&mut world);
        let taken = world.now;
        world.later(72 * HOUR + late_ms);
        let recovery = world.recover(after, next, 1, 9);
        match in_time {
            true => drop(world.done(&recovery)),
            false => {
                let taken_ms = taken.0;
                let too_late = Refusal::RecoveryTooLate { origin: origin(0), taken_ms };
                assert_eq!(world.refusal(&recovery), too_late);
                // The keys can still be replaced from here on.
                let (after, kept) = (world.head(), world.peer().operation.unwrap());
                let next = (kept.seq + 1, Some(kept.digest));
                let recovery = world.recover(after, next, 1, 9);
                world.done(&recovery);
            }
        }
        verified(&world);
        assert_eq!(world.peer().keys[0].kid, kid(1));
    }
}

#[test]
fn only_the_recovery_keys_that_stood_before_the_theft_recover() {
    let mut world = World::owned();
    let (after, next) = stolen(&mut world);
    let expires_at = world.now.plus_ms(DAY);
    let mut manifest = world.state(1, expires_at, 6, &[6]);
    if let Command::Peer(PeerCommand::State(stated)) = &mut manifest {
        stated.recovery_keys = vec![recovery(8)];
    }
    world.done(&manifest);
    let by_thief = world.recover(after, next, 6, 8);
    assert!(matches!(world.refusal(&by_thief), Refusal::KeyNotEnrolled { .. }));
    let by_signing_key = world.recover(after, next, 1, 0);
    assert!(matches!(world.refusal(&by_signing_key), Refusal::KeyNotEnrolled { .. }));
    let by_owner = world.recover(after, next, 1, 9);
    world.done(&by_owner);
    assert_eq!(world.peer().recovery_keys, [recovery(9)]);
}

#[test]
fn a_key_that_acts_for_one_peer_recovers_no_other() {
    let mut world = World::owned();
    let keys = vec![EnrolledKey::new(kid(5), secret(5).public())];
    let approval = Approval::Operator;
    world.done(&Command::EnrolPeer(EnrolPeer { origin: origin(1), keys, approval }));
    let expires_at = world.now.plus_ms(DAY);
    let mut naming = |name: u8| {
        let mut manifest = world.state(1, expires_at, 0, &[0]);
        if let Command::Peer(PeerCommand::State(stated)) = &mut manifest {
            stated.recovery_keys = vec![recovery(name)];
        }
        world.say(&manifest)
    };
    assert_eq!(naming(5), Reply::Refused(conflict("key", kid(5).as_str())));
    assert!(matches!(naming(8), Reply::Done(_)));
}

#[test]
fn a_recovery_does_not_undo_the_operator_nor_go_behind_an_earlier_one() {
    let mut world = World::owned();
    let (after, next) = stolen(&mut world);
    world.done(&stand(PeerStatus::Suspended));
    let recovery = world.recover(after, next, 1, 9);
    world.done(&recovery);
    assert_eq!(world.peer().status, PeerStatus::Suspended);
    let behind = world.recover(after, next, 2, 9);
    assert!(matches!(world.refusal(&behind), Refusal::Invalid { .. }));
    world.done(&stand(PeerStatus::Revoked));
    let (after, kept) = (world.head(), world.peer().operation.unwrap());
    let revoked = world.recover(after, (kept.seq + 1, Some(kept.digest)), 2, 9);
    let status = "revoked".into();
    assert_eq!(world.refusal(&revoked), Refusal::PeerNotActive { origin: origin(0), status });
    let resumed = world.refusal(&stand(PeerStatus::Active));
    assert!(matches!(resumed, Refusal::PeerNotActive { .. }));
    verified(&world);
}

#[test]
fn a_signing_key_makes_64_lines_in_72_hours_and_a_recovery_clears_the_way() {
    let mut world = World::owned();
    let (after, next) = stolen(&mut world);
    for at in 1..64 {
        world.acted(Action::Move { to: origin(at) }, &[6]);
    }
    let flood = world.act_refused(Action::Move { to: origin(2) }, &[6]);
    assert_eq!(flood, full("operations of 72 hours", 64));
    let recovery = world.recover(after, next, 1, 9);
    world.done(&recovery);
    world.acted(rotate(&[2], &[]), &[1, 2]);
    assert_eq!(verified(&world).steps().len(), 67);
}

#[test]
fn a_log_that_was_tampered_with_is_refused_where_it_breaks() {
    let mut world = World::owned();
    world.acted(rotate(&[1], &[]), &[0, 1]);
    world.acted(Action::RevokeKey { key: kid(0) }, &[1]);
    let lines = query::peer_log(&world.memory, &origin(0), 0, 9).unwrap();
    let told: Vec<ReplayEntry> = lines
        .into_iter()
        .map(|line| ReplayEntry {
            document: line.body.map(|it| query::body(&world.memory, &it).unwrap().unwrap()),
            entry: line.entry,
        })
        .collect();
    let breaks = |change: &dyn Fn(&mut Vec<ReplayEntry>)| {
        let mut told = told.clone();
        change(&mut told);
        let mut replay = Replay::new(origin(0));
        told.iter().position(|line| replay.take(line).is_err())
    };
    assert_eq!(breaks(&|_| {}), None);
    assert_eq!(breaks(&|told| drop(told.remove(1))), Some(1));
    assert_eq!(breaks(&|told| told.swap(1, 2)), Some(1));
    assert_eq!(breaks(&|told| told[1].document = told[2].document.clone()), Some(1));
    assert_eq!(breaks(&|told| told[2].document = None), Some(2));
    assert_eq!(breaks(&|told| told[0].entry.at = START.plus_ms(1)), Some(1));
    assert_eq!(breaks(&|told| told[1].entry.origin = origin(1)), Some(1));
}

#[test]
fn who_has_left_comes_back_by_the_operator_alone_and_to_its_own_history() {
    let mut world = World::owned();
    world.acted(Action::Tombstone {}, &[0]);
    world.done(&issue(1, registry_core::entry::JoinRole::Peer));
    let by_token = registry_core::entry::Approval::JoinToken(digest(1));
    assert_eq!(world.refusal(&enrol(0, &[3], by_token)), conflict("peer", origin(0)));
    world.done(&enrol(0, &[3], registry_core::entry::Approval::Operator));
    let peer = world.peer();
    assert_eq!((peer.status, peer.epoch), (PeerStatus::Active, 1));
    assert_eq!(peer.log.unwrap().index, 3, "its log goes on");
    verified(&world);
    // A recovery of its earlier life is none.
    let first = query::peer_log(&world.memory, &origin(0), 0, 1).unwrap().remove(0);
    let (after, kept) = (first.entry.digest(), first.left.operation.unwrap());
    let old = world.recover(after, (kept.seq + 1, Some(kept.digest)), 4, 9);
    assert!(matches!(world.say(&old), Reply::Refused(Refusal::Invalid { .. })));
}

#[test]
fn the_operators_word_about_who_has_left_is_about_no_keys() {
    let mut world = World::owned();
    world.acted(Action::Tombstone {}, &[0]);
    world.done(&enrol(1, &[0], registry_core::entry::Approval::Operator));
    world.done(&stand(PeerStatus::Revoked));
    assert_eq!(world.peer().status, PeerStatus::Tombstoned);
}
