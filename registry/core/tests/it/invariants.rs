//! What holds of every state and between any two that follow each other, whatever the log says.
//! A witness that knows only commands, replies and entries watches the state machine; it shares no
//! code with it but the reads.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use proto_types::{Digest, EnvelopeId, LeaseEpoch, Namespace, Revision, WallMs};
use registry_core::change::{Reply, Spent};
use registry_core::command::{
    Command, FleetCommand, HearNode, Proposal, RegisterNode, SetNodeState, SubmitTask,
};
use registry_core::entry::{
    ChangeEvent, ImportKind, PeerStatus, RecordEntry, Scoped as _, Source, TaskEnd, TaskEntry,
    TaskState, Usage,
};
use registry_core::table::{
    AGENTS, CARDS, ENVELOPES, EVIDENCE, Entity, GATEWAYS, JOIN_TOKENS, MEMBERS, NAMESPACES, NODES,
    PARTNERS, PEER_LOG, PEER_REQUESTS, PEERS, POLICIES, PROVENANCE, REACHABILITY, RECORDS,
    REPORTERS, SEARCHES, TASKS, Table,
};
use registry_core::view::{Memory, Space};
use registry_core::{BatchChange, apply_batch, query, verify};

use crate::commands::{Entry, any_log};

const ALL: usize = usize::MAX;

fn list<T: Entity>(memory: &Memory, table: &Table<T>) -> BTreeMap<String, T> {
    let entries = table.list(memory, None, ALL).unwrap();
    entries.into_iter().map(|entry| (entry.key(), entry)).collect()
}

/// Pairs of the same entity before and after an entry was applied.
fn both<T: Entity>(before: &Memory, after: &Memory, table: &Table<T>) -> Vec<(T, T)> {
    let mut later = list(after, table);
    let pair = |(key, old)| Some((old, later.remove(&key)?));
    list(before, table).into_iter().filter_map(pair).collect()
}

fn run(log: &[Entry], mut watch: impl FnMut(&Memory, &Entry, &BatchChange, &Memory)) -> Memory {
    let mut memory = Memory::default();
    for entry in log {
        let before = memory.clone();
        let change = apply_batch(&memory, entry.0, &entry.1).unwrap();
        memory.commit(&change.writes);
        watch(&before, entry, &change, &memory);
    }
    memory
}

/// Each command of the accepted proposals with its reply.
fn accepted<'a>(
    proposals: &'a [Proposal],
    change: &'a BatchChange,
) -> impl Iterator<Item = (&'a Command, &'a Reply)> {
    let pairs = proposals.iter().zip(&change.replies);
    let kept = pairs.filter(|(_, replies)| !matches!(replies.last(), Some(Reply::Refused(_))));
    kept.flat_map(|(proposal, replies)| proposal.commands.iter().zip(replies))
}

/// Caught: `note` that takes no new revision for a deletion (it writes over an older event);
/// `put_back` that notes nothing; a clock that follows the stamp back.
fn revisions_rise_by_one_and_each_is_told(before: &Memory, change: &BatchChange, after: &Memory) {
    let now = query::revision(after).unwrap();
    assert_eq!(now, change.revision);
    let compacted = query::compacted(after).unwrap();
    assert!(query::compacted(before).unwrap() <= compacted && compacted <= now);
    let mut old = query::changes(before, Revision(0), ALL).unwrap();
    old.retain(|event| event.revision > compacted);
    let all = query::changes(after, Revision(0), ALL).unwrap();
    assert_eq!(old, all[..old.len()], "what was told is never told otherwise");
    let told: Vec<u64> = all.iter().map(|event| event.revision.0).collect();
    assert_eq!(told, (compacted.0 + 1..=now.0).collect::<Vec<_>>());
    assert!(query::clock(before).unwrap() <= query::clock(after).unwrap());

    let line = |event: &ChangeEvent| (event.revision, event.id.clone(), event.gateway.clone());
    let named: BTreeSet<_> = all[old.len()..].iter().map(line).collect();
    let (tasks, earlier) = (list(after, &TASKS), list(before, &TASKS));
    let earlier: BTreeMap<_, _> =
        earlier.iter().map(|(id, task)| (id.clone(), unpushed(task))).collect();
    let tasks = tasks.into_iter().filter(|(id, task)| earlier.get(id) != Some(&unpushed(task)));
    let tasks = tasks.map(|(id, task)| (task.revision, id, task.gateway));
    let (nodes, earlier) = (list(after, &NODES), list(before, &NODES));
    let nodes = nodes.into_iter().filter(|(id, node)| earlier.get(id) != Some(node));
    let nodes = nodes.map(|(id, node)| (node.revision, id, None));
    for changed in tasks.chain(nodes) {
        // Changes of this very entry may have been compacted in it.
        assert!(
            changed.0 <= compacted || named.contains(&changed),
            "{changed:?} was not told: {named:?}"
        );
    }
}

/// A task without where it is pushed to, which may change without a revision.
fn unpushed(task: &TaskEntry) -> TaskEntry {
    TaskEntry { push: Vec::new(), bytes: None, ..task.clone() }
}

/// Caught: `complete` without the check of `Ended`; `assign` that hands out epoch 1 again.
fn tasks_end_once_and_epochs_never_fall(before: &Memory, after: &Memory, forgets: bool) {
    let ended = |task: &TaskEntry| matches!(task.state, TaskState::Ended { .. });
    for (old, new) in both(before, after, &TASKS) {
        if forgets && ended(&old) {
            continue; // Its id may have been taken again.
        }
        assert!(old.epoch <= new.epoch, "{old:?} {new:?}");
        if let TaskState::Ended { end: TaskEnd::InputRequired, .. } = old.state {
            // It waited for its caller, who may have answered, or ended it.
            assert_eq!(new.turns[..old.turns.len()], old.turns, "what was said stands");
            continue;
        }
        if old.turns.len() < new.turns.len() {
            continue; // It asked, and was answered, between the two looks.
        }
        let risen = u64::from(new.attempts - old.attempts);
        assert_eq!(new.epoch.0 - old.epoch.0, risen, "{old:?} {new:?}");
        if matches!(old.state, TaskState::Ended { .. }) {
            assert_eq!(unpushed(&old), unpushed(&new), "an end stands");
        }
    }
    let kept = both(before, after, &TASKS).len();
    assert!(forgets || list(before, &TASKS).len() == kept, "none vanishes unless forgotten");
}

/// Neither by an assignment nor by a submission that names it.
fn no_node_is_given_more_than_its_slots(before: &Memory, proposals: &[Proposal], after: &Memory) {
    for node in list(after, &NODES).into_values() {
        let said = proposals.iter().flat_map(|proposal| &proposal.commands);
        let said = said.filter_map(|command| match command {
            Command::RegisterNode(RegisterNode { id, capacity, .. })
            | Command::SetNodeState(SetNodeState { id, capacity: Some(capacity), .. })
            | Command::Fleet(FleetCommand::HearNode(HearNode { id, capacity }))
                if *id == node.id =>
            {
                Some(capacity)
            }
            _ => None,
        });
        let earlier = query::node(before, &node.id).unwrap().map(|node| node.capacity);
        let offered = said.chain(&earlier).chain([&node.capacity]);
        let slots = offered.map(|capacity| capacity.slots.get() as usize).max().unwrap();
        let held = |memory: &Memory| query::tasks_of_node(memory, &node.id, ALL).unwrap().len();
        // It may have held more than it has since it said that it has less.
        assert!(held(after) <= held(before).max(slots), "{node:?}");
    }
}

/// Caught: `bring_home` that does not count; a withdrawal counted twice.
fn partners_know_how_many_entries_they_gave(after: &Memory) {
    for partner in list(after, &PARTNERS).into_values() {
        let all = list(after, &PROVENANCE).into_values();
        let live = all.filter(|it| it.partner == partner.name && it.digest.is_some()).count();
        assert_eq!(partner.imported, live as u64, "{partner:?}");
    }
    for given in list(after, &PROVENANCE).into_values().filter(|it| it.digest.is_some()) {
        let handle = &given.handle;
        let there = match given.kind {
            ImportKind::Record => query::record(after, handle).unwrap().and_then(|it| it.digest),
            ImportKind::Card => query::card(after, handle).unwrap().map(|it| it.digest),
        };
        assert_eq!(there, given.digest, "{given:?}");
    }
}

/// Caught: `check_succession` with `<` for `<=`; `put` of a record without the comparison of
/// `updated_at`; `enrol` that replaces a revoked peer.
fn sequences_and_times_never_decrease(before: &Memory, after: &Memory) {
    for (old, new) in both(before, after, &PEERS) {
        if let Some(kept) = &old.manifest {
            let newer = new.manifest.as_ref().expect("a manifest is replaced, never dropped");
            let rises = (newer.epoch, newer.seq) > (kept.epoch, kept.seq);
            assert!(rises || newer == kept, "{kept:?} {newer:?}");
        }
        let returns = old.status > PeerStatus::Suspended && new.status < old.status;
        assert!(!returns || new.epoch > old.epoch, "what is revoked comes back only anew");
    }
    let (were, are) = (list(before, &PROVENANCE), list(after, &PROVENANCE));
    for (old, new) in both(before, after, &RECORDS) {
        let key = format!("record/{}", new.handle);
        if were.contains_key(&key) || are.contains_key(&key) {
            continue; // Another registry's times bind nobody here.
        }
        // The same version again may be for other eyes.
        let repeated = (new.digest, new.updated_at) == (old.digest, old.updated_at);
        let rises = new.updated_at > old.updated_at || new.digest.is_none() || repeated;
        let follows = rises && new.updated_at >= old.updated_at;
        assert!(follows || is_unknown(before, after, &old, &new), "{old:?} {new:?}");
    }
    for (old, new) in both(before, after, &JOIN_TOKENS) {
        assert!(old.spent_by.is_none() || old == new, "a spent token stays spent");
    }
}

/// A tombstone whose signer never saw what was deleted answers like a handle that was never used. What the signer may see
/// may have changed in the same entry.
fn is_unknown(before: &Memory, after: &Memory, old: &RecordEntry, new: &RecordEntry) -> bool {
    let sees = |space: &Memory, signer| query::viewer(space, signer).unwrap().sees(&old.scope());
    let signer = new.owner.as_ref().filter(|_| old.digest.is_none());
    signer.is_some_and(|signer| !sees(before, signer) || !sees(after, signer))
}

/// Caught: `replace` that keeps the old derived keys; a queue's count that an ack does not lower.
fn derived_keys_and_counts_follow_the_entities(after: &Memory) {
    fn derived<T: Entity>(memory: &Memory, table: &Table<T>) -> Vec<(Vec<u8>, Vec<u8>)> {
        list(memory, table).values().flat_map(|entry| table.derived(entry)).collect()
    }
    let tables = [
        derived(after, &PEERS),
        derived(after, &PEER_LOG),
        derived(after, &PEER_REQUESTS),
        derived(after, &RECORDS),
        derived(after, &CARDS),
        derived(after, &AGENTS),
        derived(after, &GATEWAYS),
        derived(after, &NODES),
        derived(after, &TASKS),
        derived(after, &ENVELOPES),
        derived(after, &JOIN_TOKENS),
        derived(after, &MEMBERS),
        derived(after, &NAMESPACES),
        derived(after, &SEARCHES),
        derived(after, &REACHABILITY),
        derived(after, &PARTNERS),
        derived(after, &PROVENANCE),
        derived(after, &EVIDENCE),
        derived(after, &REPORTERS),
        derived(after, &POLICIES),
    ];
    let expected: BTreeMap<_, _> = tables.into_iter().flatten().collect();
    let index = after.pairs().filter(|((space, _), _)| *space == Space::Index);
    let index: BTreeMap<_, _> =
        index.map(|((_, key), value)| (key.clone(), value.clone())).collect();
    assert_eq!(index, expected);

    the_search_follows_the_entries(after);
    let ended = |state: &TaskState| matches!(state, TaskState::Ended { .. });
    let open = list(after, &TASKS).values().filter(|task| !ended(&task.state)).count();
    assert_eq!(query::open_tasks(after).unwrap(), open as u64);
    for target in ["target-0", "target-1"] {
        let all = list(after, &ENVELOPES);
        let waits = all.values().filter(|it| it.acked.is_none() && it.dead.is_none());
        let waits = waits.filter(|it| it.target.as_str() == target).count();
        assert_eq!(query::queue_depth(after, target).unwrap(), waits as u64);
    }
}

/// Caught: `delete` of a record without `account`; `put` of an agent without it; an `account` that adds and does not take away.
fn namespaces_keep_what_is_counted(after: &Memory) {
    let mut counted: BTreeMap<Namespace, Usage> = BTreeMap::new();
    let (records, cards) = (list(after, &RECORDS), list(after, &CARDS));
    for record in records.values().filter(|record| record.digest.is_some()) {
        let home = query::namespace_of(after, &record.handle).unwrap();
        assert_eq!(home, record.namespace, "a live entry does not move");
        let usage = counted.entry(home).or_default();
        (usage.records, usage.bytes) = (usage.records + 1, usage.bytes + record.bytes);
    }
    for card in cards.values() {
        let home = query::namespace_of(after, &card.handle).unwrap();
        assert_eq!(home, card.namespace, "a card does not move");
        let usage = counted.entry(home).or_default();
        (usage.cards, usage.bytes) = (usage.cards + 1, usage.bytes + card.bytes);
    }
    for agent in list(after, &AGENTS).values() {
        let home = query::namespace_of(after, &agent.handle).unwrap();
        assert_eq!(home, agent.namespace, "an agent does not move");
        let usage = counted.entry(home).or_default();
        let bytes = agent.bytes.expect("every agent of this world is counted");
        (usage.agents, usage.bytes) = (usage.agents + 1, usage.bytes + bytes);
    }
    for name in ["default", "n0", "n1"] {
        let name = Namespace::parse(name).unwrap();
        let expected = counted.remove(&name).unwrap_or_default();
        assert_eq!(query::usage(after, &name).unwrap(), expected, "{name}");
    }
    assert!(counted.is_empty(), "{counted:?}");
}

/// Each is waiting (leased or not, expired or not), acknowledged or dead, and never two of these. Caught: `make_dead` without
/// `queue::leave`; `replay` without `leave`; `fail` that keeps every attempt.
fn an_envelope_is_in_one_state_and_each_is_counted(after: &Memory) {
    let all = list(after, &ENVELOPES);
    for it in all.values() {
        assert!(it.acked.is_none() || it.dead.is_none(), "{it:?}");
        assert!(it.attempts.len() <= 10 && it.attempts.len() <= it.deliveries as usize, "{it:?}");
        assert!(it.dead.is_none_or(|dead| dead.until > dead.at), "{it:?}");
    }
    let dead: Vec<_> = all.values().filter(|it| it.dead.is_some()).collect();
    let listed = query::dead_letters(after, None, None, ALL).unwrap();
    assert_eq!(listed.len(), dead.len());
    assert!(listed.iter().all(|it| dead.contains(&it)), "{listed:?}");
    assert_eq!(query::dead_letter_count(after, None).unwrap(), dead.len() as u64);
    for target in ["target-0", "target-1"] {
        let target = target.parse().unwrap();
        let of = query::dead_letters(after, Some(&target), None, ALL).unwrap();
        assert!(of.iter().all(|it| it.target == target));
        assert!(of.is_sorted_by_key(|it| it.dead.map(|dead| dead.revision)));
        assert_eq!(query::dead_letter_count(after, Some(&target)).unwrap(), of.len() as u64);
    }
}

/// Counted anew from the bodies that tasks and envelopes name, those left out that say that nothing counts them.
fn the_bytes_counted_are_those_kept(after: &Memory) {
    /// What a message counts beside its body.
    const ROWS: usize = 1 << 10;
    fn count(counted: &mut BTreeMap<String, u64>, owner: Option<&str>, bytes: usize) {
        let own = owner.map(|owner| format!("kept-bytes/{owner}"));
        for name in own.into_iter().chain(["kept-bytes".to_owned()]) {
            *counted.entry(name).or_default() += bytes as u64;
        }
    }
    let len = |body: &Digest| query::body(after, body).unwrap().unwrap().len();
    let mut counted = BTreeMap::new();
    for task in list(after, &TASKS).into_values().filter(|task| task.bytes.is_some()) {
        let outcome = match &task.state {
            TaskState::Ended { outcome, .. } => *outcome,
            _ => None,
        };
        let said = task.turns.iter().flat_map(|turn| [Some(turn.input), turn.outcome]);
        let bodies = said.chain([Some(task.input), outcome]).flatten();
        let bytes = bodies.map(|body| len(&body)).sum::<usize>();
        let pushed = task.push.iter().map(|config| config.bytes() as usize).sum::<usize>();
        let owner = task.shared.then_some(task.owner.as_str());
        let rows = ROWS * (task.turns.len() + 1 + task.push.len());
        count(&mut counted, owner, bytes + pushed + rows);
    }
    for envelope in list(after, &ENVELOPES).into_values().filter(|it| it.bytes.is_some()) {
        count(&mut counted, Some(envelope.source.as_str()), len(&envelope.body) + ROWS);
    }
    let state = after.pairs().filter(|((space, key), _)| *space == Space::State && key[2] == 0);
    let named = state.map(|((_, key), value)| (String::from_utf8_lossy(&key[3..]), value));
    let said: BTreeMap<String, u64> = named
        .filter(|(name, _)| name.starts_with("kept-bytes"))
        .map(|(name, value)| {
            (name.into_owned(), u64::from_be_bytes(value.as_slice().try_into().unwrap()))
        })
        .collect();
    assert_eq!(said, counted);
}

/// Caught: a report of an older window that is taken.
fn evidence_is_bounded_and_windows_rise(before: &Memory, after: &Memory) {
    let (reporters, evidence) = (list(after, &REPORTERS), list(after, &EVIDENCE));
    for entry in evidence.values() {
        let newest = reporters[entry.reporter.as_str()].window;
        assert!(entry.window <= newest && entry.evidence.total() > 0, "{entry:?}");
        assert!(query::peer(after, &entry.peer).unwrap().is_some(), "{entry:?}");
    }
    for (old, new) in both(before, after, &REPORTERS) {
        assert!(old.window < new.window || old == new, "{old:?} {new:?}");
    }
}

/// Caught: `forget_bodies` without the look at who names the body; a task without its outcome in
/// `bodies`.
fn what_an_entity_names_is_kept(after: &Memory) {
    fn named<T: Entity>(memory: &Memory, table: &Table<T>) -> Vec<Digest> {
        list(memory, table).values().flat_map(Entity::bodies).collect()
    }
    let all = [
        named(after, &PEERS),
        named(after, &RECORDS),
        named(after, &CARDS),
        named(after, &AGENTS),
        named(after, &TASKS),
        named(after, &ENVELOPES),
    ];
    for body in all.concat() {
        assert!(query::body(after, &body).unwrap().is_some(), "{body} is named, and gone");
    }
}

/// Caught: `settle` left out of `attempt`; `touch` left out of `replace`.
fn the_search_follows_the_entries(after: &Memory) {
    for (_, found) in list(after, &SEARCHES) {
        let id = found.handle.as_str();
        let named = match found.source {
            Source::Card => {
                let card = CARDS.entry(after, id).unwrap();
                card.map(|it| (it.digest, it.assurance, it.scope()))
            }
            Source::Agent => {
                let agent = AGENTS.entry(after, id).unwrap();
                agent.map(|it| (it.card, found.assurance, it.scope()))
            }
            Source::Record => {
                let record = RECORDS.entry(after, id).unwrap();
                record.and_then(|it| Some((it.digest?, it.assurance, it.scope())))
            }
        };
        assert_eq!(named, Some((found.digest, found.assurance, found.scope.clone())), "{found:?}");
    }
}

/// What was said about tokens and envelopes so far.
#[derive(Default)]
struct Witness {
    spent: BTreeMap<Digest, WallMs>,
    accepted: BTreeMap<EnvelopeId, (Revision, WallMs)>,
    leased: BTreeMap<(EnvelopeId, Revision), (LeaseEpoch, WallMs)>,
    acked: BTreeSet<(EnvelopeId, Revision)>,
    /// The leases that were told to have failed.
    failed: BTreeSet<(EnvelopeId, Revision, LeaseEpoch)>,
    /// The versions of tasks that were answered.
    tasks: BTreeSet<Revision>,
}

impl Witness {
    fn hear(&mut self, now: WallMs, command: &Command, reply: &Reply) {
        match (command, reply) {
            (Command::SpendTokens(spend), Reply::Spent(verdicts)) => {
                assert_eq!(spend.entries.len(), verdicts.len());
                for ((hash, until), verdict) in spend.entries.iter().zip(verdicts) {
                    self.hear_spent(now, *hash, *until, *verdict);
                }
            }
            (Command::SpendToken(spend), Reply::Spent(verdicts)) => {
                assert_eq!(verdicts.as_slice(), [Spent::Fresh], "the others are refused");
                self.hear_spent(now, spend.hash, spend.until, Spent::Fresh);
            }
            (command, Reply::Task(task)) => {
                let is_submitted = self.tasks.insert(task.revision) && is_as_submitted(task);
                if let Command::SubmitTask(SubmitTask { token: Some(token), .. }) = command
                    && is_submitted
                {
                    self.hear_spent(now, token.hash, token.until, Spent::Fresh);
                }
            }
            (Command::EnqueueEnvelope(sent), Reply::Enqueued { revision, duplicate }) => {
                if let Some(token) = &sent.token {
                    self.hear_spent(now, token.hash, token.until, Spent::Fresh);
                }
                let known = self.accepted.get(&sent.id).filter(|(_, until)| *until > now);
                assert_eq!(known.map(|(first, _)| first), duplicate.then_some(revision));
                if !duplicate {
                    self.accepted.insert(sent.id.clone(), (*revision, sent.expires_at));
                }
            }
            (_, Reply::Leased(leases)) => {
                for lease in leases {
                    let name = (lease.envelope.id.clone(), lease.envelope.revision);
                    assert!(!self.acked.contains(&name), "leased after its ack: {lease:?}");
                    let last = self.leased.insert(name, (lease.epoch, lease.until));
                    let (epoch, until) = last.unwrap_or_default();
                    assert!(epoch < lease.epoch && until <= now, "held: {lease:?}");
                }
            }
            (Command::AckEnvelope(ack), Reply::Done(_)) => {
                let (accepted, _) = self.accepted[&ack.id];
                let name = (ack.id.clone(), accepted);
                assert_eq!(self.leased[&name].0, ack.epoch, "acknowledged under an old lease");
                self.acked.insert(name);
            }
            (Command::Fleet(command), Reply::Done(_)) => self.hear_undelivered(now, command),
            _ => {}
        }
    }

    /// A failure ends its lease, once, and nobody gets the envelope before its time; a replay is for whoever comes first.
    fn hear_undelivered(&mut self, now: WallMs, command: &FleetCommand) {
        match command {
            FleetCommand::FailEnvelope(fail) => {
                let name = (fail.id.clone(), self.accepted[&fail.id].0);
                let is_first = self.failed.insert((name.0.clone(), name.1, fail.epoch));
                let lease = self.leased.get_mut(&name).filter(|(epoch, _)| *epoch == fail.epoch);
                if let (true, Some((_, until))) = (is_first, lease) {
                    *until = fail.not_before.max(now);
                }
            }
            FleetCommand::ReplayEnvelope(replay) => {
                let (accepted, until) = self.accepted.get_mut(&replay.id).unwrap();
                *until = replay.expires_at.max(*until);
                let name = (replay.id.clone(), *accepted);
                assert!(!self.acked.contains(&name), "replayed after its ack: {replay:?}");
                if let Some((_, until)) = self.leased.get_mut(&name) {
                    *until = now;
                }
            }
            FleetCommand::DropEnvelope(dropped) => drop(self.accepted.remove(&dropped.id)),
            _ => {}
        }
    }

    fn hear_spent(&mut self, now: WallMs, hash: Digest, until: WallMs, verdict: Spent) {
        let known = self.spent.get(&hash).is_some_and(|remembered| *remembered > now);
        match verdict {
            Spent::Fresh => {
                assert!(!known, "{hash} is fresh again");
                assert!(until > now && until.since(now) <= 75 * 60_000);
                self.spent.insert(hash, until);
            }
            // It may be remembered for longer than it must, never without having been spent.
            Spent::Replayed => assert!(self.spent.contains_key(&hash)),
            Spent::OutOfHorizon => assert!(until <= now || until.since(now) > 75 * 60_000),
        }
    }
}

/// Whether nothing was done with the task yet, but that it may have been placed: what is answered so for the first time
/// is a new task, and not the same one again.
fn is_as_submitted(task: &TaskEntry) -> bool {
    let placed = match task.state {
        TaskState::Pending => 0,
        TaskState::Assigned { .. } => 1,
        TaskState::Ended { .. } => return false,
    };
    task.attempts == placed && task.turns.is_empty() && !task.cancel_requested
}

proptest! {
    #[test]
    fn every_state_and_step_keeps_the_invariants(log in any_log()) {
        run(&log, |before, (_, proposals), change, after| {
            revisions_rise_by_one_and_each_is_told(before, change, after);
            let forgets = accepted(proposals, change)
                .any(|(command, _)| matches!(command, Command::Compact(_)));
            tasks_end_once_and_epochs_never_fall(before, after, forgets);
            no_node_is_given_more_than_its_slots(before, proposals, after);
            what_an_entity_names_is_kept(after);
            sequences_and_times_never_decrease(before, after);
            partners_know_how_many_entries_they_gave(after);
            derived_keys_and_counts_follow_the_entities(after);
            namespaces_keep_what_is_counted(after);
            an_envelope_is_in_one_state_and_each_is_counted(after);
            the_bytes_counted_are_those_kept(after);
            evidence_is_bounded_and_windows_rise(before, after);
            assert_eq!(verify::check(after).faults, Vec::<String>::new());
        });
    }

    /// Caught: `spend_one` that looks into the named time's bucket only; `forget_past` one bucket too
    /// far; `ready` without the check of `leased_until`; `ack` under any epoch, or that forgets the
    /// envelope.
    #[test]
    fn tokens_are_fresh_once_and_envelopes_leased_to_one(log in any_log()) {
        let mut witness = Witness::default();
        let mut now = WallMs(0);
        run(&log, |before, (stamp, proposals), change, _| {
            // The stored clock can lag behind (refusals keep none), never run ahead.
            now = query::clock(before).unwrap().max(stamp.now);
            for (command, reply) in accepted(proposals, change) {
                witness.hear(now, command, reply);
            }
        });
    }

    /// Caught: `attempt` that absorbs a refused proposal's draft.
    #[test]
    fn refused_proposals_write_nothing(log in any_log()) {
        run(&log, |before, (stamp, proposals), change, _| {
            let refused = |replies: &Vec<Reply>| matches!(replies.last(), Some(Reply::Refused(_)));
            let pairs = proposals.iter().zip(&change.replies);
            let kept: Vec<_> =
                pairs.filter(|(_, replies)| !refused(replies)).map(|(it, _)| it.clone()).collect();
            let alone = apply_batch(before, *stamp, &kept).unwrap();
            assert_eq!((alone.writes, alone.effects), (change.writes.clone(), change.effects.clone()));
        });
    }

    /// Caught: `reply_to` of `SubmitTask` left out of the encoding.
    #[test]
    fn replaying_the_written_log_gives_the_same_pairs(log in any_log()) {
        let written = rmp_serde::to_vec_named(&log).unwrap();
        let read: Vec<Entry> = rmp_serde::from_slice(&written).unwrap();
        let (mut live, mut replayed) = (Vec::new(), Vec::new());
        let first = run(&log, |_, _, change, _| live.push(change.clone()));
        let second = run(&read, |_, _, change, _| replayed.push(change.clone()));
        prop_assert_eq!(live, replayed);
        prop_assert_eq!(first, second);
    }
}
