//! What clients want: every kind of command whose order matters, on few names, so that they meet.
//!
//! It decides requests by chance alone. It must never look at a member's state: a client knows what it
//! was told.

mod directory;
mod names;

use std::collections::BTreeMap;

use proto_types::card::Assurance;
use proto_types::{EnvelopeId, Handle, LeaseEpoch, LeaseLimit, Reason, TaskId, WallMs};
use registry_core::change::{Lease, Reply};
use registry_core::command::{
    AckEnvelope, AssignTask, CancelTask, Command, CompleteTask, DeleteRecord, EnqueueEnvelope,
    LeaseEnvelopes, PeerCommand, Proposal, PutBody, PutRecord, ReleaseTask, SetNodeState,
    SpendTokens, StateManifest, SubmitTask,
};
use registry_core::entry::{NodeState, TaskEnd};

use crate::history::Request;
use crate::time::START;

pub(crate) use self::names::initial_state;

use self::names::{context, envelope, handle, issuer, kid, node, queue, source, task, token};

/// Longer than any world lives, with all the hours that clocks jump ahead.
const DAYS_MS: u64 = 3 * 24 * 3_600_000;

/// What one client remembers.
#[derive(Debug)]
pub(crate) struct Workload {
    client: usize,
    made: u64,
    manifest_seq: u64,
    epochs: BTreeMap<u8, LeaseEpoch>,
    leases: Vec<Lease>,
}

impl Workload {
    pub(crate) fn new(client: usize) -> Self {
        let (epochs, leases) = (BTreeMap::new(), Vec::new());
        Self { client, made: 0, manifest_seq: 0, epochs, leases }
    }

    /// What the client does next, at `now` by its own clock.
    pub(crate) fn next_request(&mut self, now: WallMs, random: &mut fastrand::Rng) -> Request {
        // The first client nearly only reads, so that it stays with a leader that has been deposed.
        let read = self.client == 0 && random.u8(0..10) > 0;
        let commands = match random.u8(0..100) {
            _ if read => return Request::Read(handle(random.u8(0..4))),
            0..18 => return Request::Read(handle(random.u8(0..4))),
            18..40 => self.put_record(now, random),
            40..45 => {
                vec![Command::DeleteRecord(DeleteRecord {
                    handle: any_handle(random),
                    if_match: None,
                    by: None,
                })]
            }
            45..58 => vec![spend(random)],
            58..63 => self.put_manifest(now),
            63..74 => vec![self.task(now, random)],
            74..85 => vec![self.envelope(now, random)],
            _ => directory::commands(self.body(), self.made, now, random),
        };
        Request::Write(Proposal { commands })
    }

    /// What the client was told.
    pub(crate) fn learn(&mut self, request: &Request, replies: &[Reply]) {
        let Request::Write(proposal) = request else { return };
        for (command, reply) in proposal.commands.iter().zip(replies) {
            match (command, reply) {
                (Command::AssignTask(_), Reply::Task(entry)) => {
                    let name = (0..names::TASKS).find(|name| task(*name) == entry.id);
                    self.epochs.insert(name.expect("tasks are named here"), entry.epoch);
                }
                (_, Reply::Leased(leases)) => self.leases.extend(leases.iter().cloned()),
                _ => {}
            }
        }
    }

    fn body(&mut self) -> (Command, proto_types::Digest) {
        self.made += 1;
        let bytes = format!("{}-{}", self.client, self.made).into_bytes();
        let digest = proto_types::Digest::of(&bytes);
        (Command::PutBody(PutBody { bytes }), digest)
    }

    fn put_record(&mut self, now: WallMs, random: &mut fastrand::Rng) -> Vec<Command> {
        let (put, digest) = self.body();
        let record = Command::PutRecord(PutRecord {
            handle: any_handle(random),
            digest,
            updated_at: now,
            valid_until: None,
            ttl_s: None,
            agent_card_url: "https://agents.example/card.json".to_owned(),
            assurance: Assurance::Unsigned,
            owner: None,
            if_match: None,
            visibility: None,
            vouched: false,
        });
        vec![put, record]
    }

    fn put_manifest(&mut self, now: WallMs) -> Vec<Command> {
        let (put, digest) = self.body();
        self.manifest_seq += 1;
        let manifest = Command::Peer(PeerCommand::State(StateManifest {
            issuer: issuer(),
            seq: self.manifest_seq,
            prev: None,
            digest,
            expires_at: now.plus_ms(DAYS_MS),
            signed_by: vec![kid()],
            keys: vec![names::key()],
            document: digest,
            recovery_keys: Vec::new(),
        }));
        vec![put, manifest]
    }

    fn task(&self, now: WallMs, random: &mut fastrand::Rng) -> Command {
        let name = random.u8(0..names::TASKS);
        let (id, node) = (task(name), node(random.u8(0..2)));
        let epoch = self.epochs.get(&name).copied().unwrap_or(LeaseEpoch(1));
        match random.u8(0..10) {
            0..3 => submit(id),
            3..6 => Command::AssignTask(AssignTask { id, node }),
            6..8 => Command::CompleteTask(CompleteTask {
                id,
                node,
                epoch,
                end: TaskEnd::Completed,
                outcome: None,
                reason: Reason::of(&format!("{} at {}", self.client, now.0)),
            }),
            8 => {
                let reason = Reason::given("by chance");
                Command::ReleaseTask(ReleaseTask { id, epoch, reason })
            }
            _ if random.bool() => Command::CancelTask(CancelTask { id, owner: None }),
            _ => {
                let state = if random.bool() { NodeState::Joined } else { NodeState::Lost };
                Command::SetNodeState(SetNodeState { id: node, state, capacity: None })
            }
        }
    }

    fn envelope(&mut self, now: WallMs, random: &mut fastrand::Rng) -> Command {
        match random.u8(0..10) {
            0..5 => enqueue(envelope(random.u8(0..40)), now),
            5..8 => Command::LeaseEnvelopes(LeaseEnvelopes {
                target: queue(),
                max: LeaseLimit::try_from(random.u32(1..4)).expect("1 to 3 of at most 100"),
                ttl_ms: names::lease_ttl(),
            }),
            _ => match self.leases.pop() {
                Some(lease) => Command::AckEnvelope(AckEnvelope {
                    target: queue(),
                    source: source(),
                    id: lease.envelope.id,
                    epoch: lease.epoch,
                }),
                None => spend(random),
            },
        }
    }
}

fn enqueue(id: EnvelopeId, now: WallMs) -> Command {
    Command::EnqueueEnvelope(EnqueueEnvelope {
        id,
        source: source(),
        target: queue(),
        correlation: names::correlation(),
        body: names::initial_body(),
        traceparent: None,
        expires_at: now.plus_ms(DAYS_MS),
        shared: true,
        metered: true,
        token: None,
        keep_undelivered: true,
        ordering_key: None,
        hops: Vec::new(),
    })
}

fn any_handle(random: &mut fastrand::Rng) -> Handle {
    handle(random.u8(0..directory::HANDLES))
}

fn submit(id: TaskId) -> Command {
    Command::SubmitTask(SubmitTask {
        id,
        context: context(),
        agent: handle(9),
        owner: names::owner(),
        input: names::initial_body(),
        reply_to: None,
        deadline: WallMs(START.0 + DAYS_MS),
        shared: true,
        metered: true,
        counted: true,
        listed: true,
        token: None,
        node: None,
        gateway: None,
        traceparent: None,
    })
}

fn spend(random: &mut fastrand::Rng) -> Command {
    let count = random.usize(1..4);
    // Within the horizon of 15 min; once the time is an hour ahead, no token is fresh any more.
    let expires_at = START.plus_ms(120_000);
    let entries = (0..count).map(|_| (token(random.u8(0..60)), expires_at)).collect();
    Command::SpendTokens(SpendTokens { entries })
}
