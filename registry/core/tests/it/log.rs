//! The transparency log and the audit, as proposals make them grow.

use proptest::prelude::*;
use proto_types::audit::{self, AuditLine};
use proto_types::tlog::{self, Invalid, verify_consistency};
use proto_types::{Digest, Namespace, Stamp};
use registry_core::change::Refusal;
use registry_core::command::{
    Audit, Command, DeleteNamespace, DeleteRecord, LogCommand, NamespaceCommand, OpenLog, Proposal,
    PutNamespace, RevokePeer, SpendTokens, TruncateAudit, Witness, WitnessEpoch,
};
use registry_core::entry::{Approval, Grants, Policy, Quotas, Terms, TrustMode, Visibility};
use registry_core::query::{self, LogRows};
use registry_core::view::{Memory, Space, View as _};
use registry_core::{agent_statement, apply_batch, namespace_statement, peer_statement};

use crate::commands::any_log;
use crate::world::*;

const SEED: Digest = Digest([9; 32]);

fn opened() -> World {
    let mut world = World::new();
    world.done(&Command::Log(LogCommand::OpenLog(OpenLog { seed: SEED })));
    for command in initial_state() {
        world.done(&command);
    }
    world
}

fn head(world: &World) -> (u64, Digest) {
    query::log_head(&world.memory).unwrap().unwrap()
}

fn act(target: &str) -> Command {
    Command::Log(LogCommand::Audit(Audit {
        who: "operator".into(),
        action: "revoke-peer".into(),
        target: target.into(),
        outcome: "done".into(),
        request_id: "r-1".into(),
    }))
}

/// What the check of a whole state finds wrong with log and audit.
fn log_faults(view: &Memory) -> Vec<String> {
    let mut faults = registry_core::verify::check(view).faults;
    faults.retain(|fault| fault.starts_with("transparency log: "));
    faults
}

#[test]
fn facts_of_the_directory_are_leaves_and_tasks_and_tokens_are_not() {
    let mut world = opened();
    // The initial state: a peer and an agent. Gateways, nodes and join tokens are no facts.
    assert_eq!(head(&world).0, 2);
    world.done(&put_record(1, 1, START, None));
    assert_eq!(head(&world).0, 3);
    let (size, root) = head(&world);
    let before = world.memory.clone();
    for command in [
        submit(1, 1, START.plus_ms(DAY)),
        assign(1, 0),
        enqueue(1, "https://peer1.example", START.plus_ms(DAY)),
        Command::SpendTokens(SpendTokens { entries: vec![(digest(1), START.plus_ms(MINUTE))] }),
        put_record(1, 1, START, None),
        enrol(0, &[0], Approval::Operator),
    ] {
        world.done(&command);
    }
    world.refusal(&put_record(1, 99, START.plus_ms(1), None));
    assert_eq!(head(&world), (size, root));
    world.done(&Command::DeleteRecord(DeleteRecord {
        handle: handle(1),
        if_match: None,
        by: None,
    }));
    assert_eq!(head(&world).0, 4);
    let proof = tlog::consistency(&LogRows(&world.memory), size, 4).unwrap();
    assert_eq!(tlog::root(&LogRows(&before), size).unwrap(), root);
    assert_eq!(verify_consistency((size, &root), (4, &head(&world).1), &proof), Ok(()));
}

#[test]
fn a_proof_shows_the_document_and_no_other() {
    let mut world = opened();
    world.done(&put_record(1, 1, START, None));
    let (size, root) = head(&world);
    let record = query::record(&world.memory, &handle(1)).unwrap().unwrap();
    let proof = query::inclusion(&world.memory, &record, size).unwrap().unwrap();
    assert_eq!(proof.verify((size, &root)), Ok(()));
    assert_eq!(proof.fact.digest, Some(digest(1)));
    assert_eq!((proof.fact.id.as_str(), proof.fact.at_ms), (handle(1).as_str(), START.0));
    let mut other = proof.clone();
    other.fact.digest = Some(digest(2));
    assert_eq!(other.verify((size, &root)), Err(Invalid::Root));
    let mut other = proof.clone();
    other.salt = digest(2);
    assert_eq!(other.verify((size, &root)), Err(Invalid::Root));
    assert_eq!(query::inclusion(&world.memory, &record, size - 1).unwrap(), None);

    let peer = query::peer(&world.memory, &origin(0)).unwrap().unwrap();
    let proof = query::inclusion(&world.memory, &peer, size).unwrap().unwrap();
    assert_eq!(proof.fact.digest, Some(Digest::of(peer_statement(&peer).as_bytes())));
    assert_eq!(proof.verify((size, &root)), Ok(()));
    let agent = query::agent(&world.memory, &handle(0)).unwrap().unwrap();
    let proof = query::inclusion(&world.memory, &agent, size).unwrap().unwrap();
    assert_eq!(proof.fact.digest, Some(Digest::of(agent_statement(&agent).as_bytes())));
    assert_eq!(proof.verify((size, &root)), Ok(()));

    world.done(&Command::DeleteRecord(DeleteRecord {
        handle: handle(1),
        if_match: None,
        by: None,
    }));
    let (size, root) = head(&world);
    let tombstone = query::record(&world.memory, &handle(1)).unwrap().unwrap();
    let proof = query::inclusion(&world.memory, &tombstone, size).unwrap().unwrap();
    assert!(proof.fact.deleted && proof.fact.digest.is_none());
    assert_eq!(proof.verify((size, &root)), Ok(()));
}

#[test]
fn an_attached_agent_has_a_line_that_says_where_it_is_called_and_another_when_it_is_gone() {
    let mut world = opened();
    world.done(&attach(1, 1));
    let (size, root) = head(&world);
    let agent = query::agent(&world.memory, &handle(1)).unwrap().unwrap();
    let statement = format!(
        "ecumene-attached-agent-v1\n{}\nbinding JSONRPC\nversion 1.0\n\
        url https://upstream.example/a2a\ncard {}\n",
        handle(1),
        digest(1)
    );
    assert_eq!(agent_statement(&agent), statement);
    let proof = query::inclusion(&world.memory, &agent, size).unwrap().unwrap();
    assert_eq!(proof.verify((size, &root)), Ok(()));
    assert_eq!(proof.fact.digest, Some(Digest::of(statement.as_bytes())));
    world.done(&remove_agent(1));
    assert_eq!(head(&world).0, size + 1);
}

fn put_namespace(name: &str, terms: &Terms) -> Command {
    let name = Namespace::parse(name).unwrap();
    Command::Namespace(NamespaceCommand::Put(PutNamespace {
        name,
        terms: Box::new(terms.clone()),
        by: None,
    }))
}

#[test]
fn what_becomes_of_a_namespace_is_in_the_log_and_every_term_counts() {
    let mut world = opened();
    let name = Namespace::parse("acme").unwrap();
    let size = head(&world).0;
    let terms = Terms {
        owners: vec![origin(0)],
        prefixes: vec!["urn:acme:".into()],
        visibility: Visibility::Private,
        trust: TrustMode::Prefer,
        quotas: Quotas { agents: Some(3), ..Quotas::default() },
        policy: Policy {
            card_hosts: vec!["*.acme.example".into()],
            handle_patterns: vec!["urn:acme:*".into()],
        },
        grants: Grants {
            peers: vec![origin(1)],
            namespaces: vec![Namespace::parse("guest").unwrap()],
        },
    };
    world.done(&put_namespace("acme", &terms));
    world.done(&put_namespace("acme", &terms));
    assert_eq!(head(&world).0, size + 1, "what changes nothing has no leaf");
    let entry = query::namespace(&world.memory, &name).unwrap().unwrap();
    let statement = namespace_statement(&entry);
    let expected = "ecumene-namespace-v1\nacme\nvisibility private\ntrust prefer\n\
        owner https://peer0.example\nprefix urn:acme:\nquota agents 3\n\
        card-host *.acme.example\nhandle-pattern urn:acme:*\n\
        grant-peer https://peer1.example\ngrant-namespace guest\n";
    assert_eq!(statement, expected);
    let (size, root) = head(&world);
    let proof = query::inclusion(&world.memory, &entry, size).unwrap().unwrap();
    assert_eq!(proof.verify((size, &root)), Ok(()));
    assert_eq!(proof.fact.digest, Some(Digest::of(statement.as_bytes())));
    let leaf = query::log_entries(&world.memory, proof.index, 1).unwrap().remove(0);
    assert_eq!(leaf.len(), 33, "as long as every other, so it does not even tell its kind");
    world.done(&put_namespace("acme", &Terms { grants: Grants::default(), ..terms }));
    world.done(&Command::Namespace(NamespaceCommand::Delete(DeleteNamespace { name })));
    assert_eq!(head(&world).0, size + 2);
}

#[test]
fn the_public_rows_tell_nothing_that_can_be_guessed() {
    let mut world = opened();
    world.done(&put_record(1, 1, START, None));
    let entries = query::log_entries(&world.memory, 0, 3).unwrap();
    let record = query::record(&world.memory, &handle(1)).unwrap().unwrap();
    let mut fact = query::inclusion(&world.memory, &record, 3).unwrap().unwrap().fact;
    fact.at_ms = START.0;
    // Who knows the whole fact and not the salt finds no leaf of it.
    for guess in [Digest([0; 32]), tlog::salt(&Digest([0; 32]), 2), tlog::salt(&SEED, 1)] {
        assert!(!entries.contains(&fact.entry(&guess)));
    }
    assert!(entries.contains(&fact.entry(&tlog::salt(&SEED, 2))));
    assert!(entries.iter().all(|entry| entry.len() == 33), "of one length, whatever they say");
}

#[test]
fn a_log_is_opened_once_and_what_was_before_has_no_leaf() {
    let mut world = World::populated();
    assert_eq!(query::log_head(&world.memory).unwrap(), None);
    let peer = query::peer(&world.memory, &origin(0)).unwrap().unwrap();
    assert_eq!(query::inclusion(&world.memory, &peer, 9).unwrap(), None);
    world.done(&Command::Log(LogCommand::OpenLog(OpenLog { seed: SEED })));
    assert_eq!(head(&world), (0, tlog::empty_root()));
    world.done(&put_record(1, 1, START, None));
    let before = world.memory.clone();
    world.done(&Command::Log(LogCommand::OpenLog(OpenLog { seed: Digest([1; 32]) })));
    assert_eq!(world.memory, before);
    assert_eq!(query::inclusion(&world.memory, &peer, 9).unwrap(), None);
}

#[test]
fn every_line_of_the_audit_is_bound_to_the_one_before_and_heads_enter_the_log() {
    let mut world = opened();
    let size = head(&world).0;
    for n in 0..35 {
        world.done(&act(&format!("https://peer{n}.example\r\n{{}}\u{1b}[2J")));
    }
    let lines = query::audit_lines(&world.memory, 0, 100).unwrap();
    assert_eq!(lines.len(), 35);
    let mut before = (0, audit::start());
    for line in &lines {
        line.continues((before.0, &before.1)).unwrap();
        assert!(!line.target.contains(char::is_control), "{line:?}");
        before = (line.seq, line.digest());
    }
    let end = query::audit_end(&world.memory).unwrap();
    assert_eq!((end.lines, end.digest, end.first), (35, before.1, 1));
    // 35 lines have two anchors: after 16 and after 32.
    assert_eq!(head(&world).0, size + 2);
    let anchors = query::log_entries(&world.memory, size, 2).unwrap();
    let anchors: Vec<_> = anchors.iter().map(|entry| tlog::audited(entry).unwrap()).collect();
    let of = |line: &AuditLine| (line.seq, line.digest());
    assert_eq!(anchors, [of(&lines[15]), of(&lines[31])]);
    let checkpoint = query::checkpoint(&world.memory, "log.example").unwrap().unwrap();
    assert_eq!(checkpoint.audit(), Some((35, end.digest)));
}

#[test]
fn exported_lines_go_and_the_chain_holds() {
    let mut world = opened();
    (0..5).for_each(|n| drop(world.done(&act(&n.to_string()))));
    let kept = query::audit_lines(&world.memory, 0, 9).unwrap();
    world.refusal(&Command::Log(LogCommand::TruncateAudit(TruncateAudit { through: 5 })));
    world.done(&Command::Log(LogCommand::TruncateAudit(TruncateAudit { through: 3 })));
    world.done(&Command::Log(LogCommand::TruncateAudit(TruncateAudit { through: 2 })));
    let left = query::audit_lines(&world.memory, 0, 9).unwrap();
    assert_eq!(left, kept[3..]);
    world.done(&act("next"));
    let next = query::audit_lines(&world.memory, 5, 9).unwrap();
    assert_eq!(next[0].continues((5, &kept[4].digest())), Ok(()));
    assert_eq!(query::audit_end(&world.memory).unwrap().first, 4);
    assert_eq!(log_faults(&world.memory), [""; 0]);
}

/// Caught: a check that stops before the frontier, and one that takes no notice of the audit's head.
#[test]
fn case_15_whatever_is_flipped_on_disk_is_found() {
    let mut world = opened();
    for n in 0..40 {
        world.done(&put_record(n, 1, START, None));
        world.done(&act(&n.to_string()));
    }
    assert_eq!(log_faults(&world.memory), [""; 0]);
    let kept = world.memory.range(Space::Tiles, &[], &[9], 1_000).unwrap();
    let head = world.memory.range(Space::State, &[0, 0, 16], &[0, 0, 17], 1_000).unwrap();
    let head = head.into_iter().filter(|(key, _)| key.ends_with(b"tree"));
    let audit = world.memory.range(Space::State, &[0, 0, 17], &[0, 0, 19], 1_000).unwrap();
    let all = kept.into_iter().map(|pair| (Space::Tiles, pair));
    let state = head.chain(audit).map(|pair| (Space::State, pair));
    for (space, (key, mut value)) in all.chain(state).collect::<Vec<_>>() {
        // The last byte of each: of a leaf, of the frontier, of a line's `who`, of a counter.
        let last = value.len() - 1;
        value[last] ^= 1;
        let mut memory = world.memory.clone();
        memory.commit(&[registry_core::change::Write::Put { space, key: key.clone(), value }]);
        assert!(!log_faults(&memory).is_empty(), "{space:?} {key:?}");
    }
}

#[test]
fn a_refused_proposal_leaves_neither_leaf_nor_line() {
    let mut world = opened();
    let before = world.memory.clone();
    let revoke = Command::RevokePeer(RevokePeer { origin: origin(3) });
    let commands = vec![act("x"), put_body(9), put_record(2, 9, START, None), revoke];
    let stamp = Stamp { now: world.now };
    let change = apply_batch(&world.memory, stamp, &[Proposal { commands }]).unwrap();
    world.memory.commit(&change.writes);
    assert_eq!(world.memory, before);
}

#[test]
fn case_14_a_witness_never_signs_two_histories() {
    let mut world = World::new();
    let empty = (0, tlog::empty_root());
    let follow = |from, to| {
        let (origin, epoch) = ("log.example".into(), Some(0));
        Command::Log(LogCommand::Witness(Witness { origin, from, to, epoch }))
    };
    let (one, other) = ((5, Digest::of(b"one")), (5, Digest::of(b"other")));
    world.done(&follow(empty, one));
    assert_eq!(query::witnessed(&world.memory, "log.example").unwrap(), Some(one));
    // As the version before wrote it, since this log was never restored.
    let value = [&5_u64.to_be_bytes()[..], one.1.as_bytes()].concat();
    let state = world.memory.range(Space::State, &[], &[u8::MAX], 1_000).unwrap();
    assert!(state.iter().any(|(_, kept)| *kept == value));
    // Two members that were asked at once: the second finds another head than it proved from.
    let stored = Some(one.1);
    assert_eq!(world.refusal(&follow(empty, other)), Refusal::PreconditionFailed { stored });
    world.refusal(&follow(one, other));
    world.refusal(&follow(one, (4, Digest::of(b"shorter"))));
    world.refusal(&follow(other, (6, Digest::of(b"fork"))));
    world.done(&follow(one, one));
    world.done(&follow(one, (6, Digest::of(b"more"))));
    assert_eq!(query::witnessed(&world.memory, "other.example").unwrap(), None);
}

/// Caught: two members that were asked at once, the second about a later epoch.
#[test]
fn a_witness_keeps_no_head_of_one_epoch_under_another() {
    let mut world = World::new();
    let (empty, old) = ((0, tlog::empty_root()), (5, Digest::of(b"old")));
    let of = |epoch| {
        let origin = "log.example".into();
        Command::Log(LogCommand::Witness(Witness { origin, from: empty, to: old, epoch }))
    };
    let begun = |epoch| {
        let origin = "log.example".into();
        Command::Log(LogCommand::WitnessEpoch(WitnessEpoch { origin, epoch }))
    };
    world.done(&begun(1));
    world.done(&begun(2));
    for epoch in [0, 1, 3] {
        let stored = Some(empty.1);
        let refused = world.refusal(&of(Some(epoch)));
        assert_eq!(refused, Refusal::PreconditionFailed { stored }, "{epoch}");
    }
    world.done(&of(Some(2)));
    assert_eq!(query::witnessed(&world.memory, "log.example").unwrap(), Some(old));
    world.done(&begun(3));
    world.done(&of(None));
}

proptest! {
    /// Caught: a log that is loaded before the proposal that opens it is absorbed.
    #[test]
    fn the_tree_is_the_same_however_proposals_are_batched_and_every_entry_is_proven(
        log in any_log(),
        at in 0_usize..8,
    ) {
        let (mut whole, mut single) = (Memory::default(), Memory::default());
        let open = Command::Log(LogCommand::OpenLog(OpenLog { seed: SEED }));
        let open = Proposal { commands: vec![open] };
        for (n, (stamp, mut proposals)) in log.into_iter().enumerate() {
            if n == at {
                proposals.insert(proposals.len() / 2, open.clone());
            }
            let change = apply_batch(&whole, stamp, &proposals).unwrap();
            whole.commit(&change.writes);
            for proposal in proposals {
                let change = apply_batch(&single, stamp, &[proposal]).unwrap();
                single.commit(&change.writes);
            }
        }
        prop_assert_eq!(&whole, &single);
        let Some((size, root)) = query::log_head(&whole).unwrap() else { return Ok(()) };
        prop_assert_eq!(tlog::root(&LogRows(&whole), size).unwrap(), root);
        prop_assert_eq!(log_faults(&whole), [""; 0]);
        let leaves = whole.range(Space::Tiles, &[], &[9], usize::MAX).unwrap();
        prop_assert!(leaves.len() as u64 >= size);
        for record in query::records(&whole, None, 100).unwrap() {
            if let Some(proof) = query::inclusion(&whole, &record, size).unwrap() {
                prop_assert_eq!(proof.verify((size, &root)), Ok(()));
                prop_assert_eq!(proof.fact.digest, record.digest);
            }
        }
        for namespace in query::namespaces(&whole, None, 100).unwrap() {
            if let Some(proof) = query::inclusion(&whole, &namespace, size).unwrap() {
                prop_assert_eq!(proof.verify((size, &root)), Ok(()));
            }
        }
        for peer in query::peers(&whole, None, 100).unwrap() {
            if let Some(proof) = query::inclusion(&whole, &peer, size).unwrap() {
                prop_assert_eq!(proof.verify((size, &root)), Ok(()));
            }
        }
    }
}
