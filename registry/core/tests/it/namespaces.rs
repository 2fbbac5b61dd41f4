//! Namespaces: who may change them, what they ask of entries, and what viewers see of these.

use proto_types::card::Assurance;
use proto_types::{Digest, Handle, IsolationSet, Namespace, Revision};
use registry_core::change::{Refusal, Reply, Write};
use registry_core::command::{
    Command, DeleteNamespace, DeleteRecord, NamespaceCommand, PutCard, PutNamespace, RevokePeer,
    SpendToken,
};
use registry_core::entry::{
    AgentKind, Approval, Grants, Limits, NamespaceEntry, Quotas, Scoped as _, Terms, TrustMode,
    Usage, Visibility,
};
use registry_core::query;
use registry_core::verify::check;
use registry_core::view::Space;
use registry_core::viewer::{Disclosure, Viewer};

use crate::world::*;

fn namespace(name: &str) -> Namespace {
    Namespace::parse(name).unwrap()
}

fn put(name: &str, terms: Terms) -> Command {
    Command::Namespace(NamespaceCommand::Put(PutNamespace {
        name: namespace(name),
        terms: Box::new(terms),
        by: None,
    }))
}

fn delete(name: &str) -> Command {
    Command::Namespace(NamespaceCommand::Delete(DeleteNamespace { name: namespace(name) }))
}

/// Owned by peer 0, with the handles 0010 to 0019.
fn acme() -> Terms {
    Terms {
        owners: vec![origin(0)],
        prefixes: vec!["urn:agent:001".into()],
        visibility: Visibility::Private,
        ..Terms::default()
    }
}

fn card(name: u8, body: u8, assurance: Assurance, visibility: Option<Visibility>) -> Command {
    let (handle, digest) = (handle(name), digest(body));
    Command::PutCard(PutCard { handle, digest, assurance, owner: None, visibility })
}

fn agent(name: u8, card: u8) -> Command {
    let mut command = put_agent(card);
    if let Command::PutAgent(put) = &mut command {
        put.handle = handle(name);
    }
    command
}

fn world_with(terms: Terms) -> World {
    let mut world = World::populated();
    world.done(&enrol(1, &[1], Approval::Operator));
    world.done(&put("acme", terms));
    world
}

fn usage(world: &World, name: &str) -> Usage {
    query::usage(&world.memory, &namespace(name)).unwrap()
}

#[test]
fn a_handle_is_in_the_namespace_of_its_longest_prefix() {
    let mut world = world_with(acme());
    let deeper = Terms { prefixes: vec!["urn:agent:0012".into()], ..Terms::default() };
    world.done(&put("deep", deeper));
    let home = |world: &World, name| query::namespace_of(&world.memory, &handle(name)).unwrap();
    assert_eq!(home(&world, 11), namespace("acme"));
    assert_eq!(home(&world, 12), namespace("deep"));
    assert_eq!(home(&world, 9), Namespace::default());
    world.done(&delete("deep"));
    assert_eq!(home(&world, 12), namespace("acme"));
    let short = Handle::parse("u").unwrap();
    assert_eq!(query::namespace_of(&world.memory, &short).unwrap(), Namespace::default());
}

#[test]
fn whom_a_namespace_admits_is_who_sees_what_is_private_in_it() {
    let grants = |peers: &[u8], namespaces: &[&str]| Grants {
        peers: peers.iter().map(|name| origin(*name)).collect(),
        namespaces: namespaces.iter().map(|name| namespace(name)).collect(),
    };
    let mut world = World::populated();
    for peer in 1..=3 {
        world.done(&enrol(peer, &[peer], Approval::Operator));
    }
    let owned_by = |owners: &[u8], grants| Terms {
        owners: owners.iter().map(|name| origin(*name)).collect(),
        grants,
        ..Terms::default()
    };
    world.done(&put("one", owned_by(&[0], grants(&[1], &["two", "absent"]))));
    world.done(&put("two", owned_by(&[2], grants(&[], &["one"]))));
    world.done(&put("three", owned_by(&[], grants(&[], &[]))));
    for name in ["one", "two", "three"] {
        let entry = query::namespace(&world.memory, &namespace(name)).unwrap().unwrap();
        let admitted = query::admitted(&world.memory, &entry).unwrap();
        for peer in 0..=3 {
            let viewer = query::viewer(&world.memory, &origin(peer)).unwrap();
            assert_eq!(
                viewer.sees(&entry.scope()),
                admitted.contains(&origin(peer)),
                "{name} {peer}"
            );
        }
    }
}

#[test]
fn a_prefix_has_one_claimant_and_changes_hands_only_while_empty() {
    let mut world = world_with(acme());
    let claimed = conflict("prefix", "urn:agent:001");
    assert_eq!(world.refusal(&put("other", acme())), claimed);
    world.done(&put_record(11, 1, START, None));
    let end = delete("acme");
    assert!(matches!(world.refusal(&end), Refusal::Invalid { .. }));
    let emptied = put("acme", Terms { prefixes: Vec::new(), ..acme() });
    assert!(matches!(world.refusal(&emptied), Refusal::Invalid { .. }));
    world.done(&Command::DeleteRecord(DeleteRecord {
        handle: handle(11),
        if_match: None,
        by: None,
    }));
    world.done(&end);
    assert_eq!(world.refusal(&end), not_found("namespace", "acme"));
    assert_eq!(world.say(&put("other", acme())), Reply::Done(world.revision()));
}

#[test]
fn an_owner_changes_the_eyes_but_not_the_quotas_and_a_stranger_finds_nothing() {
    let mut world = world_with(acme());
    let by = |peer, name: &str, terms| {
        Command::Namespace(NamespaceCommand::Put(PutNamespace {
            name: namespace(name),
            terms: Box::new(terms),
            by: Some(origin(peer)),
        }))
    };
    world.done(&by(0, "acme", Terms { visibility: Visibility::Redacted, ..acme() }));
    let richer = Terms { quotas: Quotas { cards: Some(9), ..Quotas::default() }, ..acme() };
    assert!(matches!(world.refusal(&by(0, "acme", richer)), Refusal::OperatorOnly { .. }));
    // What a stranger reads of one that is there is what anybody reads of one that is not.
    assert_eq!(world.refusal(&by(1, "acme", acme())), not_found("namespace", "acme"));
    assert_eq!(world.refusal(&by(1, "none", acme())), not_found("namespace", "none"));
}

#[test]
fn quotas_count_what_is_there_exactly() {
    let quotas = Quotas { records: Some(1), cards: Some(2), agents: Some(1), bytes: Some(12) };
    let mut world = world_with(Terms { quotas, ..acme() });
    world.done(&put_record(11, 1, START, None));
    world.done(&put_record(11, 2, START.plus_ms(1), None));
    assert_eq!(usage(&world, "acme"), Usage { records: 1, bytes: 3, ..Usage::default() });
    let over = world.refusal(&put_record(12, 1, START, None));
    assert_eq!(over, full("records of namespace acme", 1));
    world.done(&card(11, 1, Assurance::Unsigned, None));
    world.done(&card(12, 1, Assurance::Unsigned, None));
    world.done(&agent(11, 1));
    world.done(&agent(11, 2));
    assert_eq!(usage(&world, "acme"), Usage { records: 1, cards: 2, agents: 1, bytes: 12 });
    assert_eq!(world.refusal(&agent(12, 1)), full("agents of namespace acme", 1));
    world.done(&Command::DeleteRecord(DeleteRecord {
        handle: handle(11),
        if_match: None,
        by: None,
    }));
    assert_eq!(usage(&world, "acme"), Usage { records: 0, cards: 2, agents: 1, bytes: 9 });
    // The agent of the initial state.
    assert_eq!(usage(&world, "default"), Usage { agents: 1, bytes: 3, ..Usage::default() });
}

#[test]
fn the_cards_of_agents_count_against_the_bytes() {
    let quotas = Quotas { bytes: Some(5), ..Quotas::default() };
    let mut world = world_with(Terms { quotas, ..acme() });
    world.done(&agent(11, 1));
    assert_eq!(world.refusal(&agent(12, 1)), full("bytes of namespace acme", 5));
    assert_eq!(usage(&world, "acme"), Usage { agents: 1, bytes: 3, ..Usage::default() });
}

/// An agent as it was written before namespaces counted agents.
#[derive(serde::Serialize)]
struct Uncounted {
    handle: Handle,
    artifact: Digest,
    artifact_bytes: u64,
    kind: AgentKind,
    limits: Limits,
    isolation: IsolationSet,
    card: Digest,
    visibility: Visibility,
    namespace: Namespace,
    revision: Revision,
}

/// The agent `name` of acme as an older version has left it: no counter knows of it.
fn forget_to_count(world: &mut World, name: u8) {
    let kept = query::agent(&world.memory, &handle(name)).unwrap().unwrap();
    let hosted = kept.hosted().unwrap().clone();
    let old = Uncounted {
        handle: kept.handle,
        artifact: hosted.artifact,
        artifact_bytes: hosted.artifact_bytes,
        kind: hosted.kind,
        limits: hosted.limits,
        isolation: hosted.isolation,
        card: kept.card,
        visibility: kept.visibility,
        namespace: kept.namespace,
        revision: kept.revision,
    };
    let value = rmp_serde::to_vec_named(&old).unwrap();
    let ends = |key: &[u8], with: &str| key.ends_with(with.as_bytes());
    let found = |agents: u8, with: &str| {
        let mut keys = world.memory.pairs().map(|((space, key), _)| (*space, key.clone()));
        let mine = |(space, key): &(Space, Vec<u8>)| *space == Space::State && key[2] == agents;
        keys.find(|pair| mine(pair) && ends(&pair.1, with)).unwrap().1
    };
    let space = Space::State;
    let writes = [
        Write::Put { space, key: found(4, handle(name).as_str()), value },
        Write::Delete { space, key: found(0, "namespace/acme/agents") },
        Write::Delete { space, key: found(0, "namespace/acme/bytes") },
    ];
    world.memory.commit(&writes);
}

#[test]
fn an_agent_from_before_agents_were_counted_counts_from_its_next_write_on() {
    let quotas = |agents| Quotas { agents: Some(agents), ..Quotas::default() };
    let mut world = world_with(Terms { quotas: quotas(1), ..acme() });
    world.done(&agent(11, 1));
    forget_to_count(&mut world, 11);
    assert_eq!(usage(&world, "acme"), Usage::default());
    assert!(check(&world.memory).is_sound(), "{:?}", check(&world.memory));
    world.done(&agent(12, 1));
    assert_eq!(world.refusal(&agent(11, 1)), full("agents of namespace acme", 1));
    world.done(&put("acme", Terms { quotas: quotas(2), ..acme() }));
    world.done(&agent(11, 1));
    world.done(&agent(11, 2));
    assert_eq!(usage(&world, "acme"), Usage { agents: 2, bytes: 6, ..Usage::default() });
    assert!(check(&world.memory).is_sound(), "{:?}", check(&world.memory));
}

#[test]
fn trust_decides_what_may_be_put() {
    use Assurance::{Enrolled, SelfAsserted, Unsigned};
    let with = |trust| world_with(Terms { trust, ..acme() });
    let refused = |world: &mut World, command: &Command| {
        matches!(world.say(command), Reply::Refused(Refusal::TrustTooLow { .. }))
    };
    let mut world = with(TrustMode::Require);
    assert!(refused(&mut world, &card(11, 1, Unsigned, None)));
    assert!(refused(&mut world, &card(11, 1, SelfAsserted, None)));
    assert!(!refused(&mut world, &card(11, 1, Enrolled, None)));
    let mut world = with(TrustMode::Prefer);
    assert!(!refused(&mut world, &card(11, 1, Unsigned, None)));
    assert!(!refused(&mut world, &card(11, 2, SelfAsserted, None)));
    assert!(refused(&mut world, &card(11, 1, Unsigned, None)));
    let mut world = with(TrustMode::Off);
    assert!(!refused(&mut world, &card(11, 1, Enrolled, None)));
    assert!(!refused(&mut world, &card(11, 2, Unsigned, None)));
}

#[test]
fn a_list_holds_what_its_viewer_sees_and_pages_are_full() {
    let mut world = world_with(acme());
    let kinds = Visibility::ALL.iter().copied().cycle();
    for (name, visibility) in (10..20).zip(kinds) {
        world.done(&card(name, 1, Assurance::Unsigned, Some(visibility)));
    }
    let guests = Grants { peers: vec![origin(1)], ..Grants::default() };
    let viewer = |world: &World, peer| query::viewer(&world.memory, &origin(peer)).unwrap();
    let seen = |world: &World, viewer: &Viewer| {
        let mut names = Vec::new();
        let mut after: Option<Handle> = None;
        loop {
            let page = query::cards_listed(&world.memory, viewer, after.as_ref(), 2).unwrap();
            let last = page.len() < 2;
            after = page.last().cloned();
            names.extend(page.into_iter().map(|name| {
                let seen = query::card_seen(&world.memory, viewer, &name).unwrap();
                let (card, disclosure) = seen.expect("who knows of a card sees something of it");
                (card.handle, disclosure)
            }));
            if last {
                return names;
            }
        }
    };
    let whole = |names: &[u8]| {
        names.iter().map(|name| (handle(*name), Disclosure::Whole)).collect::<Vec<_>>()
    };
    let anonymous = seen(&world, &Viewer::Anonymous);
    let names: Vec<_> = anonymous.iter().map(|(handle, _)| handle.clone()).collect();
    assert_eq!(names, [10, 11, 14, 15, 18, 19].map(handle));
    assert!(anonymous.iter().all(|(name, disclosure)| {
        let redacted = [11, 15, 19].map(handle).contains(name);
        redacted == (*disclosure == Disclosure::Redacted)
    }));
    assert_eq!(seen(&world, &viewer(&world, 1)).len(), 8);
    let all: Vec<u8> = (10..20).collect();
    assert_eq!(seen(&world, &viewer(&world, 0)), whole(&all));
    assert_eq!(seen(&world, &Viewer::Operator), whole(&all));
    world.done(&put("acme", Terms { grants: guests, ..acme() }));
    assert_eq!(seen(&world, &viewer(&world, 1)), whole(&all));
    world.done(&Command::RevokePeer(RevokePeer { origin: origin(1) }));
    assert_eq!(viewer(&world, 1), Viewer::Anonymous);
}

#[test]
fn the_owners_of_an_admitted_namespace_are_admitted() {
    let mut world = world_with(acme());
    let guests = Grants { namespaces: vec![namespace("guest")], ..Grants::default() };
    world.done(&put("acme", Terms { grants: guests, ..acme() }));
    world.done(&put("guest", Terms { owners: vec![origin(1)], ..Terms::default() }));
    world.done(&put_record(11, 1, START, None));
    let viewer = query::viewer(&world.memory, &origin(1)).unwrap();
    let seen = query::record_seen(&world.memory, &viewer, &handle(11)).unwrap();
    assert_eq!(seen.map(|(_, disclosure)| disclosure), Some(Disclosure::Whole));
    let url = "https://peer11.example/card.json";
    let found = |viewer| query::record_of_card(&world.memory, viewer, url).unwrap();
    assert_eq!(found(&viewer), Some(handle(11)));
    assert_eq!(found(&Viewer::Operator), Some(handle(11)));
    assert_eq!(found(&Viewer::Anonymous), None);
}

#[test]
fn a_token_that_is_a_condition_is_spent_with_its_effect_or_not_at_all() {
    let mut world = World::populated();
    let spend =
        |at: u64| Command::SpendToken(SpendToken { hash: digest(9), until: START.plus_ms(at) });
    assert_eq!(world.refusal(&spend(0)), Refusal::TokenSpent);
    assert_eq!(world.refusal(&spend(76 * MINUTE)), Refusal::TokenSpent);
    world.done(&spend(MINUTE));
    assert_eq!(world.refusal(&spend(MINUTE)), Refusal::TokenSpent);
    let (hash, until) = (digest(8), START.plus_ms(MINUTE));
    world.done(&Command::SpendToken(SpendToken { hash, until }));
}

#[test]
fn terms_are_bounded_and_the_default_namespace_claims_nothing() {
    let mut world = World::populated();
    let bad = [
        put("default", acme()),
        put("a", Terms { prefixes: vec![String::new()], ..acme() }),
        put("a", Terms { prefixes: vec!["p".repeat(65)], ..acme() }),
        put("a", Terms { prefixes: vec!["é".into()], ..acme() }),
        put("a", Terms { owners: vec![origin(0); 65], ..acme() }),
    ];
    for command in bad {
        world.refusal(&command);
    }
    world.done(&put("default", Terms { trust: TrustMode::Prefer, ..Terms::default() }));
    let kept = query::namespaces(&world.memory, None, 9).unwrap();
    let names: Vec<_> = kept.into_iter().map(|NamespaceEntry { name, .. }| name).collect();
    assert_eq!(names, [Namespace::default()]);
}
