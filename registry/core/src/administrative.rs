//! Which commands are acts that the audit keeps: those by which somebody gains or loses a right, and
//! those that change what the fleet runs.
//! It decides names and targets; it must never take what callers do all day (documents of their own,
//! tasks, tokens, envelopes) for such an act: the audit is kept for ever.

use crate::command::{Command, Foreign, LedgerCommand};
use crate::instance::command::InstanceCommand;
use crate::namespace::command::NamespaceCommand;
use crate::peer::command::PeerCommand;

/// The name of the act and what it is done to; `None` for what is no act.
#[must_use]
pub fn act(command: &Command) -> Option<(&'static str, String)> {
    Some(match command {
        Command::IssueJoinToken(issue) => ("issue-join-token", format!("{:?}", issue.role)),
        Command::EnrolPeer(enrol) => ("enrol-peer", enrol.origin.to_string()),
        Command::RevokePeer(revoke) => ("revoke-peer", revoke.origin.to_string()),
        Command::Peer(command) => return of_peer(command),
        Command::Namespace(command) => of_namespace(command),
        Command::Foreign(wish) => return of_partner(wish),
        Command::Instance(command) => of_instance(command),
        Command::DeleteRecord(delete) => ("delete-record", delete.handle.to_string()),
        Command::PutAgent(put) => ("put-agent", put.handle.to_string()),
        Command::RegisterGateway(register) => ("register-gateway", register.id.to_string()),
        Command::RegisterNode(register) => ("register-node", register.id.to_string()),
        Command::AdmitMember(admit) => ("admit-member", admit.id.to_string()),
        Command::RetireMember(retire) => ("retire-member", retire.id.to_string()),
        Command::Ledger(command) => return of_ledger(command),
        _ => return None,
    })
}

fn of_namespace(command: &NamespaceCommand) -> (&'static str, String) {
    match command {
        NamespaceCommand::Put(put) => ("put-namespace", put.name.to_string()),
        NamespaceCommand::Delete(delete) => ("delete-namespace", delete.name.to_string()),
    }
}

fn of_instance(command: &InstanceCommand) -> (&'static str, String) {
    match command {
        InstanceCommand::Create(create) => ("create-instance", create.tenant.to_string()),
        InstanceCommand::Remove(remove) => ("remove-instance", remove.tenant.to_string()),
    }
}

fn of_ledger(command: &LedgerCommand) -> Option<(&'static str, String)> {
    Some(match command {
        LedgerCommand::WitnessEpoch(begun) => {
            ("witness-epoch", format!("{} {}", begun.origin, begun.epoch))
        }
        LedgerCommand::TruncateAudit(truncate) => ("truncate-audit", truncate.through.to_string()),
        LedgerCommand::ResetTime(reset) => ("reset-time", reset.to.to_string()),
        LedgerCommand::OpenLog(_) | LedgerCommand::Audit(_) | LedgerCommand::Witness(_) => {
            return None;
        }
    })
}

fn of_peer(command: &PeerCommand) -> Option<(&'static str, String)> {
    Some(match command {
        PeerCommand::Admit(admit) => ("enrol-peer", admit.candidate.origin.to_string()),
        PeerCommand::Decide(decide) => {
            let act = if decide.approval.is_some() { "approve-peer" } else { "reject-peer" };
            (act, decide.origin.to_string())
        }
        PeerCommand::Operate(operate) => ("operate-peer", operate.operation.issuer.to_string()),
        PeerCommand::Stand(stand) => ("stand-peer", stand.origin.to_string()),
        PeerCommand::AllowTokenLife(allow) => ("allow-token-life", allow.origin.to_string()),
        PeerCommand::State(state) => ("put-manifest", state.issuer.to_string()),
        PeerCommand::Request(_) | PeerCommand::AskDomain(_) | PeerCommand::NoteDomain(_) => {
            return None;
        }
    })
}

/// Agreements and their ends; what a partner gives under one is written all day.
fn of_partner(wish: &Foreign) -> Option<(&'static str, String)> {
    Some(match wish {
        Foreign::PutPartner(put) => ("put-partner", put.name.to_string()),
        Foreign::QuarantinePartner(caught) => ("quarantine-partner", caught.name.to_string()),
        Foreign::RemovePartner(remove) => ("remove-partner", remove.name.to_string()),
        Foreign::SetPartnerEpoch(begun) => ("restart-partner", begun.name.to_string()),
        Foreign::HoldPartner(hold) if hold.entries > 0 => ("hold-partner", hold.name.to_string()),
        Foreign::ReleasePartner(release) => ("release-partner", release.name.to_string()),
        Foreign::SetLiveness(_)
        | Foreign::AdvancePartner(_)
        | Foreign::HoldPartner(_)
        | Foreign::FailPartner(_)
        | Foreign::Import(_) => return None,
    })
}
