//! Conditions on the version that is stored (RFC 9110, section 13.1), for every write alike. A condition is never
//! dropped: a caller that states one would overwrite what it has not seen.

use proto_types::Digest;
use registry_core::command::{
    Command, FleetCommand, PeerCommand, Precondition, Proposal, Versioned, Versions,
};

/// What a caller demands of the version that is stored; nothing by default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Conditions {
    /// One of these is stored.
    pub if_match: Option<Versions>,
    /// None of these is stored.
    pub if_none_match: Option<Versions>,
}

impl Conditions {
    /// That this very version is stored, if one is named.
    #[must_use]
    pub fn version(named: Option<Digest>) -> Self {
        let if_match = named.map(|version| Versions::OneOf(vec![version]));
        Self { if_match, if_none_match: None }
    }

    /// The proposal under these conditions.
    ///
    /// # Panics
    /// If there are conditions and the proposal writes nothing that has a version: no call that
    /// reads conditions makes such a proposal.
    #[must_use]
    pub fn on(self, mut proposal: Proposal) -> Proposal {
        let Self { if_match, if_none_match } = self;
        if if_match.is_none() && if_none_match.is_none() {
            return proposal;
        }
        let subject = proposal.commands.iter().find_map(subject);
        let subject = subject.expect("calls with conditions write what has a version");
        let condition = Precondition { subject, if_match, if_none_match };
        proposal.commands.insert(0, Command::Require(condition));
        proposal
    }
}

fn subject(command: &Command) -> Option<Versioned> {
    Some(match command {
        Command::PutRecord(put) => Versioned::Record(put.handle.clone()),
        Command::DeleteRecord(delete) => Versioned::Record(delete.handle.clone()),
        Command::PutCard(put) => Versioned::Card(put.handle.clone()),
        Command::Peer(PeerCommand::State(state)) => Versioned::Manifest(state.issuer.clone()),
        Command::PutAgent(put) => Versioned::Agent(put.handle.clone()),
        Command::Fleet(FleetCommand::AttachAgent(attach)) => {
            Versioned::Agent(attach.handle.clone())
        }
        Command::Fleet(FleetCommand::RemoveAgent(remove)) => {
            Versioned::Agent(remove.handle.clone())
        }
        Command::Fleet(FleetCommand::PutPolicy(put)) => Versioned::Policy(put.name.clone()),
        Command::Fleet(FleetCommand::DeletePolicy(delete)) => {
            Versioned::Policy(delete.name.clone())
        }
        _ => return None,
    })
}
