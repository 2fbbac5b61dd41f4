//! Other registries: whose word counts for which handle.

use proto_types::card::Assurance;
use proto_types::{Handle, Namespace, Revision};
use registry_core::change::{Refusal, Reply};
use registry_core::command::{
    AdvancePartner, Command, DeleteNamespace, DeleteRecord, FailPartner, FederationCommand,
    HoldPartner, NamespaceCommand, PullStart, PutNamespace, QuarantinePartner, ReleasePartner,
    RemovePartner, SetPartnerEpoch,
};
use registry_core::entry::{
    ImportKind, PartnerEntry, PartnerKind, PartnerState, PassedOver, Quotas, Terms, TrustMode,
    Usage, Visibility,
};
use registry_core::query;

use crate::world::*;

fn world() -> World {
    let mut world = World::populated();
    world.done(&put_partner(0, 10));
    world.done(&put_partner(1, 10));
    world
}

fn partner(world: &World, name: u8) -> PartnerEntry {
    query::partner(&world.memory, &partner_name(name)).unwrap().unwrap()
}

fn body_of(world: &World, handle: &Handle) -> Option<proto_types::Digest> {
    query::record(&world.memory, handle).unwrap().and_then(|record| record.digest)
}

fn home_elsewhere(name: u8) -> Refusal {
    let (kind, id) = ("record".into(), handle(name).to_string());
    Refusal::HomeElsewhere { kind, id, home: origin(100) }
}

#[test]
fn an_imported_entry_keeps_where_it_came_from() {
    let mut world = world();
    let revision = world.revision_of(&import(0, 1, 7, 1, Some(1)));
    let record = query::record(&world.memory, &handle(1)).unwrap().unwrap();
    assert_eq!((record.namespace, record.visibility), (Namespace::default(), Visibility::Public));
    let kept = query::provenance(&world.memory, ImportKind::Record, &handle(1)).unwrap().unwrap();
    assert_eq!((kept.home.clone(), kept.home_revision, kept.hops), (origin(100), 7, 1));
    assert_eq!((kept.fetched_at, kept.revision), (START, revision));
    assert!(kept.may_travel(), "1 of 2 registries away");
    assert_eq!(partner(&world, 0).imported, 1);
    let all = query::imports(&world.memory, &partner_name(0), None, 10).unwrap();
    assert_eq!(all, [kept]);
}

#[test]
fn only_a_higher_revision_of_the_same_home_replaces_an_entry() {
    let mut world = world();
    let first = world.revision_of(&import(0, 1, 7, 1, Some(1)));
    assert_eq!(world.revision_of(&import(0, 1, 7, 1, Some(1))), first, "the same again");
    for revision in [6, 7] {
        let refused =
            Refusal::SequenceNotHigher { issuer: origin(100), kept: 7, offered: revision };
        assert_eq!(world.refusal(&import(0, 1, revision, 1, Some(2))), refused);
    }
    world.done(&import(0, 1, 8, 1, Some(2)));
    assert_eq!(body_of(&world, &handle(1)), Some(digest(2)));
}

#[test]
fn a_handle_of_our_own_is_never_taken_over_nor_is_its_tombstone() {
    let mut world = world();
    world.done(&put_record(1, 1, START, None));
    let ours = conflict("record", handle(1).as_str());
    assert_eq!(world.refusal(&import(0, 1, 99, 1, Some(2))), ours);
    world.done(&Command::DeleteRecord(DeleteRecord {
        handle: handle(1),
        if_match: None,
        by: None,
    }));
    assert_eq!(world.refusal(&import(0, 1, 100, 1, Some(2))), ours);
}

#[test]
fn another_home_or_another_partner_does_not_touch_an_entry() {
    let mut world = world();
    world.done(&import(0, 1, 7, 1, Some(1)));
    let theirs = conflict("record", handle(1).as_str());
    assert_eq!(world.refusal(&import(1, 1, 99, 1, Some(2))), theirs, "another home");
    assert_eq!(world.refusal(&import(1, 1, 99, 2, Some(2))), theirs, "passed on by another");
    assert_eq!(world.refusal(&import(1, 1, 99, 2, None)), theirs, "withdrawn by another");
}

#[test]
fn the_home_itself_speaks_louder_than_who_passed_its_word_on() {
    let mut world = world();
    world.done(&import(1, 1, 99, 2, Some(1)));
    world.done(&import(0, 1, 7, 1, Some(2)));
    let kept = query::provenance(&world.memory, ImportKind::Record, &handle(1)).unwrap().unwrap();
    assert_eq!((kept.partner, kept.home_revision), (partner_name(0), 7));
    assert_eq!((partner(&world, 0).imported, partner(&world, 1).imported), (1, 0));
}

#[test]
fn an_entry_travels_no_further_than_was_agreed() {
    let mut world = world();
    let far = world.refusal(&import(1, 1, 1, 3, Some(1)));
    assert_eq!(far, full("hops", 2));
    world.done(&import(1, 1, 1, 2, Some(1)));
    let kept = query::provenance(&world.memory, ImportKind::Record, &handle(1)).unwrap().unwrap();
    assert!(!kept.may_travel());
    let mut claimed = import(1, 2, 1, 1, Some(1));
    if let Command::Federation(FederationCommand::Import(import)) = &mut claimed {
        import.home = origin(100);
    }
    assert!(matches!(world.refusal(&claimed), Refusal::Invalid { .. }), "not its home");
}

#[test]
fn a_partner_gives_no_more_than_its_quota() {
    let mut world = World::populated();
    world.done(&put_partner(0, 1));
    world.done(&import(0, 1, 1, 1, Some(1)));
    assert_eq!(world.refusal(&import(0, 2, 2, 1, Some(1))), full("entries of partner partner0", 1));
    world.done(&import(0, 1, 3, 1, Some(2)));
    world.done(&import(0, 1, 4, 1, None));
    world.done(&import(0, 2, 5, 1, Some(1)));
    assert_eq!(partner(&world, 0).imported, 1);
}

#[test]
fn what_its_home_withdraws_is_gone_and_still_its_homes() {
    let mut world = world();
    world.done(&import(0, 1, 7, 1, Some(1)));
    let revision = world.revision_of(&import(0, 1, 8, 1, None));
    let event = query::changes(&world.memory, Revision(revision.0 - 1), 1).unwrap().remove(0);
    assert!(event.deleted);
    assert_eq!(query::record(&world.memory, &handle(1)).unwrap(), None);
    let theirs = conflict("record", handle(1).as_str());
    assert_eq!(world.refusal(&import(1, 1, 99, 1, Some(2))), theirs);
    world.done(&import(0, 1, 9, 1, Some(1)));
}

#[test]
fn a_local_write_does_not_take_an_entry_from_its_home() {
    let mut world = world();
    world.done(&import(0, 1, 7, 1, Some(1)));
    let later = START.plus_ms(1);
    assert_eq!(world.refusal(&put_record(1, 2, later, Some((0, 0)))), home_elsewhere(1));
    assert_eq!(world.refusal(&put_record(1, 2, later, None)), home_elsewhere(1));
    // An operator may decide otherwise, by deleting it first.
    world.done(&Command::DeleteRecord(DeleteRecord {
        handle: handle(1),
        if_match: None,
        by: None,
    }));
    world.done(&put_record(1, 2, later, None));
    assert_eq!(partner(&world, 0).imported, 0);
    let ours = conflict("record", handle(1).as_str());
    assert_eq!(world.refusal(&import(0, 1, 99, 1, Some(1))), ours);
}

#[test]
fn an_imported_entry_is_deleted_by_the_operator_or_its_owner_and_by_nobody_else() {
    let mut world = world();
    let delete = |by: Option<u8>| {
        let by = by.map(origin);
        Command::DeleteRecord(DeleteRecord { handle: handle(1), if_match: None, by })
    };
    world.done(&import(0, 1, 7, 1, Some(1)));
    assert_eq!(world.refusal(&delete(Some(0))), home_elsewhere(1), "nobody has signed it");
    world.done(&owned(import(0, 1, 8, 1, Some(2))));
    assert_eq!(world.refusal(&delete(Some(1))), home_elsewhere(1), "peer 0 has signed it");
    assert_eq!(partner(&world, 0).imported, 1);
    world.done(&delete(Some(0)));
    assert_eq!((body_of(&world, &handle(1)), partner(&world, 0).imported), (None, 0));
    world.done(&import(0, 2, 9, 1, Some(1)));
    let (handle, if_match, by) = (handle(2), None, None);
    world.done(&Command::DeleteRecord(DeleteRecord { handle, if_match, by }));
}

/// The same, signed by a key of peer 0.
fn owned(mut command: Command) -> Command {
    let signer = Some((origin(0), kid(0)));
    match &mut command {
        Command::Federation(FederationCommand::Import(import)) => {
            let entry = import.entry.as_mut().unwrap();
            (entry.owner, entry.assurance) = (signer, Assurance::Enrolled);
        }
        Command::PutCard(put) => (put.owner, put.assurance) = (signer, Assurance::Enrolled),
        other => panic!("{other:?}"),
    }
    command
}

/// The same record, by the credential of whoever signed it.
fn vouched(mut command: Command) -> Command {
    if let Command::PutRecord(put) = &mut command {
        put.vouched = true;
    }
    command
}

/// Caught: anybody who brings what the owner has signed once, be it older.
#[test]
fn an_imported_record_comes_home_by_its_owners_own_hand_and_by_nobody_elses() {
    let mut world = world();
    world.done(&owned(import(0, 1, 7, 1, Some(1))));
    let home =
        |world: &World| query::provenance(&world.memory, ImportKind::Record, &handle(1)).unwrap();
    for at in [START.minus_ms(1), START.plus_ms(1)] {
        let brought = put_record(1, 2, at, Some((0, 0)));
        assert_eq!(world.refusal(&brought), home_elsewhere(1));
    }
    world.done(&put_record(1, 1, START, Some((0, 0))));
    assert!(home(&world).is_some(), "the same again is no news");
    world.done(&vouched(put_record(1, 1, START, Some((0, 0)))));
    assert_eq!((home(&world), partner(&world, 0).imported), (None, 0));
    let ours = conflict("record", handle(1).as_str());
    assert_eq!(world.refusal(&owned(import(0, 1, 8, 1, Some(2)))), ours);
}

/// Caught: the same card again, which came home only if it was another one.
#[test]
fn a_card_that_its_owner_has_put_here_is_never_replaced_by_a_partners() {
    let mut world = world();
    let given = |partner: u8, revision: u64, hops: u8, body: u8| {
        let mut command = owned(import(partner, 1, revision, hops, Some(body)));
        if let Command::Federation(FederationCommand::Import(import)) = &mut command {
            import.kind = ImportKind::Card;
        }
        command
    };
    world.done(&given(0, 7, 1, 1));
    world.done(&owned(put_card(1, 1)));
    let home = query::provenance(&world.memory, ImportKind::Card, &handle(1)).unwrap();
    assert_eq!((home, partner(&world, 0).imported), (None, 0));
    let ours = conflict("card", handle(1).as_str());
    assert_eq!(world.refusal(&given(0, 8, 1, 2)), ours, "by what was its home");
    assert_eq!(world.refusal(&given(1, 99, 2, 2)), ours, "through a third registry");
    let card = query::card(&world.memory, &handle(1)).unwrap().unwrap();
    assert_eq!(card.digest, digest(1));
}

#[test]
fn a_quarantined_partner_gives_nothing_until_the_operator_says_so() {
    let mut world = world();
    world.done(&import(0, 1, 7, 1, Some(1)));
    let reason = "its catalog is not signed".to_owned();
    let caught = FederationCommand::QuarantinePartner(QuarantinePartner {
        name: partner_name(0),
        reason: reason.clone(),
    });
    world.done(&caught.into());
    assert_eq!(partner(&world, 0).state, PartnerState::Quarantined { reason, at: START });
    assert!(matches!(world.refusal(&import(0, 2, 8, 1, Some(1))), Refusal::Invalid { .. }));
    assert_eq!(body_of(&world, &handle(1)), Some(digest(1)), "what it gave before stays");
    world.done(&import(1, 3, 1, 1, Some(1)));
    world.done(&put_partner(0, 10));
    world.done(&import(0, 2, 8, 1, Some(1)));
}

#[test]
fn progress_never_goes_back_and_a_removed_partner_leaves_nothing() {
    let mut world = world();
    let advance = |cursor| {
        let (name, checkpoint, passed_over) = (partner_name(0), None, None);
        Command::from(FederationCommand::AdvancePartner(AdvancePartner {
            name,
            cursor,
            checkpoint,
            passed_over,
            from: None,
        }))
    };
    world.done(&advance(5));
    let back = Refusal::SequenceNotHigher { issuer: origin(100), kept: 5, offered: 4 };
    assert_eq!(world.refusal(&advance(4)), back);
    for name in 0..200 {
        let mut command = import(0, 1, 7, 1, Some(1));
        if let Command::Federation(FederationCommand::Import(import)) = &mut command {
            import.handle = Handle::parse(&format!("urn:far:{name:04}")).unwrap();
        }
        world.done(&command);
        if name == 9 {
            world.done(&put_partner(0, 1_000));
        }
    }
    let remove = FederationCommand::RemovePartner(RemovePartner { name: partner_name(0) }).into();
    let mut rounds = 0;
    while !matches!(world.say(&remove), Reply::Refused(Refusal::NotFound { .. })) {
        rounds += 1;
    }
    assert_eq!(rounds, 2, "128 a time");
    assert!(query::records(&world.memory, None, 10).unwrap().is_empty());
    // Nobody's home any more: free for whoever comes.
    let free = Handle::parse("urn:far:0001").unwrap();
    let provenance = query::provenance(&world.memory, ImportKind::Record, &free).unwrap();
    assert_eq!(provenance, None);
}

#[test]
fn terms_that_cannot_hold_are_refused() {
    let mut world = world();
    let with = |change: fn(&mut registry_core::entry::PartnerTerms)| {
        let mut command = put_partner(7, 10);
        if let Command::Federation(FederationCommand::PutPartner(put)) = &mut command {
            change(&mut put.terms);
        }
        command
    };
    for bad in [
        with(|terms| terms.hops = 0),
        with(|terms| terms.hops = 5),
        with(|terms| terms.quota = 0),
        with(|terms| terms.quota = 1_000_001),
        with(|terms| terms.kind = PartnerKind::Pilox),
        with(|terms| terms.url = origin(100)),
    ] {
        world.refusal(&bad);
    }
    let mut renamed = put_partner(0, 10);
    if let Command::Federation(FederationCommand::PutPartner(put)) = &mut renamed {
        put.terms.url = origin(9);
    }
    assert_eq!(world.refusal(&renamed), conflict("partner", "partner0"));
}

/// The handles of `import` 10 to 19 are claimed by a namespace of this name.
fn claim(name: &str, terms: Terms) -> Command {
    let prefixes = vec!["urn:agent:001".into()];
    Command::Namespace(NamespaceCommand::Put(PutNamespace {
        name: Namespace::parse(name).unwrap(),
        terms: Box::new(Terms { prefixes, ..terms }),
        by: None,
    }))
}

#[test]
fn a_partner_gets_into_no_namespace_but_the_one_named_after_it() {
    let mut world = world();
    world.done(&claim("acme", Terms::default()));
    let theirs = conflict("record", handle(10).as_str());
    assert_eq!(world.refusal(&import(0, 10, 1, 1, Some(1))), theirs);
    world.done(&import(0, 9, 1, 1, Some(1)));
    world.done(&Command::Namespace(NamespaceCommand::Delete(DeleteNamespace {
        name: Namespace::parse("acme").unwrap(),
    })));

    let quotas = Quotas { records: Some(1), ..Quotas::default() };
    world.done(&claim("partner0", Terms { quotas, ..Terms::default() }));
    world.done(&import(0, 10, 1, 1, Some(1)));
    let record = query::record(&world.memory, &handle(10)).unwrap().unwrap();
    assert_eq!(record.namespace, partner_name(0));
    assert_eq!(query::usage(&world.memory, &partner_name(0)).unwrap().records, 1);
    assert!(matches!(world.refusal(&import(0, 11, 2, 1, Some(1))), Refusal::Full { .. }));
    let other = conflict("record", handle(12).as_str());
    assert_eq!(world.refusal(&import(1, 12, 3, 1, Some(1))), other, "another partner's");
    world.done(&import(0, 10, 4, 1, None));
    assert_eq!(query::usage(&world.memory, &partner_name(0)).unwrap(), Usage::default());

    let trust = TrustMode::Require;
    world.done(&claim("partner0", Terms { trust, ..Terms::default() }));
    let refused = world.refusal(&import(0, 10, 5, 1, Some(1)));
    assert!(matches!(refused, Refusal::TrustTooLow { .. }), "{refused:?}");
}

#[test]
fn a_quarantine_that_is_ended_forgets_what_its_log_said() {
    let mut world = world();
    let checkpoint = Some("a note".to_owned());
    let (name, passed_over) = (partner_name(0), None);
    let advance = FederationCommand::AdvancePartner(AdvancePartner {
        name,
        cursor: 5,
        checkpoint,
        passed_over,
        from: None,
    });
    world.done(&advance.into());
    world.done(&put_partner(0, 11));
    assert_eq!(partner(&world, 0).checkpoint, "a note", "other terms, the same log");
    let (name, reason) = (partner_name(0), "it lied".to_owned());
    world.done(&FederationCommand::QuarantinePartner(QuarantinePartner { name, reason }).into());
    world.done(&put_partner(0, 11));
    assert_eq!((&*partner(&world, 0).checkpoint, partner(&world, 0).cursor), ("", 0));
}

#[test]
fn only_the_operator_changes_terms_and_a_partner_that_is_restored_does_not() {
    let mut world = world();
    let (name, checkpoint, passed_over) = (partner_name(0), None, None);
    let advance = Command::from(FederationCommand::AdvancePartner(AdvancePartner {
        name,
        cursor: 5,
        checkpoint,
        passed_over,
        from: None,
    }));
    let at = |epoch| {
        let (name, checkpoint) = (partner_name(0), None);
        Command::from(FederationCommand::SetPartnerEpoch(SetPartnerEpoch {
            name,
            epoch,
            checkpoint,
        }))
    };
    let stands = |world: &World| (partner(world, 0).cursor, partner(world, 0).terms_changed);
    world.done(&advance);
    world.done(&at(1));
    assert_eq!(stands(&world), (0, false), "restored");
    world.done(&advance);
    world.done(&put_partner(0, 11));
    assert_eq!(stands(&world), (0, true), "other terms");
    world.done(&at(2));
    assert_eq!(stands(&world), (0, true), "other terms, and restored");
    world.done(&advance);
    assert_eq!(stands(&world), (5, false), "all of it was looked at under them");
    let (name, reason) = (partner_name(0), "it lied".to_owned());
    world.done(&FederationCommand::QuarantinePartner(QuarantinePartner { name, reason }).into());
    world.done(&put_partner(0, 11));
    assert_eq!(stands(&world), (0, false), "the same terms again");
}

#[test]
fn a_release_is_for_no_more_entries_than_were_held() {
    let mut world = world();
    let hold = |entries| {
        Command::from(FederationCommand::HoldPartner(HoldPartner {
            name: partner_name(0),
            entries,
        }))
    };
    let held = |world: &World| {
        partner(world, 0).held.map(|held| (held.entries, held.since, held.released))
    };
    world.done(&hold(30));
    world
        .later(5)
        .done(&FederationCommand::ReleasePartner(ReleasePartner { name: partner_name(0) }).into());
    assert_eq!(held(&world), Some((30, START, true)));
    world.done(&hold(20));
    assert_eq!(held(&world), Some((20, START, true)), "fewer wait no longer");
    world.done(&hold(50_000));
    assert_eq!(held(&world), Some((50_000, START.plus_ms(5), false)), "nobody spoke of these");
    world.done(&hold(0));
    assert_eq!(held(&world), None);
}

#[test]
fn what_a_partner_gave_and_was_not_taken_is_counted_and_named() {
    let mut world = world();
    let mut passed_over = PassedOver::default();
    for at in 0..40 {
        assert!(passed_over.note(format!("record {at:02}"), "it answered 400".to_owned()));
    }
    assert!(!passed_over.note("record 00".to_owned(), "it answered 500".to_owned()));
    passed_over.forget("record 01");
    assert_eq!((passed_over.count, passed_over.named.len()), (39, PassedOver::NAMED_MAX - 1));
    let advance = |cursor, passed_over| {
        let (name, checkpoint) = (partner_name(0), None);
        Command::from(FederationCommand::AdvancePartner(AdvancePartner {
            name,
            cursor,
            checkpoint,
            passed_over,
            from: None,
        }))
    };
    world.done(&advance(5, Some(passed_over.clone())));
    world.done(&advance(6, None));
    assert_eq!(partner(&world, 0).passed_over, passed_over);
    world.done(&advance(6, Some(PassedOver::default())));
    assert_eq!(partner(&world, 0).passed_over.count, 0, "an empty look forgets it");
    for at in 40..80 {
        passed_over.named.insert(format!("record {at}"), "x".to_owned());
    }
    let refused = world.refusal(&advance(7, Some(passed_over)));
    assert_eq!(refused, full("entries that are named", PassedOver::NAMED_MAX as u64));
}

/// What a pull notes that began now.
fn pulled(world: &World, cursor: u64) -> Command {
    let kept = partner(world, 0);
    let from = Some(PullStart { cursor: kept.cursor, agreement: kept.agreement() });
    let (name, checkpoint, passed_over) = (partner_name(0), Some("a note".to_owned()), None);
    FederationCommand::AdvancePartner(AdvancePartner {
        name,
        cursor,
        checkpoint,
        passed_over,
        from,
    })
    .into()
}

#[test]
fn a_pull_that_was_under_way_when_the_operator_agreed_anew_notes_nothing() {
    let mut world = world();
    let first = pulled(&world, 9);
    world.done(&first);
    assert_eq!(world.refusal(&first), conflict("partner", "partner0"), "another has come so far");
    let under_way = pulled(&world, 12);
    world.done(&put_partner(0, 11));
    assert_eq!(world.refusal(&under_way), conflict("partner", "partner0"));
    let from_the_beginning = pulled(&world, 12);
    world.done(&put_partner(0, 12));
    assert_eq!(world.refusal(&from_the_beginning), conflict("partner", "partner0"));
    assert_eq!((partner(&world, 0).cursor, partner(&world, 0).terms_changed), (0, true));
    let fresh = pulled(&world, 12);
    world.done(&fresh);
    assert_eq!((partner(&world, 0).cursor, partner(&world, 0).terms_changed), (12, false));
}

#[test]
fn a_pull_from_a_partner_that_was_removed_notes_nothing_about_one_of_its_name() {
    let mut world = world();
    let under_way = pulled(&world, 9);
    world
        .later(1)
        .done(&FederationCommand::RemovePartner(RemovePartner { name: partner_name(0) }).into());
    world.done(&put_partner(0, 10));
    assert_eq!(world.refusal(&under_way), conflict("partner", "partner0"));
}

/// Caught: a log that was forgotten with the first pull that failed, so that an older one was believed.
#[test]
fn a_log_that_was_agreed_is_remembered_when_pulls_fail_and_terms_change() {
    let with = |log_key: &str, quota| {
        let mut command = put_partner(0, quota);
        if let Command::Federation(FederationCommand::PutPartner(put)) = &mut command {
            put.terms.log_key = log_key.to_owned();
        }
        command
    };
    let fails = || {
        let (name, reason) = (partner_name(0), "it answered 500".to_owned());
        Command::from(FederationCommand::FailPartner(FailPartner { name, reason, pulls: 1 }))
    };
    let restored = || {
        let (name, checkpoint) = (partner_name(0), Some("a note".to_owned()));
        Command::from(FederationCommand::SetPartnerEpoch(SetPartnerEpoch {
            name,
            epoch: 2,
            checkpoint,
        }))
    };
    let knows = |world: &World| (partner(world, 0).epoch, partner(world, 0).checkpoint);
    let mut world = World::populated();
    world.done(&with("log.example+1+k", 10));
    world.done(&restored());
    world.done(&fails());
    world.done(&with("log.example+1+k", 11));
    assert_eq!(knows(&world), (2, "a note".to_owned()));
    assert_eq!(partner(&world, 0).failing, None);
    world.done(&with("log.example+1+l", 11));
    assert_eq!(knows(&world), (0, String::new()), "another log");
    // Without a log the epoch is the partner's bare word, and the operator's way out of a false one.
    world.done(&with("", 11));
    world.done(&restored());
    world.done(&fails());
    world.done(&with("", 11));
    assert_eq!(knows(&world), (0, String::new()));
}

#[test]
fn the_same_failure_is_noted_once_a_minute_and_another_at_once() {
    let mut world = world();
    let fails = |reason: &str, pulls| {
        let (name, reason) = (partner_name(0), reason.to_owned());
        Command::from(FederationCommand::FailPartner(FailPartner { name, reason, pulls }))
    };
    let noted = |world: &World| partner(world, 0).failing.map(|it| (it.reason, it.pulls)).unwrap();
    world.done(&fails("it answered 500", 1));
    world.later(MINUTE - 1).done(&fails("it answered 500", 2));
    assert_eq!(noted(&world), ("it answered 500".to_owned(), 1));
    world.done(&fails("it answered 502", 3));
    assert_eq!(noted(&world), ("it answered 502".to_owned(), 3));
    world.later(MINUTE).done(&fails("it answered 502", 4));
    assert_eq!(noted(&world), ("it answered 502".to_owned(), 4));
}
