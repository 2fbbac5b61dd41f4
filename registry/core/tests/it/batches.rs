//! Many proposals in one log entry.

use proptest::prelude::*;
use proto_types::{Revision, Stamp};
use registry_core::change::{Refusal, Reply};
use registry_core::command::Proposal;
use registry_core::view::Memory;
use registry_core::{apply, apply_batch, query};

use crate::commands::any_log;
use crate::world::*;

fn batch(memory: &Memory, proposals: &[Proposal]) -> registry_core::BatchChange {
    apply_batch(memory, Stamp { now: START }, proposals).unwrap()
}

#[test]
fn later_commands_see_what_earlier_ones_wrote() {
    let deadline = START.plus_ms(DAY);
    let deploy = Proposal { commands: vec![put_body(0), put_agent(0)] };
    let submit = Proposal { commands: vec![put_body(1), submit(1, 1, deadline)] };
    let mut memory = Memory::default();
    let change = batch(&memory, &[deploy, submit]);
    assert!(!change.replies.iter().flatten().any(|reply| matches!(reply, Reply::Refused(_))));
    assert_eq!((change.revision, change.effects.len()), (Revision(2), 1));
    memory.commit(&change.writes);
    assert_eq!(query::pending_tasks(&memory, 9).unwrap().len(), 1);
    assert_eq!(query::revision(&memory).unwrap(), Revision(2));
}

#[test]
fn a_refused_command_takes_its_whole_proposal_with_it_and_no_other() {
    let commands = vec![put_body(0), put_agent(0), assign(1, 0), put_body(1)];
    let refused = Proposal { commands };
    let accepted = Proposal { commands: vec![put_body(2)] };
    let memory = Memory::default();
    let change = batch(&memory, &[refused, accepted.clone()]);
    let missing = Reply::Refused(not_found("task", task_id(1)));
    let tried = vec![Reply::Stored(digest(0)), Reply::Done(Revision(1)), missing];
    assert_eq!(change.replies, [tried, vec![Reply::Stored(digest(2))]]);
    assert_eq!(change.revision, Revision(0));
    assert_eq!(change.writes, batch(&memory, &[accepted]).writes);
}

#[test]
fn a_proposal_has_at_most_16_commands() {
    let of = |count| Proposal { commands: vec![put_body(0); count] };
    let change = batch(&Memory::default(), &[of(17)]);
    let refusal = Refusal::Full { what: "commands of a proposal".into(), bound: 16, share: false };
    assert_eq!(change.replies, [[Reply::Refused(refusal)]]);
    assert_eq!(change.writes, []);
    assert_eq!(batch(&Memory::default(), &[of(16), of(0)]).replies[1], []);
}

#[test]
fn a_batch_that_changes_nothing_writes_nothing() {
    let mut world = World::populated();
    world.later(MINUTE);
    for command in
        [put_body(0), put_agent(0), node_state(0, registry_core::entry::NodeState::Joined)]
    {
        let change = apply(&world.memory, Stamp { now: world.now }, &command).unwrap();
        assert_eq!(change.writes, [], "{command:?}");
    }
}

proptest! {
    /// Caught: a draft that starts at the revision before the batch.
    #[test]
    fn a_batch_is_its_proposals_one_after_the_other(log in any_log()) {
        let (mut whole, mut single) = (Memory::default(), Memory::default());
        for (stamp, proposals) in log {
            let change = apply_batch(&whole, stamp, &proposals).unwrap();
            whole.commit(&change.writes);
            let (mut replies, mut effects) = (Vec::new(), Vec::new());
            for proposal in proposals {
                let change = apply_batch(&single, stamp, std::slice::from_ref(&proposal)).unwrap();
                if let [command] = proposal.commands.as_slice() {
                    let alone = apply(&single, stamp, command).unwrap();
                    prop_assert_eq!(&alone.writes, &change.writes);
                    prop_assert_eq!(&alone.effects, &change.effects);
                    prop_assert_eq!(&[alone.reply], change.replies[0].as_slice());
                }
                single.commit(&change.writes);
                replies.extend(change.replies);
                effects.extend(change.effects);
            }
            prop_assert_eq!(change.replies, replies);
            prop_assert_eq!(change.effects, effects);
            prop_assert_eq!(&whole, &single);
        }
    }

    #[test]
    fn a_refused_proposal_leaves_no_trace_in_its_batch(log in any_log()) {
        let mut memory = Memory::default();
        for (stamp, proposals) in log {
            let change = apply_batch(&memory, stamp, &proposals).unwrap();
            let pairs = proposals.into_iter().zip(&change.replies);
            let accepted =
                pairs.filter(|(_, replies)| !matches!(replies.last(), Some(Reply::Refused(_))));
            let (accepted, replies): (Vec<Proposal>, Vec<_>) = accepted.unzip();
            let alone = apply_batch(&memory, stamp, &accepted).unwrap();
            prop_assert_eq!(&alone.writes, &change.writes);
            prop_assert_eq!(&alone.effects, &change.effects);
            prop_assert_eq!(alone.replies.iter().collect::<Vec<_>>(), replies);
            prop_assert_eq!(alone.revision, change.revision);
            memory.commit(&change.writes);
        }
    }
}
