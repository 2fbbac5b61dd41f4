//! The commands that the audit keeps: those that give or take a right, and those that change what the fleet runs. Each
//! has a name and a target. What callers do all day (their own documents, tasks, tokens, envelopes) is never among them,
//! because the audit is kept for ever.

use crate::command::{Command, FederationCommand, FleetCommand, LogCommand};
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
        Command::Federation(command) => return of_partner(command),
        Command::Instance(command) => of_instance(command),
        Command::DeleteRecord(delete) => ("delete-record", delete.handle.to_string()),
        Command::PutAgent(put) => ("put-agent", put.handle.to_string()),
        Command::RegisterGateway(register) => ("register-gateway", register.id.to_string()),
        Command::RegisterNode(register) => ("register-node", register.id.to_string()),
        Command::AdmitMember(admit) => ("admit-member", admit.id.to_string()),
        Command::RetireMember(retire) => ("retire-member", retire.id.to_string()),
        Command::Fleet(command) => return of_fleet(command),
        Command::Log(command) => return of_log(command),
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

fn of_fleet(command: &FleetCommand) -> Option<(&'static str, String)> {
    Some(match command {
        FleetCommand::AttachAgent(attach) => ("attach-agent", attach.handle.to_string()),
        FleetCommand::RemoveAgent(remove) => ("remove-agent", remove.handle.to_string()),
        FleetCommand::ReplayEnvelope(replay) => {
            ("replay-envelope", format!("{} {}", replay.source, replay.id))
        }
        FleetCommand::DropEnvelope(drop) => {
            ("drop-envelope", format!("{} {}", drop.source, drop.id))
        }
        FleetCommand::PutPolicy(put) => ("put-policy", put.name.to_string()),
        FleetCommand::DeletePolicy(delete) => ("delete-policy", delete.name.to_string()),
        FleetCommand::ContinueTask(_)
        | FleetCommand::CallNodes
        | FleetCommand::HearNode(_)
        | FleetCommand::FailEnvelope(_)
        | FleetCommand::PutPushConfig(_)
        | FleetCommand::DeletePushConfig(_) => return None,
    })
}

fn of_log(command: &LogCommand) -> Option<(&'static str, String)> {
    Some(match command {
        LogCommand::WitnessEpoch(begun) => {
            ("witness-epoch", format!("{} {}", begun.origin, begun.epoch))
        }
        LogCommand::TruncateAudit(truncate) => ("truncate-audit", truncate.through.to_string()),
        LogCommand::ResetTime(reset) => ("reset-time", reset.to.to_string()),
        LogCommand::OpenLog(_) | LogCommand::Audit(_) | LogCommand::Witness(_) => {
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
fn of_partner(command: &FederationCommand) -> Option<(&'static str, String)> {
    Some(match command {
        FederationCommand::PutPartner(put) => ("put-partner", put.name.to_string()),
        FederationCommand::QuarantinePartner(caught) => {
            ("quarantine-partner", caught.name.to_string())
        }
        FederationCommand::RemovePartner(remove) => ("remove-partner", remove.name.to_string()),
        FederationCommand::SetPartnerEpoch(begun) => ("restart-partner", begun.name.to_string()),
        FederationCommand::HoldPartner(hold) if hold.entries > 0 => {
            ("hold-partner", hold.name.to_string())
        }
        FederationCommand::ReleasePartner(release) => ("release-partner", release.name.to_string()),
        FederationCommand::SetReachability(_)
        | FederationCommand::AdvancePartner(_)
        | FederationCommand::HoldPartner(_)
        | FederationCommand::FailPartner(_)
        | FederationCommand::Import(_) => return None,
    })
}
