//! Peers that wait to be let in, and what their hosts say.

use std::collections::BTreeSet;

use proto_types::card::Assurance;
use registry_core::change::Refusal;
use registry_core::command::{
    Command, DecideEnrolment, NoteDomain, PeerCommand, RequestEnrolment, StandPeer,
};
use registry_core::entry::{Approval, Candidate, DomainMethod, PeerRequest, PeerStatus};
use registry_core::{query, verify};

use crate::owner::HOUR;
use crate::world::*;

fn candidate(peer: u16, key_name: u8) -> Candidate {
    let origin = proto_types::Origin::parse(&format!("https://peer{peer}.example")).unwrap();
    Candidate { origin, keys: vec![key(key_name)], recovery_keys: Vec::new(), founding: None }
}

fn request(peer: u16, key: u8, domain: bool) -> Command {
    Command::Peer(PeerCommand::Request(RequestEnrolment {
        candidate: candidate(peer, key),
        domain,
        source: None,
    }))
}

fn request_from(source: &str, peer: u16, key: u8) -> Command {
    let (candidate, source) = (candidate(peer, key), Some(source.to_owned()));
    Command::Peer(PeerCommand::Request(RequestEnrolment { candidate, domain: false, source }))
}

fn waiting(world: &World) -> Vec<PeerRequest> {
    query::peer_requests(&world.memory, None, 2_000).unwrap()
}

fn decide(request: &PeerRequest, approval: Option<Approval>) -> Command {
    let (origin, id) = (request.candidate.origin.clone(), request.id);
    Command::Peer(PeerCommand::Decide(DecideEnrolment { origin, id, approval }))
}

fn note(peer: u8, request: Option<&PeerRequest>, proven: Option<DomainMethod>) -> Command {
    let request = request.map(|request| request.id);
    Command::Peer(PeerCommand::NoteDomain(NoteDomain { origin: origin(peer), request, proven }))
}

#[test]
fn a_request_enrols_nobody_until_an_operator_says_so() {
    let mut world = World::new();
    world.done(&request(1, 1, false));
    world.done(&request(1, 1, false));
    world.done(&request(1, 2, false));
    assert_eq!(query::peer(&world.memory, &origin(1)).unwrap(), None);
    let requests = waiting(&world);
    assert_eq!(requests.len(), 2, "a repetition is the same request");
    let wanted = requests.iter().find(|it| it.candidate.keys[0].kid == kid(2)).unwrap();
    world.done(&decide(wanted, Some(Approval::Operator)));
    let peer = query::peer(&world.memory, &origin(1)).unwrap().unwrap();
    assert_eq!((peer.status, &peer.keys[0].kid), (PeerStatus::Active, &kid(2)));
    assert!(waiting(&world).is_empty(), "its rivals are forgotten");
    assert_eq!(world.refusal(&request(1, 3, false)), conflict("peer", origin(1)));
    world.done(&request(2, 1, false));
    let rejected = waiting(&world).remove(0);
    world.done(&decide(&rejected, None));
    assert!(waiting(&world).is_empty());
    assert_eq!(query::peer(&world.memory, &origin(2)).unwrap(), None);
}

#[test]
fn requests_are_bounded_and_forgotten_after_a_week() {
    let mut world = World::new();
    for name in 0..4 {
        world.done(&request(1, name, false));
    }
    assert_eq!(world.refusal(&request(1, 5, false)), full("requests of an origin", 4));
    for peer in 2..998 {
        world.done(&request(peer, 1, false));
    }
    assert_eq!(world.refusal(&request(998, 1, false)), full("requests to be enrolled", 1_000));
    let old = waiting(&world).remove(0);
    world.later(7 * DAY);
    let expired_ms = world.now.0;
    let late = world.refusal(&decide(&old, Some(Approval::Operator)));
    assert_eq!(late, Refusal::Expired { expired_ms });
    world.done(&request(998, 1, false));
    assert!(waiting(&world).len() <= 1_000 - 64 + 1, "void ones go as new ones come");
}

#[test]
fn a_host_lets_in_only_who_asked_for_it_and_raises_what_its_peer_signs() {
    let mut world = World::new();
    world.done(&request(1, 1, false));
    let unasked = waiting(&world).remove(0);
    let early = world.refusal(&note(1, Some(&unasked), Some(DomainMethod::Dns)));
    assert!(matches!(early, Refusal::Invalid { .. }), "{early:?}");
    world.done(&request(2, 2, true));
    let due = query::domains_due(&world.memory, world.now, 9).unwrap();
    assert_eq!((due.requests.len(), due.peers.len()), (1, 0), "the other did not ask for it");
    world.done(&note(2, Some(&due.requests[0]), Some(DomainMethod::WellKnown)));
    let worth = |world: &World, peer| {
        let owner = origin(peer);
        query::assurance(&world.memory, Some(&owner), Assurance::Enrolled).unwrap()
    };
    assert_eq!(worth(&world, 2), Assurance::DomainProven);
    let stand = |standing| {
        Command::Peer(PeerCommand::Stand(StandPeer { origin: origin(2), standing, reason: None }))
    };
    world.done(&stand(PeerStatus::Suspended));
    assert_eq!(worth(&world, 2), Assurance::SelfAsserted, "a suspended peer's word is marked");
    world.done(&stand(PeerStatus::Active));
    assert_eq!(worth(&world, 2), Assurance::DomainProven);
}

#[test]
fn a_proof_is_asked_for_again_daily_and_given_up_after_three_days_of_silence() {
    let mut world = World::new();
    world.done(&request(1, 1, true));
    let asked = waiting(&world).remove(0);
    world.done(&note(1, Some(&asked), Some(DomainMethod::Dns)));
    let due = |world: &World| query::domains_due(&world.memory, world.now, 9).unwrap().peers.len();
    assert_eq!(due(&world), 0);
    world.later(DAY);
    assert_eq!(due(&world), 1);
    world.done(&note(1, None, None));
    let proven =
        |world: &World| query::peer(&world.memory, &origin(1)).unwrap().unwrap().is_domain_proven();
    assert!(proven(&world) && due(&world) == 0, "one failure may be ours");
    world.later(2 * DAY);
    world.done(&note(1, None, None));
    assert!(proven(&world), "three days to the millisecond");
    let before = world.revision();
    world.later(HOUR);
    world.done(&note(1, None, None));
    assert!(!proven(&world));
    assert_eq!(world.revision().0, before.0 + 1, "its end is told");
    world.done(&note(1, None, Some(DomainMethod::Dns)));
    assert!(proven(&world));
}

#[test]
fn a_host_that_does_not_vouch_is_asked_ever_less_often_and_then_not_at_all() {
    let mut world = World::new();
    world.done(&request(1, 1, true));
    let mut asked = 0;
    for _ in 0..7 * 24 - 1 {
        for due in query::domains_due(&world.memory, world.now, 9).unwrap().requests {
            world.done(&note(1, Some(&due), None));
            asked += 1;
        }
        world.later(HOUR);
    }
    assert_eq!(asked, 8);
    assert_eq!(waiting(&world).len(), 1, "an operator may still decide it");
}

#[test]
fn requests_that_proved_nothing_never_keep_an_owner_out() {
    let mut world = World::new();
    for key in 1..5 {
        world.done(&request(1, key, true));
    }
    assert_eq!(world.refusal(&request(1, 9, true)), full("requests of an origin", 4));
    // The host is asked, and knows none of them.
    for asked in query::domains_due(&world.memory, world.now, 9).unwrap().requests {
        world.done(&note(1, Some(&asked), None));
    }
    world.done(&request(1, 9, true));
    let due = query::domains_due(&world.memory, world.now, 9).unwrap().requests;
    assert_eq!(due.len(), 1, "the owner's is asked about at once");
    world.done(&note(1, Some(&due[0]), Some(DomainMethod::Dns)));
    assert!(query::peer(&world.memory, &origin(1)).unwrap().is_some());
    assert!(waiting(&world).is_empty());
}

#[test]
fn requests_for_an_operator_and_for_hosts_never_fill_each_others_places() {
    let mut world = World::new();
    for peer in 1..1_001 {
        world.done(&request(peer, 1, false));
    }
    assert_eq!(world.refusal(&request(1_001, 1, false)), full("requests to be enrolled", 1_000));
    for peer in 1_001..2_001 {
        world.done(&request(peer, 1, true));
    }
    assert_eq!(world.refusal(&request(2_001, 1, true)), full("requests to be enrolled", 1_000));
    let asked = query::domains_due(&world.memory, world.now, 1).unwrap().requests.remove(0);
    let name = asked.candidate.origin.clone();
    let no =
        PeerCommand::NoteDomain(NoteDomain { origin: name, request: Some(asked.id), proven: None });
    world.done(&Command::Peer(no));
    world.done(&request(2_001, 1, true));
    assert_eq!(world.refusal(&request(2_002, 1, true)), full("requests to be enrolled", 1_000));
}

#[test]
fn a_hundred_addresses_that_fill_all_places_keep_no_owner_from_asking_an_operator() {
    let mut world = World::new();
    world.done(&request_from("198.51.100.1", 1, 1));
    for peer in 2..1_001 {
        world.done(&request_from(&format!("192.0.2.{}", peer % 100), peer, 1));
    }
    assert_eq!(waiting(&world).len(), 1_000);
    world.done(&request_from("198.51.100.2", 1_001, 1));
    // The flood goes on: it takes its own places only.
    for peer in 1_002..1_202 {
        world.say(&request_from(&format!("192.0.2.{}", peer % 100), peer, 1));
    }
    let requests = waiting(&world);
    assert_eq!(requests.len(), 1_000);
    for owner in [1, 1_001] {
        let honest = candidate(owner, 1);
        assert!(requests.iter().any(|request| request.candidate == honest), "{owner}");
    }
    assert!(verify::check(&world.memory).is_sound());
}

#[test]
fn of_the_requests_in_an_owners_name_the_newest_of_one_source_make_room_for_another() {
    let mut world = World::new();
    for key in 1..5 {
        world.later(1);
        world.done(&request_from("192.0.2.1", 1, key));
    }
    let full = full("requests of an origin", 4);
    assert_eq!(world.refusal(&request_from("192.0.2.1", 1, 5)), full, "its own do not");
    world.done(&request_from("198.51.100.1", 1, 6));
    let kids = |world: &World| {
        let kids = waiting(world).into_iter().map(|it| it.candidate.keys[0].kid.clone());
        kids.collect::<BTreeSet<_>>()
    };
    assert_eq!(kids(&world), BTreeSet::from([1, 2, 3, 6].map(kid)));
}

/// Caught: four addresses with one request each, of which none had so many that it made room.
#[test]
fn a_few_addresses_do_not_keep_an_owner_from_asking_an_operator() {
    let mut world = World::new();
    for key in 1..5 {
        world.later(1);
        world.done(&request_from(&format!("192.0.2.{key}"), 1, key));
    }
    world.later(1);
    world.done(&request_from("198.51.100.1", 1, 9));
    let kids = |world: &World| {
        let kids = waiting(world).into_iter().map(|it| it.candidate.keys[0].kid.clone());
        kids.collect::<BTreeSet<_>>()
    };
    assert_eq!(kids(&world), BTreeSet::from([2, 3, 4, 9].map(kid)), "the oldest made room");
    let full = full("requests of an origin", 4);
    assert_eq!(world.refusal(&request_from("192.0.2.2", 1, 10)), full, "it has a place");
    assert_eq!(world.refusal(&request(1, 11, false)), full, "nobody gives way to the unknown");
}

/// Caught: a stranger with three places, which took the owner's when the first look at its host had failed.
#[test]
fn a_request_whose_host_was_asked_gives_way_only_to_a_source_with_fewer_places() {
    let mut world = World::new();
    let from = |source: &str, key: u8| {
        let (candidate, source) = (candidate(1, key), Some(source.to_owned()));
        Command::Peer(PeerCommand::Request(RequestEnrolment { candidate, domain: true, source }))
    };
    let (owner, stranger, other) = ("198.51.100.1", "192.0.2.1", "192.0.2.2");
    world.done(&from(owner, 1));
    let asked = waiting(&world).remove(0);
    world.done(&note(1, Some(&asked), None));
    for (source, key) in [(stranger, 2), (stranger, 3), (other, 4)] {
        world.later(1);
        world.done(&from(source, key));
    }
    let kids = |world: &World| {
        let kids = waiting(world).into_iter().map(|it| it.candidate.keys[0].kid.clone());
        kids.collect::<BTreeSet<_>>()
    };
    let full = full("requests of an origin", 4);
    assert_eq!(world.refusal(&from(stranger, 5)), full);
    assert_eq!(world.refusal(&from(other, 6)), full, "it has as many as the owner");
    world.done(&from("192.0.2.3", 7));
    assert_eq!(kids(&world), BTreeSet::from([1, 2, 4, 7].map(kid)), "two of one source");
    world.done(&from("192.0.2.4", 8));
    assert_eq!(kids(&world), BTreeSet::from([2, 4, 7, 8].map(kid)), "one of each, one asked");
    assert_eq!(world.refusal(&from("192.0.2.5", 9)), full, "no host was asked about these");
    let asked = |world: &World| waiting(world).into_iter().find(|it| it.asked == 0).unwrap();
    world.done(&note(1, Some(&asked(&world)), None));
    world.done(&from("192.0.2.5", 9));
}
