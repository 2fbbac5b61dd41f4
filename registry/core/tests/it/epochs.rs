//! Cluster epochs: what does not outlive a restore.

use proto_types::{LeaseEpoch, Revision, WallMs};
use registry_core::change::{Refusal, Reply};
use registry_core::command::{AdvancePartner, Command, FederationCommand, SetPartnerEpoch};
use registry_core::entry::{ImportKind, JoinRole};
use registry_core::{epoch, query, verify};

use crate::world::*;

fn restored(world: &mut World, epoch: u64) {
    let writes = epoch::begin(&world.memory, epoch).unwrap();
    world.memory.commit(&writes);
}

#[test]
fn revisions_of_an_epoch_are_above_all_of_before_and_its_total_order_begins_anew() {
    let mut world = World::populated();
    // An invitation that nobody took: its derived keys go with it.
    world.done(&issue(9, JoinRole::Gateway));
    let before = world.revision();
    assert!(!query::changes(&world.memory, Revision(0), 1).unwrap().is_empty());
    for epoch in [1, 2, epoch::EPOCH_MAX] {
        restored(&mut world, epoch);
        let first = epoch::first_revision(epoch);
        assert!(first > before && first.0 < 1 << 53, "{first} is a number of JSON");
        assert_eq!(world.revision(), first);
        assert_eq!(query::compacted(&world.memory).unwrap(), first);
        assert_eq!(query::cluster_epoch(&world.memory).unwrap(), epoch);
        assert!(query::changes(&world.memory, Revision(0), 1).unwrap().is_empty());
        let report = verify::check(&world.memory);
        assert!(report.is_sound(), "{report:?}");
        let revision = world.revision_of(&put_record(1, 1, START.plus_ms(epoch), None));
        assert_eq!(revision, first.next());
    }
    let report = verify::check(&world.memory);
    assert!(report.is_sound(), "{report:?}");
}

#[test]
fn tokens_are_of_before_an_epoch_until_its_first_log_entry_says_when_it_began() {
    let mut world = World::populated();
    let is_before = |world: &World, at: WallMs| epoch::is_before(&world.memory, at).unwrap();
    assert!(!is_before(&world, WallMs(0)), "a cluster that was never restored");
    restored(&mut world, 1);
    assert!(!epoch::has_begun(&world.memory).unwrap());
    assert!(is_before(&world, START.plus_ms(DAY)), "nobody knows yet");
    world.later(MINUTE);
    // Whatever it is, even one that is refused.
    world
        .memory
        .commit(&registry_core::apply_batch(&world.memory, stamp(&world), &[]).unwrap().writes);
    assert!(epoch::has_begun(&world.memory).unwrap());
    let began = START.plus_ms(MINUTE);
    assert!(is_before(&world, began.minus_ms(1)) && !is_before(&world, began));
    world.later(MINUTE).done(&put_record(1, 1, START, None));
    assert!(!is_before(&world, began), "it began once");
}

fn stamp(world: &World) -> proto_types::Stamp {
    proto_types::Stamp { now: world.now }
}

#[test]
fn a_lease_of_an_epoch_is_above_every_lease_of_before() {
    let mut world = World::populated();
    let lease = |world: &mut World| match world.later(DAY / 24).done(&lease_for("t", 1, 1_000)) {
        Reply::Leased(leases) => leases[0].epoch,
        other => panic!("{other:?}"),
    };
    world.done(&enqueue(1, "t", START.plus_ms(DAY)));
    assert_eq!(lease(&mut world), LeaseEpoch(1));
    restored(&mut world, 1);
    let first = epoch::first_revision(1).0;
    assert_eq!(lease(&mut world), LeaseEpoch(first));
    assert_eq!(lease(&mut world), LeaseEpoch(first + 1));
}

/// A record of partner 0, of this epoch and revision of its home.
fn import_of(epoch: u64, revision: u64, body: Option<u8>) -> Command {
    let mut command = import(0, 1, revision, 1, body);
    if let Command::Federation(FederationCommand::Import(import)) = &mut command {
        import.home_epoch = epoch;
    }
    command
}

#[test]
fn the_word_of_a_restored_home_is_newer_than_all_of_before_and_gone_is_undone_by_the_same_version()
{
    let mut world = World::populated();
    world.done(&put_partner(0, 10));
    world.done(&import_of(0, 120, Some(1)));
    world.done(&import_of(1, 90, Some(2)));
    for old in [(0, 200), (1, 89), (1, 90)] {
        let refused = world.refusal(&import_of(old.0, old.1, Some(3)));
        assert!(matches!(refused, Refusal::SequenceNotHigher { .. }));
    }
    let kept = |world: &World| {
        let kept = query::provenance(&world.memory, ImportKind::Record, &handle(1)).unwrap();
        kept.map(|kept| (kept.home_epoch, kept.home_revision, kept.digest)).unwrap()
    };
    assert_eq!(kept(&world), (1, 90, Some(digest(2))));
    world.done(&import_of(1, 90, None));
    assert_eq!(kept(&world), (1, 90, None));
    world.refusal(&import_of(1, 89, Some(2)));
    world.done(&import_of(1, 90, Some(2)));
    assert_eq!(kept(&world), (1, 90, Some(digest(2))));
    world.done(&import_of(1, 95, None));
    world.refusal(&import_of(1, 90, Some(2)));
}

#[test]
fn a_partner_that_was_restored_is_pulled_from_its_beginning_and_no_epoch_comes_twice() {
    let mut world = World::populated();
    world.done(&put_partner(0, 10));
    let name = partner_name(0);
    let (checkpoint, passed_over, from) = (None, None, None);
    let advance = FederationCommand::AdvancePartner(AdvancePartner {
        name: name.clone(),
        cursor: 9,
        checkpoint,
        passed_over,
        from,
    });
    world.done(&advance.into());
    let at = |epoch| {
        let checkpoint = Some("c".to_owned());
        Command::from(FederationCommand::SetPartnerEpoch(SetPartnerEpoch {
            name: name.clone(),
            epoch,
            checkpoint,
        }))
    };
    world.done(&at(1));
    let kept = query::partner(&world.memory, &name).unwrap().unwrap();
    assert_eq!((kept.epoch, kept.cursor, &*kept.checkpoint), (1, 0, "c"));
    for old in [0, 1] {
        world.refusal(&at(old));
    }
}

/// Caught: an epoch above all that there can be, after which no honest word is ever news.
#[test]
fn a_partner_cannot_be_of_an_epoch_or_revision_that_there_is_not() {
    let mut world = World::populated();
    world.done(&put_partner(0, 10));
    let at = |epoch| {
        let (name, checkpoint) = (partner_name(0), None);
        Command::from(FederationCommand::SetPartnerEpoch(SetPartnerEpoch {
            name,
            epoch,
            checkpoint,
        }))
    };
    for beyond in [epoch::EPOCH_MAX + 1, u64::MAX] {
        assert_eq!(world.refusal(&at(beyond)), full("epoch", epoch::EPOCH_MAX));
    }
    world.done(&at(epoch::EPOCH_MAX));
    let second = epoch::first_revision(2).0;
    for (epoch, revision) in [(u64::MAX, 9), (epoch::EPOCH_MAX + 1, 9), (1, second), (1, u64::MAX)]
    {
        let refused = world.refusal(&import_of(epoch, revision, Some(1)));
        assert!(matches!(refused, Refusal::Invalid { .. }), "{epoch} {revision}: {refused:?}");
    }
    world.done(&import_of(1, second - 1, Some(1)));
    assert!(epoch::is_at(1, second - 1) && !epoch::is_at(1, second) && !epoch::is_at(2, 9));
    assert!(epoch::is_at(0, second), "a catalog's time is no revision");
}
