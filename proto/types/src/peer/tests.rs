//! Which operations make sense, who must have signed them, and what a line's digest covers.

#![expect(clippy::unwrap_used, reason = "tests")]

use super::operation::Error;
use super::*;
use crate::id::Kid;
use crate::key::p256::tests::Secret;
use crate::key::{SecretKey, Signer};
use crate::life::{LifeError, SKEW_MS};
use crate::manifest::{KeyUse, ManifestKey, RecoveryKey};
use crate::signed::{Error as SignedError, Signed};
use crate::{Digest, Origin, WallMs};

const NOW: WallMs = WallMs(1_774_008_000_000);

fn kid(name: &str) -> Kid {
    Kid::parse(name).unwrap()
}

fn secret(seed: u8) -> SecretKey {
    SecretKey::from_seed(&[seed; 32])
}

fn signing(name: &str, seed: u8) -> ManifestKey {
    ManifestKey {
        kid: kid(name),
        public_key: secret(seed).public().into(),
        usage: KeyUse::Signing,
        not_before: NOW.minus_ms(1),
        not_after: NOW.plus_ms(1_000),
    }
}

fn operation(action: Action) -> PeerOperation {
    PeerOperation {
        issuer: Origin::parse("https://a.example").unwrap(),
        epoch: 0,
        seq: 1,
        issued_at: NOW,
        expires_at: NOW.plus_ms(1_000),
        prev: None,
        action,
    }
}

fn signed(action: Action, keys: &[(&str, u8)]) -> Signed<PeerOperation> {
    let secrets: Vec<_> = keys.iter().map(|(name, seed)| (kid(name), secret(*seed))).collect();
    let named: Vec<_> = secrets.iter().map(|(kid, key)| (kid.clone(), key)).collect();
    Signed::sign(operation(action), &named).unwrap()
}

/// `k1` of seed 1 signs, `r1` of seed 9 recovers.
fn keys() -> KeySet {
    let recovery = vec![RecoveryKey { kid: kid("r1"), public_key: secret(9).public() }];
    KeySet { keys: vec![EnrolledKey::from(&signing("k1", 1))], recovery }
}

#[test]
fn an_operation_makes_sense_on_its_own_or_says_what_is_wrong() {
    let check = |change: &dyn Fn(&mut PeerOperation)| {
        let mut operation = operation(Action::Resume {});
        change(&mut operation);
        operation.check(NOW)
    };
    assert_eq!(check(&|_| {}), Ok(()));
    assert_eq!(check(&|it| it.seq = 0), Err(Error::Seq { seq: 0 }));
    assert_eq!(check(&|it| it.epoch = 1 << 53), Err(Error::Seq { seq: 1 }));
    assert_eq!(check(&|it| it.seq = 2), Err(Error::Prev));
    assert_eq!(check(&|it| it.prev = Some(Digest::of(b""))), Err(Error::Prev));
    assert_eq!(
        check(&|it| it.expires_at = it.issued_at),
        Err(Error::Life(LifeError::Span { life_ms: 0, max_ms: operation::LIFE_MS_MAX }))
    );
    let life_ms = operation::LIFE_MS_MAX + 1;
    assert_eq!(
        check(&|it| it.expires_at = NOW.plus_ms(life_ms)),
        Err(Error::Life(LifeError::Span { life_ms, max_ms: operation::LIFE_MS_MAX }))
    );
    let issued_at = NOW.plus_ms(SKEW_MS + 1);
    let future = check(&|it| (it.issued_at, it.expires_at) = (issued_at, issued_at.plus_ms(1)));
    assert_eq!(future, Err(Error::Life(LifeError::Future { issued_at })));
    let past = check(&|it| (it.issued_at, it.expires_at) = (NOW.minus_ms(5), NOW));
    assert_eq!(past, Err(Error::Life(LifeError::Expired { expires_at: NOW })));
    let reason = Some("a\nb".to_owned());
    let broken = check(&|it| it.action = Action::Suspend { reason: reason.clone() });
    assert_eq!(broken, Err(Error::Reason));
    let none = check(&|it| it.action = Action::Delegate { keys: vec![] });
    assert_eq!(none, Err(Error::Count { list: "keys", len: 0 }));
}

#[test]
fn a_key_joins_only_if_it_has_signed_beside_one_that_counts() {
    let add = |name: &str, seed| Action::Rotate { add: vec![signing(name, seed)], retire: vec![] };
    let checked = |action, by: &[(&str, u8)]| {
        replay::checked(signed(action, by), &keys(), false, NOW).map(drop)
    };
    assert!(checked(add("k2", 2), &[("k1", 1), ("k2", 2)]).is_ok());
    let unproven = checked(add("k2", 2), &[("k1", 1)]);
    assert!(matches!(unproven, Err(replay::Error::Possession)));
    let alone = checked(add("k2", 2), &[("k2", 2)]);
    let nobody = SignedError::Threshold { found: 0, needed: 1 };
    assert!(matches!(alone, Err(replay::Error::Signed(error)) if error == nobody));
    // Another key behind the name of the one that counts has proven nothing.
    let hidden = checked(add("k1", 2), &[("k1", 1)]);
    assert!(matches!(hidden, Err(replay::Error::Possession)));
    let recovering = checked(add("k2", 2), &[("r1", 9), ("k2", 2)]);
    assert!(matches!(recovering, Err(replay::Error::Signed(_))), "a recovery key only recovers");
    let late = NOW.plus_ms(1_000);
    let ended = replay::checked(signed(Action::Resume {}, &[("k1", 1)]), &keys(), false, late);
    assert!(matches!(ended, Err(replay::Error::Signed(_))), "the key has ended");
}

#[test]
fn a_recovery_key_joins_only_if_it_has_signed_too_but_in_a_log_from_before() {
    let named =
        |name: &str, seed| RecoveryKey { kid: kid(name), public_key: secret(seed).public() };
    let recover = |recovery_keys: Vec<RecoveryKey>, by: &[(&str, u8)]| {
        let (after, keys) = (Digest::of(b"a line"), vec![signing("k1", 1)]);
        signed(Action::Recover { after, keys, recovery_keys }, by)
    };
    let joins = |document: &Signed<PeerOperation>| {
        let new = keys().unproven(document.unverified().action.recovery_keys());
        possession::all_signed(document, &new)
    };
    let stays = recover(vec![named("r1", 9)], &[("r1", 9)]);
    assert_eq!(joins(&stays), Ok(()), "it has proved itself when it joined");
    let both = || vec![named("r1", 9), named("r2", 8)];
    assert_eq!(joins(&recover(both(), &[("r1", 9), ("r2", 8)])), Ok(()));
    let unproven = recover(both(), &[("r1", 9)]);
    assert_eq!(joins(&unproven), Err(possession::Error::Missing));
    assert!(replay::checked(unproven, &keys(), true, NOW).is_ok(), "a log of an earlier version");
    // Another key behind the name of the one that recovers has proven nothing.
    let hidden = recover(vec![named("r1", 8)], &[("r1", 9)]);
    let forged = SignedError::BadSignature { kid: kid("r1") };
    assert_eq!(joins(&hidden), Err(forged.into()));
}

#[test]
fn an_es256_key_joins_for_cards_alone_and_has_signed_the_joining() {
    let (own, card) = (secret(1), Secret::fresh());
    let key = |usage| ManifestKey { public_key: card.public(), usage, ..signing("k2", 1) };
    let delegate = || Action::Delegate { keys: vec![key(KeyUse::Card)] };
    let first = (kid("k1"), &own as &dyn Signer);
    let second = (kid("k2"), &card as &dyn Signer);
    let both = [first.clone(), second.clone()];
    let judge = |action, by: &[(Kid, &dyn Signer)], keys: &KeySet| {
        let signed = Signed::sign(operation(action), by).unwrap();
        replay::checked(signed, keys, false, NOW).map(drop)
    };
    assert!(judge(delegate(), &both, &keys()).is_ok());
    let unproven = judge(delegate(), &both[..1], &keys());
    assert!(matches!(unproven, Err(replay::Error::Possession)));
    let other = [first, (kid("k2"), &own as &dyn Signer)];
    let forged = judge(delegate(), &other, &keys());
    let bad = SignedError::BadSignature { kid: kid("k2") };
    assert!(matches!(forged, Err(replay::Error::Signed(error)) if error == bad));

    let before = PeerState::enrolled(keys(), None, NOW).unwrap();
    let becomes = |action| before.operated(&operation(action), Digest::of(b""), NOW);
    let joined = becomes(delegate()).unwrap();
    assert!(joined.keys.holds(&card.public()));
    assert_eq!(joined.keys.signing(&kid("k2"), NOW), None);
    let alone = judge(Action::Resume {}, &[second], &joined.keys);
    let nobody = SignedError::Threshold { found: 0, needed: 1 };
    assert!(matches!(alone, Err(replay::Error::Signed(error)) if error == nobody));
    let add = vec![key(KeyUse::Signing)];
    let refused = becomes(Action::Rotate { add, retire: vec![] });
    assert_eq!(refused, Err(Fault::Keys(KeyFault::Algorithm { kid: kid("k2") })));
}

#[test]
fn case_13_a_key_set_counts_no_key_twice_under_any_name_or_use() {
    assert_eq!(keys().check(), Ok(()));
    let twice = |change: &dyn Fn(&mut KeySet)| {
        let mut set = keys();
        change(&mut set);
        matches!(set.check(), Err(KeyFault::Twice { .. }))
    };
    assert!(twice(&|set| set.keys.push(EnrolledKey::from(&signing("k2", 1)))));
    assert!(twice(&|set| set.keys.push(EnrolledKey::from(&signing("k1", 2)))));
    assert!(twice(&|set| set.recovery[0].public_key = secret(1).public()));
    assert!(twice(&|set| set.recovery[0].kid = kid("k1")));
}

#[test]
fn a_lines_digest_covers_every_member_and_reads_back() {
    let line = LogEntry {
        origin: Origin::parse("https://a.example").unwrap(),
        index: 2,
        prev: Some(Digest::of(b"1")),
        at: NOW,
        actor: Actor::Operator,
        act: Act::Standing { standing: PeerStatus::Suspended, reason: None },
    };
    let changed = |change: &dyn Fn(&mut LogEntry)| {
        let mut other = line.clone();
        change(&mut other);
        other.digest() != line.digest()
    };
    assert!(changed(&|it| it.index = 3));
    assert!(changed(&|it| it.prev = None));
    assert!(changed(&|it| it.at = NOW.plus_ms(1)));
    assert!(changed(&|it| it.actor = Actor::Owner));
    assert!(changed(&|it| it.origin = Origin::parse("https://b.example").unwrap()));
    assert!(changed(&|it| it.act = Act::DomainLost {}));
    let text = serde_json::to_string(&line).unwrap();
    assert_eq!(serde_json::from_str::<LogEntry>(&text).unwrap().digest(), line.digest());
    assert!(
        serde_json::from_str::<LogEntry>(&text.replace("\"index\"", "\"more\":1,\"index\""))
            .is_err()
    );
}
