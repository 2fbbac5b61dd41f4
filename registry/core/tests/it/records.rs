//! Records, cards and agents.

use proto_types::card::Assurance;
use registry_core::change::{Refusal, Reply};
use registry_core::command::{
    Command, DeleteRecord, Precondition, PutAgent, PutCard, RevokePeer, Versioned, Versions,
};
use registry_core::entry::{Approval, ChangeKind, Limits, Visibility};
use registry_core::query;
use registry_core::viewer::Viewer;

use crate::world::*;

fn matching(mut command: Command, version: u8) -> Command {
    let Command::PutRecord(put) = &mut command else {
        panic!("no record: {command:?}");
    };
    put.if_match = Some(digest(version));
    command
}

fn delete(if_match: Option<u8>) -> Command {
    Command::DeleteRecord(DeleteRecord {
        handle: handle(1),
        if_match: if_match.map(digest),
        by: None,
    })
}

#[test]
fn only_a_newer_updated_at_replaces_a_record() {
    let mut world = World::populated();
    let first = world.revision_of(&put_record(1, 1, START, None));
    assert_eq!(world.revision_of(&put_record(1, 1, START, None)), first);
    for at in [START, START.minus_ms(1)] {
        let stale = Refusal::StaleUpdatedAt { handle: handle(1), stored_ms: START.0 };
        assert_eq!(world.refusal(&put_record(1, 2, at, None)), stale);
    }
    world.done(&put_record(1, 2, START.plus_ms(1), None));
    let record = query::record(&world.memory, &handle(1)).unwrap().unwrap();
    assert_eq!((record.digest, record.updated_at), (Some(digest(2)), START.plus_ms(1)));
}

#[test]
fn who_is_known_by_a_credential_corrects_a_record_of_the_same_time() {
    let mut world = World::populated();
    let vouched = |body, at, owner| {
        let mut command = put_record(1, body, at, owner);
        let Command::PutRecord(put) = &mut command else { unreachable!() };
        put.vouched = true;
        command
    };
    world.done(&put_record(1, 1, START, Some((0, 0))));
    let stale = Refusal::StaleUpdatedAt { handle: handle(1), stored_ms: START.0 };
    assert_eq!(world.refusal(&put_record(1, 2, START, Some((0, 0)))), stale, "its proof alone");
    assert_eq!(world.refusal(&vouched(2, START.minus_ms(1), Some((0, 0)))), stale, "older");
    world.done(&vouched(2, START, Some((0, 0))));
    let record = query::record(&world.memory, &handle(1)).unwrap().unwrap();
    assert_eq!((record.digest, record.updated_at), (Some(digest(2)), START));
    world.done(&delete(None));
    let gone = query::record(&world.memory, &handle(1)).unwrap().unwrap().updated_at;
    assert!(matches!(
        world.refusal(&vouched(2, gone, Some((0, 0)))),
        Refusal::StaleUpdatedAt { .. }
    ));
    assert_eq!(world.refusal(&delete(None)), not_found("record", handle(1)), "deleted once");
}

#[test]
fn a_condition_holds_for_records_cards_and_manifests_alike() {
    let mut world = World::populated();
    let require = |subject: &Versioned, if_match: Option<Versions>, if_none_match| {
        let subject = subject.clone();
        Command::Require(Precondition { subject, if_match, if_none_match })
    };
    let one_of =
        |versions: &[u8]| Some(Versions::OneOf(versions.iter().map(|it| digest(*it)).collect()));
    let (record, card) = (Versioned::Record(handle(1)), Versioned::Card(handle(1)));
    let absent = Refusal::PreconditionFailed { stored: None };
    for subject in [&record, &card, &Versioned::Manifest(origin(0))] {
        assert_eq!(world.refusal(&require(subject, Some(Versions::Any), None)), absent);
        assert_eq!(world.refusal(&require(subject, one_of(&[1]), None)), absent);
        world.done(&require(subject, None, Some(Versions::Any)));
        world.done(&require(subject, None, one_of(&[1])));
    }
    world.done(&put_record(1, 1, START, None));
    world.done(&put_card(1, 1));
    let stored = Refusal::PreconditionFailed { stored: Some(digest(1)) };
    for subject in [&record, &card] {
        world.done(&require(subject, Some(Versions::Any), None));
        world.done(&require(subject, one_of(&[0, 1]), one_of(&[2])));
        assert_eq!(world.refusal(&require(subject, one_of(&[0, 2]), None)), stored);
        assert_eq!(world.refusal(&require(subject, one_of(&[]), None)), stored);
        assert_eq!(world.refusal(&require(subject, None, Some(Versions::Any))), stored);
        assert_eq!(world.refusal(&require(subject, one_of(&[1]), one_of(&[1]))), stored);
    }
    world.done(&delete(None));
    assert_eq!(world.refusal(&require(&record, Some(Versions::Any), None)), absent, "deleted");
}

#[test]
fn an_updated_at_more_than_5_minutes_ahead_is_refused() {
    let mut world = World::populated();
    let late = world.refusal(&put_record(1, 1, START.plus_ms(5 * MINUTE + 1), None));
    let (what, ahead_ms_max) = ("updatedAt".into(), 5 * MINUTE);
    assert_eq!(late, Refusal::TooFarAhead { what, ahead_ms: 5 * MINUTE + 1, ahead_ms_max });
    world.done(&put_record(1, 1, START.plus_ms(5 * MINUTE), None));
}

#[test]
fn if_match_must_name_the_stored_version() {
    let mut world = World::populated();
    let absent = world.refusal(&matching(put_record(1, 1, START, None), 1));
    assert_eq!(absent, Refusal::PreconditionFailed { stored: None });
    world.done(&put_record(1, 1, START, None));
    let newer = put_record(1, 2, START.plus_ms(1), None);
    let other = world.refusal(&matching(newer.clone(), 3));
    assert_eq!(other, Refusal::PreconditionFailed { stored: Some(digest(1)) });
    world.done(&matching(newer, 1));
    let stored = Some(digest(2));
    assert_eq!(world.refusal(&delete(Some(1))), Refusal::PreconditionFailed { stored });
    world.done(&delete(Some(2)));
}

#[test]
fn a_deleted_record_leaves_a_tombstone_that_older_versions_cannot_pass() {
    let mut world = World::populated();
    world.done(&put_record(1, 1, START, None));
    let deleted = world.later(100).revision_of(&delete(None));
    assert_eq!(world.refusal(&delete(None)), not_found("record", handle(1)), "deleted once");
    let stale = Refusal::StaleUpdatedAt { handle: handle(1), stored_ms: START.0 + 100 };
    assert_eq!(world.refusal(&put_record(1, 2, START.plus_ms(50), None)), stale);
    assert_eq!(query::record(&world.memory, &handle(1)).unwrap().unwrap().digest, None);
    assert_eq!(query::records(&world.memory, None, 10).unwrap(), []);
    let event = query::changes(
        &world.memory,
        deleted.0.checked_sub(1).map(proto_types::Revision).unwrap(),
        1,
    );
    let event = event.unwrap().pop().unwrap();
    assert_eq!((event.kind, event.deleted, event.revision), (ChangeKind::Record, true, deleted));
    world.done(&put_record(1, 2, START.plus_ms(101), None));
    assert_eq!(query::records(&world.memory, None, 10).unwrap().len(), 1);
    let unknown =
        Command::DeleteRecord(DeleteRecord { handle: handle(9), if_match: None, by: None });
    assert_eq!(world.refusal(&unknown), not_found("record", handle(9)));
}

fn worth(command: Command, worth: Assurance, seen_by: Visibility) -> Command {
    let mut command = command;
    if let Command::PutRecord(put) = &mut command {
        (put.assurance, put.visibility) = (worth, Some(seen_by));
    }
    command
}

#[test]
fn a_tombstone_of_what_a_signer_could_not_see_is_nothing_to_it() {
    use Assurance::Enrolled;
    use Visibility::{Federated, Private};
    for (hidden, binds) in [(Private, false), (Federated, true)] {
        let mut world = World::populated();
        world.done(&enrol(1, &[1], Approval::Operator));
        world.done(&worth(put_record(1, 1, START, Some((0, 0))), Enrolled, hidden));
        world.later(100).done(&delete(None));
        let old = put_record(1, 2, START.plus_ms(50), Some((0, 0)));
        assert!(matches!(world.refusal(&old), Refusal::StaleUpdatedAt { .. }), "its owner's");
        let unsigned = put_record(1, 2, START.plus_ms(50), None);
        assert!(
            matches!(world.refusal(&unsigned), Refusal::StaleUpdatedAt { .. }),
            "an operator's"
        );
        let stranger = put_record(1, 2, START.plus_ms(50), Some((1, 1)));
        match world.say(&stranger) {
            Reply::Refused(Refusal::StaleUpdatedAt { .. }) => assert!(binds),
            reply => assert!(matches!(reply, Reply::Done(_)) && !binds, "{reply:?}"),
        }
    }
}

#[test]
fn of_two_bodies_of_one_time_the_one_that_its_owner_brought_stands() {
    use Assurance::{Enrolled, SelfAsserted};
    let mut world = World::populated();
    let bring = |body, assurance| {
        worth(put_record(1, body, START, Some((0, 0))), assurance, Visibility::Public)
    };
    let kept = |world: &World| {
        let record = query::record(&world.memory, &handle(1)).unwrap().unwrap();
        (record.digest, record.assurance)
    };
    world.done(&bring(1, SelfAsserted));
    world.done(&bring(2, Enrolled));
    assert_eq!(kept(&world), (Some(digest(2)), Enrolled));
    // A stranger's body of the same time, or the owner's own from a stranger's hand, changes nothing.
    assert!(matches!(world.refusal(&bring(1, SelfAsserted)), Refusal::StaleUpdatedAt { .. }));
    world.done(&bring(2, SelfAsserted));
    assert_eq!(kept(&world), (Some(digest(2)), Enrolled));
    // Nor does what another's credential vouches for, as a namespace owner's does: only the owner's own.
    let vouched = |body, assurance| {
        let mut command = bring(body, assurance);
        let Command::PutRecord(put) = &mut command else { unreachable!() };
        put.vouched = true;
        command
    };
    let other = world.refusal(&vouched(1, SelfAsserted));
    assert!(matches!(other, Refusal::StaleUpdatedAt { .. }), "{other:?}");
    world.done(&vouched(3, Enrolled));
    assert_eq!(kept(&world), (Some(digest(3)), Enrolled));
}

#[test]
fn the_same_bytes_from_the_owners_hand_are_worth_more() {
    let mut world = World::populated();
    let bring =
        |assurance| worth(put_record(1, 1, START, Some((0, 0))), assurance, Visibility::Public);
    let first = world.revision_of(&bring(Assurance::SelfAsserted));
    assert!(world.revision_of(&bring(Assurance::Enrolled)) > first);
    let record = query::record(&world.memory, &handle(1)).unwrap().unwrap();
    assert_eq!(record.assurance, Assurance::Enrolled);
}

#[test]
fn a_record_is_found_by_its_card_url_while_it_lives() {
    let mut world = World::populated();
    let url = "https://peer1.example/card.json";
    world.done(&put_record(1, 1, START, None));
    let found =
        |world: &World, url| query::record_of_card(&world.memory, &Viewer::Operator, url).unwrap();
    assert_eq!(found(&world, url), Some(handle(1)));
    assert_eq!(found(&world, "https://peer1.example/card"), None);
    world.done(&delete(None));
    assert_eq!(found(&world, url), None);
}

#[test]
fn only_an_enrolled_key_of_an_active_peer_owns_a_record() {
    let mut world = World::populated();
    let missing =
        |peer, key| Refusal::KeyNotEnrolled { origin: origin(peer), kid: kid(key).to_string() };
    assert_eq!(world.refusal(&put_record(1, 1, START, Some((0, 9)))), missing(0, 9));
    assert_eq!(world.refusal(&put_record(1, 1, START, Some((7, 0)))), missing(7, 0));
    world.done(&put_record(1, 1, START, Some((0, 0))));
    world.done(&Command::RevokePeer(RevokePeer { origin: origin(0) }));
    let newer = put_record(1, 2, START.plus_ms(1), Some((0, 0)));
    assert_eq!(world.refusal(&newer), missing(0, 0));
}

#[test]
fn a_live_record_of_an_active_peer_passes_to_nobody_else() {
    let mut world = World::populated();
    world.done(&enrol(1, &[1], Approval::Operator));
    world.done(&put_record(1, 1, START, Some((0, 0))));
    let owned =
        Refusal::NotOwner { kind: "record".into(), id: handle(1).to_string(), owner: origin(0) };
    for thief in [None, Some((1, 1))] {
        assert_eq!(world.refusal(&put_record(1, 2, START.plus_ms(1), thief)), owned);
    }
    world.done(&put_record(1, 2, START.plus_ms(1), Some((0, 0))));
    world.done(&Command::RevokePeer(RevokePeer { origin: origin(0) }));
    world.done(&put_record(1, 3, START.plus_ms(2), Some((1, 1))));
}

#[test]
fn a_record_names_a_stored_body_and_a_plain_url() {
    let mut world = World::populated();
    assert_eq!(world.refusal(&put_record(1, 99, START, None)), not_found("body", digest(99)));
    let with_url = |url: &str| {
        let mut command = put_record(1, 1, START, None);
        let Command::PutRecord(put) = &mut command else {
            panic!("no record: {command:?}");
        };
        put.agent_card_url = url.into();
        command
    };
    for bad in ["", "https://a.example/\0", "https://a.example/\n"] {
        assert!(matches!(world.refusal(&with_url(bad)), Refusal::Invalid { .. }), "{bad:?}");
    }
    let long = world.refusal(&with_url(&"u".repeat(2_049)));
    assert_eq!(long, full("bytes of agentCardUrl", 2_048));
    world.done(&with_url(&"u".repeat(2_048)));
}

#[test]
fn records_are_paged_by_handle() {
    let mut world = World::populated();
    for name in 1..=5 {
        world.done(&put_record(name, 1, START, None));
    }
    world.done(&Command::DeleteRecord(DeleteRecord {
        handle: handle(2),
        if_match: None,
        by: None,
    }));
    let page = |after: Option<u8>, limit| {
        let after = after.map(handle);
        let found = query::records(&world.memory, after.as_ref(), limit).unwrap();
        found.into_iter().map(|record| record.handle).collect::<Vec<_>>()
    };
    assert_eq!(page(None, 2), [handle(1), handle(3)]);
    assert_eq!(page(Some(3), 9), [handle(4), handle(5)]);
    assert_eq!(page(Some(5), 9), []);
    assert_eq!(page(None, 0), []);
}

#[test]
fn a_card_belongs_to_the_peer_that_signed_it() {
    let mut world = World::populated();
    let card = |body, owner: Option<(u8, u8)>| {
        Command::PutCard(PutCard {
            handle: handle(1),
            digest: digest(body),
            assurance: Assurance::Enrolled,
            owner: owner.map(|(peer, key)| (origin(peer), kid(key))),
            visibility: None,
        })
    };
    assert_eq!(world.refusal(&card(99, None)), not_found("body", digest(99)));
    let first = world.revision_of(&card(1, Some((0, 0))));
    assert_eq!(world.revision_of(&card(1, Some((0, 0)))), first);
    let owned =
        Refusal::NotOwner { kind: "card".into(), id: handle(1).to_string(), owner: origin(0) };
    assert_eq!(world.refusal(&card(2, None)), owned);
    assert!(matches!(world.refusal(&card(2, Some((0, 5)))), Refusal::KeyNotEnrolled { .. }));
    assert!(world.revision_of(&card(2, Some((0, 0)))) > first);
}

#[test]
fn an_agent_has_bounds_a_class_and_a_card() {
    let mut world = World::populated();
    let agent = |edit: fn(&mut Limits), isolation: &[&str], artifact_bytes, card| {
        let mut limits = limits();
        edit(&mut limits);
        Command::PutAgent(PutAgent {
            handle: handle(3),
            artifact: digest(200),
            artifact_bytes,
            kind: registry_core::entry::AgentKind::Command,
            limits,
            // As a log has it: no edge lets all of these in.
            isolation: rmp_serde::from_slice(&rmp_serde::to_vec(isolation).unwrap()).unwrap(),
            card: digest(card),
            visibility: None,
        })
    };
    let plain = |_: &mut Limits| {};
    let refused = [
        agent(|it| it.fuel = 0, &["a"], 1, 0),
        agent(|it| it.memory_bytes = 0, &["a"], 1, 0),
        agent(|it| it.wall_ms = DAY + 1, &["a"], 1, 0),
        agent(|it| it.output_bytes = u64::MAX, &["a"], 1, 0),
        agent(plain, &[], 1, 0),
        agent(plain, &["a", "a"], 1, 0),
        agent(plain, &[""], 1, 0),
        agent(plain, &["1", "2", "3", "4", "5", "6", "7", "8", "9"], 1, 0),
        agent(plain, &["a"], 0, 0),
        agent(plain, &["a"], (1 << 30) + 1, 0),
        agent(plain, &["a"], 1, 99),
    ];
    for command in refused {
        world.refusal(&command);
    }
    let first = world.revision_of(&agent(plain, &["a"], 1, 0));
    assert_eq!(world.revision_of(&agent(plain, &["a"], 1, 0)), first);
    assert!(world.revision_of(&agent(plain, &["a", "b"], 1, 0)) > first);
}

#[test]
fn the_same_record_again_may_be_for_other_eyes() {
    let mut world = World::populated();
    let with = |visibility| {
        let mut command = put_record(1, 1, START, None);
        let Command::PutRecord(put) = &mut command else {
            panic!("no record: {command:?}");
        };
        put.visibility = visibility;
        command
    };
    let visibility = |world: &World| {
        query::record(&world.memory, &handle(1)).unwrap().map(|record| record.visibility)
    };
    let first = world.revision_of(&with(Some(Visibility::Private)));
    assert_eq!(world.revision_of(&with(None)), first);
    assert_eq!(visibility(&world), Some(Visibility::Private));
    assert!(world.revision_of(&with(Some(Visibility::Redacted))) > first);
    let last = query::changes(&world.memory, first, 9).unwrap().pop().unwrap();
    assert_eq!(last.before.map(|scope| scope.visibility), Some(Visibility::Private));
    assert_eq!(last.after.map(|scope| scope.visibility), Some(Visibility::Redacted));
    world.done(&Command::DeleteRecord(DeleteRecord {
        handle: handle(1),
        if_match: None,
        by: None,
    }));
    let gone = query::changes(&world.memory, last.revision, 9).unwrap().pop().unwrap();
    assert_eq!((gone.deleted, gone.after), (true, None));
}
