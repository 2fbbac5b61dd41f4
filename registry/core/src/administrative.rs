//! Which commands are acts that the audit keeps: those by which somebody gains or loses a right, and
//! those that change what the fleet runs.
//! It decides names and targets; it must never take what callers do all day (documents of their own,
//! tasks, tokens, envelopes) for such an act: the audit is kept for ever.

use crate::command::{
    Command, Foreign, InstanceCommand, LedgerCommand, NamespaceCommand, PeerCommand,
};

/// The name of the act and what it is done to; `None` for what is no act.
#[must_use]
pub fn act(command: &Command) -> Option<(&'static str, String)> {
    Some(match command {
        Command::IssueJoinToken { role, .. } => ("issue-join-token", format!("{role:?}")),
        Command::EnrolPeer { origin, .. } => ("enrol-peer", origin.to_string()),
        Command::RevokePeer { origin } => ("revoke-peer", origin.to_string()),
        Command::Peer(command) => return of_peer(command),
        Command::Namespace(NamespaceCommand::Put { name, .. }) => {
            ("put-namespace", name.to_string())
        }
        Command::Namespace(NamespaceCommand::Delete { name, .. }) => {
            ("delete-namespace", name.to_string())
        }
        Command::Foreign(wish) => return of_partner(wish),
        Command::Instance(command) => of_instance(command),
        Command::DeleteRecord { handle, .. } => ("delete-record", handle.to_string()),
        Command::PutAgent { handle, .. } => ("put-agent", handle.to_string()),
        Command::RegisterGateway { id, .. } => ("register-gateway", id.to_string()),
        Command::RegisterNode { id, .. } => ("register-node", id.to_string()),
        Command::AdmitMember { id, .. } => ("admit-member", id.to_string()),
        Command::RetireMember { id } => ("retire-member", id.to_string()),
        Command::Ledger(LedgerCommand::WitnessEpoch { origin, epoch }) => {
            ("witness-epoch", format!("{origin} {epoch}"))
        }
        Command::Ledger(LedgerCommand::TruncateAudit { through }) => {
            ("truncate-audit", through.to_string())
        }
        Command::Ledger(LedgerCommand::ResetTime { to }) => ("reset-time", to.to_string()),
        _ => return None,
    })
}

fn of_instance(command: &InstanceCommand) -> (&'static str, String) {
    match command {
        InstanceCommand::Create { tenant, .. } => ("create-instance", tenant.to_string()),
        InstanceCommand::Remove { tenant } => ("remove-instance", tenant.to_string()),
    }
}

fn of_peer(command: &PeerCommand) -> Option<(&'static str, String)> {
    Some(match command {
        PeerCommand::Admit { candidate, .. } => ("enrol-peer", candidate.origin.to_string()),
        PeerCommand::Decide { origin, approval: Some(_), .. } => {
            ("approve-peer", origin.to_string())
        }
        PeerCommand::Decide { origin, approval: None, .. } => ("reject-peer", origin.to_string()),
        PeerCommand::Operate { operation, .. } => ("operate-peer", operation.issuer.to_string()),
        PeerCommand::Stand { origin, .. } => ("stand-peer", origin.to_string()),
        PeerCommand::AllowTokenLife { origin, .. } => ("allow-token-life", origin.to_string()),
        PeerCommand::State { issuer, .. } => ("put-manifest", issuer.to_string()),
        _ => return None,
    })
}

/// Agreements and their ends; what a partner gives under one is written all day.
fn of_partner(wish: &Foreign) -> Option<(&'static str, String)> {
    Some(match wish {
        Foreign::PutPartner { name, .. } => ("put-partner", name.to_string()),
        Foreign::QuarantinePartner { name, .. } => ("quarantine-partner", name.to_string()),
        Foreign::RemovePartner { name } => ("remove-partner", name.to_string()),
        Foreign::SetPartnerEpoch { name, .. } => ("restart-partner", name.to_string()),
        Foreign::HoldPartner { name, entries: 1.. } => ("hold-partner", name.to_string()),
        Foreign::ReleasePartner { name } => ("release-partner", name.to_string()),
        Foreign::SetLiveness { .. }
        | Foreign::AdvancePartner { .. }
        | Foreign::HoldPartner { .. }
        | Foreign::FailPartner { .. }
        | Foreign::Import(_) => return None,
    })
}
