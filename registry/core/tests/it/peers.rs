//! Enrolment, revocation, manifests and join tokens.

use proto_types::manifest::KeyUse;
use proto_types::{AnyKey, WallMs};
use registry_core::change::{Refusal, Reply};
use registry_core::command::{
    Command, EnrolPeer, IssueJoinToken, PeerCommand, PutBody, RevokePeer, StandPeer, StateManifest,
};
use registry_core::entry::{Approval, EnrolledKey, JoinRole, PeerStatus};
use registry_core::query;

use crate::world::*;

fn manifest(seq: u64, body: u8, signed_by: &[u8], keys: &[u8], prev: Option<u8>) -> Command {
    Command::Peer(PeerCommand::State(StateManifest {
        issuer: origin(0),
        seq,
        prev: prev.map(digest),
        digest: digest(body),
        expires_at: START.plus_ms(DAY),
        signed_by: signed_by.iter().map(|name| kid(*name)).collect(),
        keys: keys.iter().map(|name| key(*name)).collect(),
        document: digest(body),
        recovery_keys: Vec::new(),
    }))
}

/// The key of RFC 7515, appendix A.3, under a name.
fn es256(name: u8, usage: KeyUse) -> EnrolledKey {
    let x = "7fcdce2770f6c45d4183cbee6fdb4b7b580733357be9ef13bacf6e3c7bd15445";
    let y = "c7f144cd1bbd9b7e872cdfedb9eeb9f4b3695d6ea90b24ad8a4623288588e5ad";
    let public_key = AnyKey::from_hex(&format!("04{x}{y}")).unwrap();
    EnrolledKey { public_key, usage, ..key(name) }
}

#[test]
fn an_es256_key_is_a_peers_for_cards_alone_and_one_peers_only() {
    let mut world = World::populated();
    let with = |peer, keys| {
        let approval = Approval::Operator;
        Command::EnrolPeer(EnrolPeer { origin: origin(peer), keys, approval })
    };
    let signs = with(1, vec![key(1), es256(2, KeyUse::Signing)]);
    assert!(matches!(world.refusal(&signs), Refusal::Invalid { .. }));
    let alone = with(1, vec![es256(2, KeyUse::Card)]);
    assert!(matches!(world.refusal(&alone), Refusal::Invalid { .. }), "nothing signs");
    world.done(&with(1, vec![key(1), es256(2, KeyUse::Card)]));
    let second = with(2, vec![key(3), es256(4, KeyUse::Card)]);
    assert_eq!(world.refusal(&second), conflict("key", kid(4)));

    let mut card = put_card(1, 1);
    let Command::PutCard(put) = &mut card else { unreachable!() };
    put.owner = Some((origin(1), kid(2)));
    world.done(&card);
    let unfit = Refusal::KeyNotEnrolled { origin: origin(1), kid: "key-2".into() };
    assert_eq!(world.refusal(&put_record(2, 2, START, Some((1, 2)))), unfit);
    let peer = query::peer(&world.memory, &origin(1)).unwrap().unwrap();
    assert_eq!(peer.signing_key(&kid(2), START), None);
    assert!(peer.signing_key(&kid(1), START).is_some());
}

#[test]
fn a_repeated_enrolment_is_the_first_one_and_other_keys_conflict() {
    let mut world = World::new();
    let first = world.revision_of(&enrol(1, &[1, 2], Approval::Operator));
    assert_eq!(world.revision_of(&enrol(1, &[1, 2], Approval::Operator)), first);
    let other = world.refusal(&enrol(1, &[3], Approval::Operator));
    assert_eq!(other, conflict("peer", origin(1)));
}

#[test]
fn keys_are_1_to_16_and_none_counts_twice() {
    let mut world = World::new();
    let many: Vec<u8> = (0..17).collect();
    assert_eq!(world.refusal(&enrol(1, &many, Approval::Operator)), full("keys", 16));
    let same_kid = vec![key(1), EnrolledKey { kid: kid(1), ..key(2) }];
    let same_key = vec![key(1), EnrolledKey { kid: kid(2), ..key(1) }];
    for keys in [vec![], same_kid, same_key] {
        let command =
            Command::EnrolPeer(EnrolPeer { origin: origin(1), keys, approval: Approval::Operator });
        assert!(matches!(world.refusal(&command), Refusal::Invalid { .. }), "{command:?}");
    }
    world.done(&enrol(1, &many[..16], Approval::Operator));
}

#[test]
fn a_join_token_admits_one_peer_of_its_role_until_it_expires() {
    let mut world = World::new();
    world.done(&issue(1, JoinRole::Peer));
    world.done(&issue(2, JoinRole::Node));
    let by = |token| Approval::JoinToken(digest(token));
    for wrong in [2, 3] {
        assert_eq!(world.refusal(&enrol(1, &[1], by(wrong))), Refusal::JoinTokenInvalid);
    }
    world.done(&enrol(1, &[1], by(1)));
    assert_eq!(world.refusal(&enrol(2, &[2], by(1))), Refusal::JoinTokenInvalid);
    // Its repetition is known and spends nothing; a repeated issue does not bring the token back.
    world.done(&enrol(1, &[1], by(1)));
    world.done(&issue(1, JoinRole::Peer));
    assert_eq!(world.refusal(&enrol(2, &[2], by(1))), Refusal::JoinTokenInvalid);

    world.done(&issue(4, JoinRole::Peer));
    world.later(DAY);
    assert_eq!(world.refusal(&enrol(2, &[2], by(4))), Refusal::JoinTokenInvalid);
}

#[test]
fn a_join_token_lives_30_days_at_most_and_is_forgotten_once_void() {
    let mut world = World::new();
    let issue_until = |hash, expires_at| {
        Command::IssueJoinToken(IssueJoinToken {
            hash: digest(hash),
            role: JoinRole::Peer,
            expires_at,
        })
    };
    let late = world.refusal(&issue_until(1, START.plus_ms(30 * DAY + 1)));
    let (what, ahead_ms_max) = ("expires_at".into(), 30 * DAY);
    assert_eq!(late, Refusal::TooFarAhead { what, ahead_ms: 30 * DAY + 1, ahead_ms_max });
    let past = world.refusal(&issue_until(1, START));
    assert_eq!(past, Refusal::Expired { expired_ms: START.0 });

    world.done(&issue_until(1, START.plus_ms(1_000)));
    let other = world.refusal(&issue_until(1, START.plus_ms(2_000)));
    assert_eq!(other, conflict("join-token", digest(1)));
    world.later(1_000).done(&issue_until(2, START.plus_ms(30 * DAY)));
    assert_eq!(query::join_token(&world.memory, &digest(1)).unwrap(), None);
}

#[test]
fn a_revoked_peer_stays_revoked() {
    let mut world = World::populated();
    let revoke = Command::RevokePeer(RevokePeer { origin: origin(0) });
    let first = world.revision_of(&revoke);
    assert_eq!(world.revision_of(&revoke), first);
    let again = world.refusal(&enrol(0, &[0], Approval::Operator));
    assert_eq!(again, conflict("peer", origin(0)));
    let refused = world.refusal(&manifest(1, 1, &[0], &[0], None));
    let kid = "key-0".to_owned();
    assert_eq!(refused, Refusal::KeyNotEnrolled { origin: origin(0), kid });
    let peer = query::peer(&world.memory, &origin(0)).unwrap().unwrap();
    assert_eq!((peer.status, peer.revision), (PeerStatus::Revoked, first));
    let unknown = world.refusal(&Command::RevokePeer(RevokePeer { origin: origin(7) }));
    assert_eq!(unknown, not_found("peer", origin(7)));
}

#[test]
fn a_manifest_replaces_the_keys_and_its_sequence_rises() {
    let mut world = World::populated();
    let first = world.revision_of(&manifest(5, 1, &[0], &[1], Some(3)));
    assert_eq!(world.revision_of(&manifest(5, 1, &[0], &[1], Some(3))), first);
    let rolled = |seq| Refusal::SequenceNotHigher { issuer: origin(0), kept: 5, offered: seq };
    assert_eq!(world.refusal(&manifest(5, 2, &[1], &[1], None)), rolled(5));
    assert_eq!(world.refusal(&manifest(4, 2, &[1], &[1], None)), rolled(4));
    let kid = "key-0".to_owned();
    let rotated = world.refusal(&manifest(6, 2, &[1, 0], &[1], None));
    assert_eq!(rotated, Refusal::KeyNotEnrolled { origin: origin(0), kid });
    world.done(&manifest(7, 2, &[1], &[1, 2], Some(3)));
    let peer = query::peer(&world.memory, &origin(0)).unwrap().unwrap();
    assert_eq!(peer.keys, [key(1), key(2)]);
}

#[test]
fn a_key_belongs_to_the_first_peer_that_it_joined_until_that_one_has_left() {
    let mut world = World::populated();
    world.done(&enrol(1, &[1], Approval::Operator));
    let taken = conflict("key", kid(1));
    assert_eq!(world.refusal(&enrol(2, &[1], Approval::Operator)), taken);
    assert_eq!(world.refusal(&enrol(2, &[2, 1], Approval::Operator)), taken);
    assert_eq!(world.refusal(&manifest(1, 1, &[0], &[0, 1], None)), taken);
    // What a peer has given up is nobody else's, revoked or not.
    world.done(&manifest(1, 1, &[0], &[3], None));
    assert_eq!(world.refusal(&enrol(2, &[0], Approval::Operator)), conflict("key", kid(0)));
    let stand = |standing| {
        let (origin, reason) = (origin(1), None);
        Command::Peer(PeerCommand::Stand(StandPeer { origin, standing, reason }))
    };
    world.done(&stand(PeerStatus::Revoked));
    assert_eq!(world.refusal(&enrol(2, &[1], Approval::Operator)), taken);
    world.done(&stand(PeerStatus::Tombstoned));
    world.done(&enrol(2, &[1], Approval::Operator));
}

/// Caught: the keys that a peer had when it left, which it got back unlooked at.
#[test]
fn a_peer_that_returns_gets_no_key_that_is_another_peers_by_now() {
    let mut world = World::new();
    let with = |peer, keys: &[EnrolledKey]| {
        let (origin, keys, approval) = (origin(peer), keys.to_vec(), Approval::Operator);
        Command::EnrolPeer(EnrolPeer { origin, keys, approval })
    };
    let stand = |standing| {
        let (origin, reason) = (origin(1), None);
        Command::Peer(PeerCommand::Stand(StandPeer { origin, standing, reason }))
    };
    let had = [key(1), key(2), es256(3, KeyUse::Card)];
    world.done(&with(1, &had));
    world.done(&stand(PeerStatus::Tombstoned));
    world.done(&with(2, &[key(1), es256(3, KeyUse::Card)]));
    assert_eq!(world.refusal(&with(1, &had)), conflict("key", kid(1)));
    let card = with(1, &[key(2), es256(3, KeyUse::Card)]);
    assert_eq!(world.refusal(&card), conflict("key", kid(3)));
    world.done(&with(1, &had[1..2]));
    assert_eq!(world.refusal(&with(3, &[key(2)])), conflict("key", kid(2)), "its own again");
}

#[test]
fn a_manifest_that_forks_expired_or_names_no_body_is_refused() {
    let mut world = World::populated();
    world.done(&manifest(1, 1, &[0], &[0], None));
    let fork = world.refusal(&manifest(2, 2, &[0], &[0], Some(3)));
    assert_eq!(fork, conflict("manifest", origin(0)));
    let bodiless = world.refusal(&manifest(2, 99, &[0], &[0], Some(1)));
    assert_eq!(bodiless, not_found("body", digest(99)));
    assert!(matches!(world.refusal(&manifest(2, 2, &[], &[0], None)), Refusal::Invalid { .. }));
    world.later(DAY);
    let late = world.refusal(&manifest(2, 2, &[0], &[0], Some(1)));
    assert_eq!(late, Refusal::Expired { expired_ms: START.0 + DAY });
}

#[test]
fn a_body_is_at_most_a_mebibyte_and_stored_once() {
    let mut world = World::new();
    let large = Command::PutBody(PutBody { bytes: vec![0; (1 << 20) + 1] });
    assert_eq!(world.refusal(&large), full("bytes of a body", 1 << 20));
    let just = vec![0; 1 << 20];
    let stored = Reply::Stored(proto_types::Digest::of(&just));
    assert_eq!(world.done(&Command::PutBody(PutBody { bytes: just.clone() })), stored);
    let before = world.memory.clone();
    world.later(1);
    assert_eq!(world.done(&Command::PutBody(PutBody { bytes: just })), stored);
    assert_eq!(world.memory, before);
    assert_eq!(world.revision(), proto_types::Revision(0));
}

#[test]
fn the_clock_never_goes_back() {
    let mut world = World::new();
    world.done(&put_body(1));
    assert_eq!(query::clock(&world.memory).unwrap(), START);
    world.now = START.minus_ms(MINUTE);
    world.done(&put_body(2));
    assert_eq!(query::clock(&world.memory).unwrap(), START);
    world.now = WallMs(START.0 + 5);
    world.done(&put_body(3));
    assert_eq!(query::clock(&world.memory).unwrap(), world.now);
}
