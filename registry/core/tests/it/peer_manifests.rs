//! Manifests over time: rollback, freeze and fast-forward (attack case 12), named after the cases of
//! python-tuf's `test_updater_top_level_update.py`.

use registry_core::change::Refusal;
use registry_core::command::{Command, EnrolPeer, PeerCommand};
use registry_core::query;

use crate::world::*;

#[test]
fn case_12_new_version_rollback() {
    let mut world = World::owned();
    let expires_at = world.now.plus_ms(DAY);
    let second = world.state(2, expires_at, 0, &[0]);
    world.done(&second);
    let first = world.state(1, expires_at, 0, &[0]);
    let rolled = Refusal::SequenceNotHigher { issuer: origin(0), kept: 2, offered: 1 };
    assert_eq!(world.refusal(&first), rolled);
    assert_eq!(world.peer().manifest.unwrap().seq, 2, "the last good one is kept");
}

#[test]
fn case_12_eq_versions_check() {
    let mut world = World::owned();
    let expires_at = world.now.plus_ms(DAY);
    let first = world.state(1, expires_at, 0, &[0]);
    let revision = world.revision_of(&first);
    assert_eq!(world.revision_of(&first), revision, "the same one again is no news");
    let other = world.state(1, expires_at.plus_ms(1), 0, &[0]);
    let equal = Refusal::SequenceNotHigher { issuer: origin(0), kept: 1, offered: 1 };
    assert_eq!(world.refusal(&other), equal);
}

#[test]
fn case_12_expired_version_rollback_and_freeze() {
    let mut world = World::owned();
    let expires_at = world.now.plus_ms(DAY);
    let second = world.state(2, expires_at, 0, &[0]);
    world.done(&second);
    let alarm = |world: &World| query::expired_manifests(&world.memory, world.now, 9).unwrap();
    assert!(alarm(&world).is_empty());
    world.later(DAY);
    assert_eq!(alarm(&world), [origin(0).to_string()], "a frozen peer is told of");
    assert_eq!(world.peer().manifest.unwrap().seq, 2, "the last good one is kept");
    let stale = world.state(3, expires_at, 0, &[0]);
    assert_eq!(world.refusal(&stale), Refusal::Expired { expired_ms: expires_at.0 });
    // That it has expired is no way around the sequence.
    let fresh = world.now.plus_ms(DAY);
    let rolled = world.state(1, fresh, 0, &[0]);
    assert!(matches!(world.refusal(&rolled), Refusal::SequenceNotHigher { .. }));
    let third = world.state(3, fresh, 0, &[0]);
    world.done(&third);
    assert!(alarm(&world).is_empty());
}

#[test]
fn case_12_new_nonconsecutive_version() {
    let mut world = World::owned();
    let expires_at = world.now.plus_ms(DAY);
    for seq in [1, 5, 1_000_005] {
        let gap = world.state(seq, expires_at, 0, &[0]);
        world.done(&gap);
    }
    let leap = world.state(2_000_006, expires_at, 0, &[0]);
    let (kept, offered, jump_max) = (1_000_005, 2_000_006, 1_000_000);
    let too_far = Refusal::SequenceTooFar { issuer: origin(0), kept, offered, jump_max };
    assert_eq!(world.refusal(&leap), too_far);
}

#[test]
fn case_12_fast_forward_recovery() {
    let mut world = World::owned();
    let expires_at = world.now.plus_ms(DAY);
    let first = world.state(1, expires_at, 0, &[0]);
    world.done(&first);
    let (after, kept) = (world.head(), world.peer().operation.unwrap());
    let forward = world.state(1_000_001, expires_at, 0, &[0, 6]);
    world.done(&forward);
    let recovery = world.recover(after, (kept.seq + 1, Some(kept.digest)), 1, 9);
    world.done(&recovery);
    assert!(world.peer().current_manifest().is_none(), "the thief's manifest is not served");
    let replayed = world.refusal(&forward);
    assert!(matches!(replayed, Refusal::KeyNotEnrolled { .. }), "{replayed:?}");
    // The next epoch begins with low numbers again.
    let second = world.state(2, expires_at, 1, &[1]);
    world.done(&second);
    assert_eq!(world.peer().current_manifest().unwrap().seq, 2);
}

#[test]
fn case_13_one_key_under_two_names_is_refused_at_enrolment_and_in_manifests() {
    let mut world = World::owned();
    let alias = registry_core::entry::EnrolledKey { kid: kid(1), ..key(0) };
    let keys = vec![key(0), alias.clone()];
    let approval = registry_core::entry::Approval::Operator;
    let command = Command::EnrolPeer(EnrolPeer { origin: origin(1), keys, approval });
    assert!(matches!(world.refusal(&command), Refusal::Invalid { .. }));
    let expires_at = world.now.plus_ms(DAY);
    let mut manifest = world.state(1, expires_at, 0, &[0]);
    if let Command::Peer(PeerCommand::State(stated)) = &mut manifest {
        stated.keys.push(alias);
    }
    assert!(matches!(world.refusal(&manifest), Refusal::Invalid { .. }));
}
