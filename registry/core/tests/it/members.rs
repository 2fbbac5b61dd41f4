//! Numbers of cluster members: who may join, and who never again.

use registry_core::change::Refusal;
use registry_core::command::{AdmitMember, Command, RetireMember};
use registry_core::entry::JoinRole;
use registry_core::query;

use crate::world::*;

fn admit(id: u64, address: &str, join: Option<u8>) -> Command {
    Command::AdmitMember(AdmitMember { id, address: address.to_owned(), join: join.map(digest) })
}

#[test]
fn a_token_admits_one_member_and_repeating_it_is_no_error() {
    let world = &mut World::new();
    world.done(&issue(1, JoinRole::Registry));
    world.done(&issue(2, JoinRole::Node));
    assert_eq!(world.refusal(&admit(4, "http://a", Some(2))), Refusal::JoinTokenInvalid);
    world.done(&admit(4, "http://a", Some(1)));
    world.done(&admit(4, "http://a", Some(1)));
    assert_eq!(world.refusal(&admit(5, "http://b", Some(1))), Refusal::JoinTokenInvalid);
    assert_eq!(world.refusal(&admit(4, "http://a", Some(3))), Refusal::JoinTokenInvalid);
    assert_eq!(query::member(&world.memory, 4).unwrap().unwrap().address, "http://a");
}

#[test]
fn a_number_moves_by_the_operators_word_alone() {
    let world = &mut World::new();
    world.done(&issue(1, JoinRole::Registry));
    world.done(&admit(4, "http://a", None));
    assert!(matches!(world.refusal(&admit(4, "http://b", Some(1))), Refusal::Conflict { .. }));
    world.done(&admit(4, "http://b", None));
    assert_eq!(query::member(&world.memory, 4).unwrap().unwrap().address, "http://b");
}

#[test]
fn a_retired_number_is_never_used_again() {
    let world = &mut World::new();
    world.done(&admit(4, "http://a", None));
    for id in [4, 1] {
        world.done(&Command::RetireMember(RetireMember { id }));
        world.done(&Command::RetireMember(RetireMember { id }));
        assert!(matches!(world.refusal(&admit(id, "http://a", None)), Refusal::Invalid { .. }));
        assert!(query::member(&world.memory, id).unwrap().unwrap().retired);
    }
    assert!(matches!(world.refusal(&admit(0, "http://a", None)), Refusal::Invalid { .. }));
}
