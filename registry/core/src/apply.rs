//! What every command comes to. Commands are decided one after the other over a draft of the state;
//! a proposal's draft is kept whole or dropped whole.
//! It must never depend on anything but the view, the stamp and the commands: every member applies
//! the same log, and their states are compared.

mod agent;
mod audit;
mod body;
mod bound;
mod card;
mod clock;
mod compact;
mod conduct;
mod domain;
mod draft;
mod envelope;
mod fleet;
mod foreign;
mod home;
mod import;
mod instance;
mod join;
mod key_owner;
mod lease;
mod ledger;
mod liveness;
mod manifest;
mod member;
mod namespace;
mod operate;
mod owner;
mod partner;
mod peer;
mod peer_log;
mod precondition;
mod pulls;
mod record;
mod request;
mod search;
mod storage;
mod task;
mod tenancy;
mod token;
pub(crate) mod witness;

use proto_types::{Revision, Stamp, WallMs};

use crate::change::{Change, Effect, Refusal, Reply, Write};
use crate::command::{Command, Proposal};
use crate::counter;
use crate::epoch;
use crate::overlay::Overlay;
use crate::view::{View, ViewError};

use self::draft::{Draft, Outcome, Stop};
use self::ledger::{Leaf, Ledger};

pub(crate) use self::tenancy::{of_agent, of_card, of_record};
pub(crate) use self::token::is_spent as token_is_spent;

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
pub fn apply(view: &dyn View, stamp: Stamp, command: &Command) -> Result<Change, ViewError> {
    let mut batch = Batch::open(view, stamp)?;
    let mut replies = batch.attempt(std::slice::from_ref(command))?;
    let reply = replies.pop().expect("attempt answers every command up to a refusal");
    let done = batch.close(Vec::new());
    Ok(Change { writes: done.writes, effects: done.effects, reply })
}

/// Decides the proposals of one log entry, each all or nothing, each seeing those before it.
///
/// # Errors
/// As [`apply`].
pub fn apply_batch(
    view: &dyn View,
    stamp: Stamp,
    proposals: &[Proposal],
) -> Result<BatchChange, ViewError> {
    let mut batch = Batch::open(view, stamp)?;
    let replies = proposals.iter().map(|proposal| batch.attempt(&proposal.commands));
    let replies = replies.collect::<Result<_, _>>()?;
    Ok(batch.close(replies))
}

/// The accepted proposals of a log entry.
struct Batch<'v> {
    accepted: Overlay<'v>,
    effects: Vec<Effect>,
    /// The state machine's time: it never goes back, whatever the leader's clock does.
    now: WallMs,
    revision: Revision,
    stored: (WallMs, Revision),
    /// Whether this is the first log entry of a cluster epoch.
    begins_epoch: bool,
    /// The transparency log, read with the first leaf.
    ledger: Option<Ledger>,
}

impl<'v> Batch<'v> {
    fn open(view: &'v dyn View, stamp: Stamp) -> Result<Self, ViewError> {
        let clock = WallMs(counter::read(view, counter::CLOCK)?);
        let revision = Revision(counter::read(view, counter::REVISION)?);
        Ok(Self {
            accepted: Overlay::over(view),
            effects: Vec::new(),
            now: clock.max(stamp.now),
            revision,
            stored: (clock, revision),
            begins_epoch: !epoch::has_begun(view)?,
            ledger: None,
        })
    }

    /// Decides a proposal and keeps it unless it is refused.
    fn attempt(&mut self, commands: &[Command]) -> Result<Vec<Reply>, ViewError> {
        if commands.len() > COMMANDS_MAX {
            let (what, bound) = ("commands of a proposal".to_owned(), COMMANDS_MAX as u64);
            return Ok(vec![Reply::Refused(Refusal::Full { what, bound, share: false })]);
        }
        let mut draft = Draft::over(&self.accepted, self.now, self.revision);
        let mut replies = Vec::with_capacity(commands.len());
        for command in commands {
            match decide(&mut draft, command) {
                Ok(reply) => replies.push(reply),
                Err(Stop::Refused(refusal)) => {
                    replies.push(Reply::Refused(refusal));
                    return Ok(replies);
                }
                Err(Stop::Broken(error)) => return Err(error),
            }
        }
        search::settle(&mut draft)?;
        let leaves = draft.take_leaves();
        let (pending, effects, revision) = draft.finish();
        self.accepted.absorb(pending);
        self.effects.extend(effects);
        self.revision = revision;
        self.record(leaves)?;
        Ok(replies)
    }

    /// Has the log gain the leaves of an accepted proposal, if it is open.
    fn record(&mut self, leaves: Vec<Leaf>) -> Result<(), ViewError> {
        if !leaves.is_empty() && self.ledger.is_none() {
            self.ledger = Ledger::load(&self.accepted)?;
        }
        if let Some(ledger) = &mut self.ledger {
            leaves.into_iter().for_each(|leaf| ledger.append(leaf, self.now));
        }
        Ok(())
    }

    fn close(mut self, replies: Vec<Vec<Reply>>) -> BatchChange {
        let (clock, revision) = self.stored;
        let logged = self.ledger.map(Ledger::into_writes).unwrap_or_default();
        logged.into_iter().for_each(|write| self.accepted.write(write));
        if self.begins_epoch {
            self.accepted.write(counter::write(counter::EPOCH_BEGAN, self.now.0));
        }
        if !self.accepted.is_empty() {
            if self.now != clock {
                self.accepted.write(counter::write(counter::CLOCK, self.now.0));
            }
            if self.revision != revision {
                self.accepted.write(counter::write(counter::REVISION, self.revision.0));
            }
        }
        let (effects, revision) = (self.effects, self.revision);
        BatchChange { writes: self.accepted.into_writes(), effects, replies, revision }
    }
}

/// The map from commands to decisions.
fn decide(draft: &mut Draft<'_>, command: &Command) -> Outcome {
    match command {
        Command::PutBody(command) => body::put(draft, command),
        Command::IssueJoinToken(command) => join::issue(draft, command),
        Command::EnrolPeer(command) => peer::enrol_keys(draft, command),
        Command::Peer(command) => peer::decide(draft, command),
        Command::RevokePeer(command) => peer::revoke(draft, command),
        Command::PutRecord(command) => record::put(draft, command),
        Command::DeleteRecord(command) => record::delete(draft, command),
        Command::PutCard(command) => card::put(draft, command),
        Command::Namespace(command) => namespace::decide(draft, command),
        Command::SpendToken(command) => token::spend_as_condition(draft, command),
        Command::PutAgent(command) => agent::put(draft, command),
        Command::PutSearch(told) => search::put(draft, told),
        Command::RegisterGateway(command) => fleet::register_gateway(draft, command),
        Command::RegisterNode(command) => fleet::register_node(draft, command),
        Command::SetNodeState(command) => fleet::set_node_state(draft, command),
        Command::SubmitTask(command) => task::submit(draft, command),
        Command::AssignTask(command) => task::assign(draft, command),
        Command::ReleaseTask(command) => task::release(draft, command),
        Command::CompleteTask(command) => task::ending::complete(draft, command),
        Command::CancelTask(command) => task::ending::cancel(draft, command),
        Command::ExpireTask(command) => task::ending::expire(draft, command),
        Command::SpendTokens(command) => token::spend(draft, command),
        Command::Conduct(command) => conduct::decide(draft, command),
        Command::EnqueueEnvelope(command) => envelope::enqueue(draft, command),
        Command::LeaseEnvelopes(command) => lease::lease(draft, command),
        Command::Compact(command) => compact::compact(draft, command),
        Command::AdmitMember(command) => member::admit(draft, command),
        Command::RetireMember(command) => member::retire(draft, command),
        Command::Ledger(command) => ledger::decide(draft, command),
        Command::Foreign(wish) => foreign::decide(draft, wish),
        Command::Require(condition) => precondition::check(draft, condition),
        Command::Instance(command) => instance::decide(draft, command),
        Command::Fleet(command) => fleet::decide(draft, command),
        Command::AckEnvelope(command) => lease::ack(draft, command),
    }
}
