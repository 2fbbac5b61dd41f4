//! Policies of calls: kept with their text, told to watchers, bounded alone and together.

use proto_types::policy::{POLICIES_BYTES_MAX, POLICIES_MAX, POLICY_BYTES_MAX};
use proto_types::{Digest, PolicyName, Revision};
use registry_core::administrative;
use registry_core::change::Refusal;
use registry_core::command::{
    Command, DeletePolicy, FleetCommand, Precondition, PutBody, PutPolicy, Versioned, Versions,
};
use registry_core::entry::{ChangeKind, PolicyEntry};
use registry_core::query;
use registry_core::verify::check;

use crate::world::*;

fn policy_name(name: u32) -> PolicyName {
    PolicyName::parse(&format!("policy-{name}")).unwrap()
}

fn put(name: u32, digest: Digest) -> Command {
    FleetCommand::PutPolicy(PutPolicy { name: policy_name(name), digest }).into()
}

fn delete(name: u32) -> Command {
    FleetCommand::DeletePolicy(DeletePolicy { name: policy_name(name) }).into()
}

/// Stores a text of this length that no other name has.
fn text(world: &mut World, name: u32, len: usize) -> Digest {
    let mut bytes = vec![b' '; len];
    let own = name.to_be_bytes();
    bytes[..own.len().min(len)].copy_from_slice(&own[..own.len().min(len)]);
    let digest = Digest::of(&bytes);
    world.done(&Command::PutBody(PutBody { bytes }));
    digest
}

fn is_full(refusal: &Refusal, of: &str) -> bool {
    matches!(refusal, Refusal::Full { what, .. } if what == of)
}

#[test]
fn a_policy_is_kept_until_it_is_deleted_and_each_change_of_it_is_told() {
    let mut world = World::populated();
    let first = world.revision_of(&put(1, digest(1)));
    assert_eq!(world.revision_of(&put(1, digest(1))), first, "the same again is no change");
    let second = world.revision_of(&put(1, digest(2)));
    assert!(first < second);
    let kept = query::policy(&world.memory, &policy_name(1)).unwrap().unwrap();
    let (name, revision) = (policy_name(1), second);
    assert_eq!(kept, PolicyEntry { name, digest: digest(2), bytes: 3, revision });
    assert_eq!(world.refusal(&put(2, digest(99))), not_found("body", digest(99)));
    assert!(check(&world.memory).is_sound(), "{:?}", check(&world.memory));
    world.done(&delete(1));
    assert_eq!(world.refusal(&delete(1)), not_found("policy", policy_name(1)));
    assert_eq!(query::policies(&world.memory).unwrap(), []);
    let told = query::changes(&world.memory, Revision(first.0 - 1), 9).unwrap();
    let told: Vec<_> = told.iter().map(|it| (it.kind, &*it.id, it.deleted)).collect();
    let line = |deleted| (ChangeKind::Policy, "policy-1", deleted);
    assert_eq!(told, [line(false), line(false), line(true)]);
    assert!(check(&world.memory).is_sound(), "{:?}", check(&world.memory));
}

#[test]
fn a_condition_on_a_policy_is_on_its_text() {
    let mut world = World::populated();
    let require = |of: Versions| {
        let subject = Versioned::Policy(policy_name(1));
        Command::Require(Precondition { subject, if_match: Some(of), if_none_match: None })
    };
    let failed = |stored| Refusal::PreconditionFailed { stored };
    assert_eq!(world.refusal(&require(Versions::Any)), failed(None));
    world.done(&put(1, digest(1)));
    world.done(&require(Versions::OneOf(vec![digest(1)])));
    let other = require(Versions::OneOf(vec![digest(2)]));
    assert_eq!(world.refusal(&other), failed(Some(digest(1))));
}

#[test]
fn there_are_at_most_256_policies_and_changing_one_takes_no_further_place() {
    let mut world = World::populated();
    let most = u32::try_from(POLICIES_MAX).unwrap();
    for name in 0..most {
        world.done(&put(name, digest(1)));
    }
    assert!(is_full(&world.refusal(&put(most, digest(1))), "policies"));
    world.done(&put(0, digest(2)));
    world.done(&delete(0));
    world.done(&put(most, digest(1)));
    assert_eq!(query::policies(&world.memory).unwrap().len(), POLICIES_MAX);
}

#[test]
fn a_policy_has_at_most_64_kib_and_all_of_them_a_mib() {
    let mut world = World::populated();
    let long = text(&mut world, 0, POLICY_BYTES_MAX + 1);
    assert!(is_full(&world.refusal(&put(0, long)), "bytes of a policy"));
    let whole = u32::try_from(POLICIES_BYTES_MAX / POLICY_BYTES_MAX).unwrap();
    for name in 0..whole {
        let digest = text(&mut world, name, POLICY_BYTES_MAX);
        world.done(&put(name, digest));
    }
    assert!(is_full(&world.refusal(&put(whole, digest(1))), "bytes of all policies"));
    let shorter = text(&mut world, 0, POLICY_BYTES_MAX - 3);
    world.done(&put(0, shorter));
    world.done(&put(whole, digest(1)));
}

#[test]
fn the_audit_keeps_who_changed_which_policy() {
    assert_eq!(administrative::act(&put(1, digest(1))), Some(("put-policy", "policy-1".into())));
    assert_eq!(administrative::act(&delete(1)), Some(("delete-policy", "policy-1".into())));
}
