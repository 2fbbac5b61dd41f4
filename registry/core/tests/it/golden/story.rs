//! One log with every command, what each of its entries writes, and the rows that it leaves beside the tables; and a short
//! one of what members of later versions say. Nothing in either is drawn: names, times and keys are fixed.

use std::collections::{BTreeMap, BTreeSet};

use proto_types::{Digest, Revision, Stamp, WallMs};
use registry_core::change::{Reply, Write};
use registry_core::command::{Command, Proposal};
use registry_core::table::{
    AGENTS, CARDS, ENVELOPES, EVIDENCE, GATEWAYS, INSTANCES, JOIN_TOKENS, MEMBERS, NAMESPACES,
    NODES, PARTNERS, PEER_LOG, PEER_REQUESTS, PEERS, POLICIES, PROVENANCE, REACHABILITY, RECORDS,
    REPORTERS, SEARCHES, TASKS,
};
use registry_core::view::{Memory, Space};
use registry_core::{apply_batch, epoch, state_hash};

use super::{Golden, encode, variant, variants};
use crate::world::*;

const ZERO: Digest = Digest([0; 32]);

/// A log as it is told, and the state after it.
pub(super) struct Story {
    pub(super) memory: Memory,
    pub(super) now: WallMs,
    hash: Digest,
    golden: Golden,
    entries: u32,
    said: BTreeSet<String>,
    /// What each key had last, also where it is gone.
    rows: BTreeMap<(Space, Vec<u8>), Vec<u8>>,
}

#[test]
fn a_log_with_every_command_writes_the_same_and_comes_to_the_same_digests() {
    let mut story = Story::begin("story.txt");
    story.peers_come_in();
    story.owners_act();
    story.the_directory_grows();
    story.tasks_run();
    story.partners_are_pulled();
    story.the_cluster_keeps_house();
    let writes = epoch::begin(&story.memory, 1).unwrap();
    story.keep(epoch::first_revision(1), &writes);
    story.a_new_epoch_begins();
    assert_eq!(story.said, variants::<Command>(), "every command is told of");
    story.finish();
}

/// A log of its own: more entries at the end of the other would change the counters that it ends with.
#[test]
fn a_log_of_tasks_and_envelopes_with_their_tokens_writes_the_same() {
    let mut story = Story::begin("calls.txt");
    story.say(initial_state());
    story.calls_are_paid_for();
    story.finish();
}

/// As above.
#[test]
fn a_log_of_listed_tasks_writes_the_same() {
    let mut story = Story::begin("lists.txt");
    story.say(initial_state());
    story.tasks_are_listed();
    story.finish();
}

/// As above.
#[test]
fn a_log_of_agents_that_are_attached_and_removed_writes_the_same() {
    let mut story = Story::begin("attached.txt");
    story.agents_are_attached();
    story.finish();
}

/// As above.
#[test]
fn a_log_of_envelopes_that_become_dead_letters_writes_the_same() {
    let mut story = Story::begin("dead_letters.txt");
    story.say(initial_state());
    story.envelopes_die();
    story.finish();
}

/// As above.
#[test]
fn a_log_of_policies_that_are_put_and_deleted_writes_the_same() {
    let mut story = Story::begin("policies.txt");
    story.policies_change();
    story.finish();
}

impl Story {
    fn begin(file: &'static str) -> Self {
        Self {
            memory: Memory::default(),
            now: START,
            hash: ZERO,
            golden: Golden::open(file),
            entries: 0,
            said: BTreeSet::new(),
            rows: BTreeMap::new(),
        }
    }

    /// One log entry, a proposal for each command.
    pub(super) fn say(&mut self, commands: Vec<Command>) {
        let alone = |command| Proposal { commands: vec![command] };
        self.propose(&commands.into_iter().map(alone).collect::<Vec<_>>());
    }

    /// One log entry of one proposal.
    pub(super) fn say_at_once(&mut self, commands: Vec<Command>) {
        self.propose(&[Proposal { commands }]);
    }

    fn propose(&mut self, proposals: &[Proposal]) {
        let change = apply_batch(&self.memory, Stamp { now: self.now }, proposals).unwrap();
        for (proposal, replies) in proposals.iter().zip(&change.replies) {
            let is_refused = matches!(replies.last(), Some(Reply::Refused(_)));
            assert!(!is_refused, "{proposal:?}: {replies:?}");
            let names = proposal.commands.iter().map(|it| variant(&encode(it)).to_owned());
            self.said.extend(names);
        }
        self.keep(change.revision, &change.writes);
        self.now = self.now.plus_ms(1_000);
    }

    /// Pins an entry alone, so that the first that differs is known, and the state with all before it.
    fn keep(&mut self, revision: Revision, writes: &[Write]) {
        self.entries += 1;
        self.hash = state_hash::roll(&self.hash, revision, writes);
        let alone = state_hash::roll(&ZERO, revision, writes);
        let name = format!("entry {:02}", self.entries);
        self.golden.bytes(format!("{name} revision"), &revision.0.to_be_bytes());
        self.golden.bytes(format!("{name} writes"), alone.as_bytes());
        self.golden.bytes(format!("{name} state"), self.hash.as_bytes());
        for write in writes {
            if let Write::Put { space, key, value } = write {
                self.rows.insert((*space, key.clone()), value.clone());
            }
        }
        self.memory.commit(writes);
    }

    /// Counters, spent tokens, the log and the audit, the total order: all that is in no table, nor derived of one.
    fn finish(mut self) {
        let tables = tables();
        for ((space, key), value) in &self.rows {
            let is_told = match space {
                Space::State => !tables.contains(&key[2]),
                Space::Changes | Space::Tiles => true,
                Space::Bodies | Space::Index => false,
            };
            if is_told {
                self.golden.bytes(format!("{space:?} {}", key.escape_ascii()), value);
            }
        }
        self.golden.finish();
    }
}

/// The tags of tables, whose rows are pinned as entries.
fn tables() -> BTreeSet<u8> {
    let first = [
        PEERS.key(""),
        PEER_LOG.key(""),
        PEER_REQUESTS.key(""),
        RECORDS.key(""),
        CARDS.key(""),
        AGENTS.key(""),
        GATEWAYS.key(""),
        NODES.key(""),
        TASKS.key(""),
        ENVELOPES.key(""),
        JOIN_TOKENS.key(""),
        MEMBERS.key(""),
        NAMESPACES.key(""),
        INSTANCES.key(""),
        SEARCHES.key(""),
        REACHABILITY.key(""),
        PARTNERS.key(""),
        PROVENANCE.key(""),
        EVIDENCE.key(""),
        REPORTERS.key(""),
        POLICIES.key(""),
    ];
    first.iter().map(|key| key[2]).collect()
}
