//! The map from each command to its decision. Commands of one proposal are decided in turn over one draft of the state,
//! which is kept whole or dropped whole. A decision depends on the view, the stamp and the commands alone: every member
//! applies the same log, and their states are compared.

use proto_types::{Revision, Stamp, WallMs};

use crate::cached::Cached;
use crate::change::{Change, Effect, Refusal, Reply};
use crate::command::{
    Command, ConductCommand, FederationCommand, FleetCommand, LogCommand, Proposal,
};
use crate::counter;
use crate::draft::{Draft, Outcome, Progress, Stop};
use crate::epoch;
use crate::leaf::Leaf;
use crate::log::apply::LogAppender;
use crate::overlay::Overlay;
use crate::view::{Read, View, Write};
use crate::{
    agent, audit, body, card, clock, compact, conduct, envelope, gateway, import, instance,
    join_token, log, member, namespace, node, partner, peer, policy, precondition, reachability,
    record, search, task, token, witness,
};

/// A proposal is one client's request; more commands than this are several requests.
const COMMANDS_MAX: usize = 16;

/// What a log entry of many proposals comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BatchChange {
    /// What to commit, at most one write of each key; empty if nothing changes.
    pub writes: Vec<Write>,
    /// What the leader must do now, of the accepted proposals only.
    pub effects: Vec<Effect>,
    /// A list for each proposal. A refused proposal's list ends with the refusal, at the place of
    /// the refused command; the replies before it say what would have been.
    pub replies: Vec<Vec<Reply>>,
    /// The revision after the batch.
    pub revision: Revision,
}

/// Decides one command.
///
/// # Errors
/// The store failed or is corrupt: nothing is decided, and the member must stop.
pub fn apply(view: &dyn View, stamp: Stamp, command: &Command) -> Read<Change> {
    let view = Cached::over(view);
    let mut batch = Batch::open(&view, stamp)?;
    let mut replies = batch.attempt(std::slice::from_ref(command))?;
    let reply = replies.pop().expect("attempt answers every command up to a refusal");
    let done = batch.close(Vec::new());
    Ok(Change { writes: done.writes, effects: done.effects, reply })
}

/// Decides the proposals of one log entry, each all or nothing, each seeing those before it.
///
/// # Errors
/// As [`apply`].
pub fn apply_batch(view: &dyn View, stamp: Stamp, proposals: &[Proposal]) -> Read<BatchChange> {
    let view = Cached::over(view);
    let mut batch = Batch::open(&view, stamp)?;
    let replies = proposals.iter().map(|proposal| batch.attempt(&proposal.commands));
    let replies = replies.collect::<Result<_, _>>()?;
    Ok(batch.close(replies))
}

/// The accepted proposals of a log entry.
struct Batch<'v> {
    accepted: Overlay<'v>,
    effects: Vec<Effect>,
    progress: Progress,
    stored: (WallMs, Revision),
    /// Whether this is the first log entry of a cluster epoch.
    begins_epoch: bool,
    /// The transparency log, read with the first leaf.
    log: Option<LogAppender>,
}

impl<'v> Batch<'v> {
    fn open(view: &'v dyn View, stamp: Stamp) -> Read<Self> {
        let clock = WallMs(counter::read(view, counter::CLOCK)?);
        let revision = Revision(counter::read(view, counter::REVISION)?);
        // It never goes back, whatever the leader's clock does.
        let now = clock.max(stamp.now);
        Ok(Self {
            accepted: Overlay::over(view),
            effects: Vec::new(),
            progress: Progress { now, revision, envelopes_swept: false },
            stored: (clock, revision),
            begins_epoch: !epoch::has_begun(view)?,
            log: None,
        })
    }

    /// Decides a proposal and keeps it unless it is refused.
    fn attempt(&mut self, commands: &[Command]) -> Read<Vec<Reply>> {
        if commands.len() > COMMANDS_MAX {
            let (what, bound) = ("commands of a proposal".to_owned(), COMMANDS_MAX as u64);
            return Ok(vec![Reply::Refused(Refusal::Full { what, bound, share: false })]);
        }
        let mut draft = Draft::over(self.accepted.take(), self.progress);
        let mut replies = Vec::with_capacity(commands.len());
        for command in commands {
            match decide(&mut draft, command) {
                Ok(reply) => replies.push(reply),
                Err(Stop::Refused(refusal)) => {
                    replies.push(Reply::Refused(refusal));
                    self.accepted = draft.refuse();
                    return Ok(replies);
                }
                Err(Stop::Broken(error)) => return Err(error),
            }
        }
        search::apply::settle(&mut draft)?;
        let leaves = draft.take_leaves();
        let (accepted, progress, effects) = draft.finish();
        (self.accepted, self.progress) = (accepted, progress);
        self.effects.extend(effects);
        self.record(leaves)?;
        Ok(replies)
    }

    /// Has the log gain the leaves of an accepted proposal, if it is open.
    fn record(&mut self, leaves: Vec<Leaf>) -> Read<()> {
        if !leaves.is_empty() && self.log.is_none() {
            self.log = LogAppender::load(&self.accepted)?;
        }
        if let Some(log) = &mut self.log {
            leaves.into_iter().for_each(|leaf| log.append(leaf, self.progress.now));
        }
        Ok(())
    }

    fn close(mut self, replies: Vec<Vec<Reply>>) -> BatchChange {
        let (clock, before) = self.stored;
        let Progress { now, revision, .. } = self.progress;
        let logged = self.log.map(LogAppender::into_writes).unwrap_or_default();
        logged.into_iter().for_each(|write| self.accepted.write(write));
        if self.begins_epoch {
            self.accepted.write(counter::write(counter::EPOCH_BEGAN, now.0));
        }
        if !self.accepted.is_empty() {
            if now != clock {
                self.accepted.write(counter::write(counter::CLOCK, now.0));
            }
            if revision != before {
                self.accepted.write(counter::write(counter::REVISION, revision.0));
            }
        }
        let (writes, effects) = (self.accepted.into_writes(), self.effects);
        BatchChange { writes, effects, replies, revision }
    }
}

/// The map from commands to decisions.
fn decide(draft: &mut Draft<'_>, command: &Command) -> Outcome {
    match command {
        Command::PutBody(command) => body::apply::put(draft, command),
        Command::IssueJoinToken(command) => join_token::apply::issue(draft, command),
        Command::EnrolPeer(command) => peer::enrol::enrol_keys(draft, command),
        Command::Peer(command) => peer::apply::decide(draft, command),
        Command::RevokePeer(command) => peer::apply::revoke(draft, command),
        Command::PutRecord(command) => record::apply::put(draft, command),
        Command::DeleteRecord(command) => record::apply::delete(draft, command),
        Command::PutCard(command) => card::apply::put(draft, command),
        Command::Namespace(command) => namespace::apply::decide(draft, command),
        Command::SpendToken(command) => token::apply::spend_as_condition(draft, command),
        Command::PutAgent(command) => agent::apply::put(draft, command),
        Command::PutSearch(told) => search::apply::put(draft, told),
        Command::RegisterGateway(command) => gateway::apply::register_gateway(draft, command),
        Command::RegisterNode(command) => node::apply::register_node(draft, command),
        Command::SetNodeState(command) => node::apply::set_node_state(draft, command),
        Command::SubmitTask(command) => task::apply::submit(draft, command),
        Command::AssignTask(command) => task::apply::assign(draft, command),
        Command::ReleaseTask(command) => task::apply::release(draft, command),
        Command::CompleteTask(command) => task::ending::complete(draft, command),
        Command::CancelTask(command) => task::ending::cancel(draft, command),
        Command::ExpireTask(command) => task::ending::expire(draft, command),
        Command::SpendTokens(command) => token::apply::spend(draft, command),
        Command::Conduct(command) => decide_conduct(draft, command),
        Command::EnqueueEnvelope(command) => envelope::apply::enqueue(draft, command),
        Command::LeaseEnvelopes(command) => envelope::lease::lease(draft, command),
        Command::Compact(command) => compact::apply::compact(draft, command),
        Command::AdmitMember(command) => member::apply::admit(draft, command),
        Command::RetireMember(command) => member::apply::retire(draft, command),
        Command::Log(command) => decide_log(draft, command),
        Command::Federation(command) => decide_federation(draft, command),
        Command::Require(condition) => precondition::apply::check(draft, condition),
        Command::Instance(command) => instance::apply::decide(draft, command),
        Command::Fleet(command) => decide_fleet(draft, command),
        Command::AckEnvelope(command) => envelope::lease::ack(draft, command),
    }
}

/// The map from commands about other registries to decisions.
fn decide_federation(draft: &mut Draft<'_>, command: &FederationCommand) -> Outcome {
    match command {
        FederationCommand::SetReachability(command) => reachability::apply::set(draft, command),
        FederationCommand::PutPartner(command) => partner::apply::put(draft, command),
        FederationCommand::AdvancePartner(command) => partner::apply::advance(draft, command),
        FederationCommand::QuarantinePartner(command) => partner::apply::quarantine(draft, command),
        FederationCommand::RemovePartner(command) => partner::apply::remove(draft, command),
        FederationCommand::Import(import) => import::apply::take(draft, import),
        FederationCommand::SetPartnerEpoch(command) => partner::apply::set_epoch(draft, command),
        FederationCommand::HoldPartner(command) => partner::pulls::hold(draft, command),
        FederationCommand::ReleasePartner(command) => partner::pulls::release(draft, command),
        FederationCommand::FailPartner(command) => partner::pulls::fail(draft, command),
    }
}

/// The map from what else is asked about agents, nodes, tasks, envelopes and policies to decisions.
fn decide_fleet(draft: &mut Draft<'_>, command: &FleetCommand) -> Outcome {
    match command {
        FleetCommand::ContinueTask(command) => task::turn::continue_task(draft, command),
        FleetCommand::CallNodes => node::apply::call_nodes(draft),
        FleetCommand::HearNode(command) => node::apply::hear_node(draft, command),
        FleetCommand::AttachAgent(command) => agent::apply::attach(draft, command),
        FleetCommand::RemoveAgent(command) => agent::apply::remove(draft, command),
        FleetCommand::FailEnvelope(command) => envelope::lease::fail(draft, command),
        FleetCommand::ReplayEnvelope(command) => envelope::dead::replay(draft, command),
        FleetCommand::DropEnvelope(command) => envelope::dead::discard(draft, command),
        FleetCommand::PutPolicy(command) => policy::apply::put(draft, command),
        FleetCommand::DeletePolicy(command) => policy::apply::delete(draft, command),
        FleetCommand::PutPushConfig(command) => task::push::put(draft, command),
        FleetCommand::DeletePushConfig(command) => task::push::delete(draft, command),
    }
}

/// The map from what is asked about conduct to decisions.
fn decide_conduct(draft: &mut Draft<'_>, command: &ConductCommand) -> Outcome {
    match command {
        ConductCommand::Report(told) => conduct::apply::report(draft, told),
        ConductCommand::Charge(command) => token::apply::charge(draft, command),
    }
}

/// The map from what is asked about log, audit and time to decisions.
fn decide_log(draft: &mut Draft<'_>, command: &LogCommand) -> Outcome {
    match command {
        LogCommand::OpenLog(command) => log::apply::open(draft, command),
        LogCommand::Audit(command) => audit::apply::note(draft, command),
        LogCommand::TruncateAudit(command) => audit::apply::truncate(draft, command),
        LogCommand::ResetTime(command) => clock::apply::reset(draft, command),
        LogCommand::Witness(command) => witness::apply::follow(draft, command),
        LogCommand::WitnessEpoch(command) => witness::apply::begin(draft, command),
    }
}
