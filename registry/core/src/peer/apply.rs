//! The map of commands about peers, and the operator's decisions: a peer's status, and how long its tokens may live. The
//! files beside it decide what owners, hosts and newcomers ask for.

use proto_types::peer::{Act, Actor};
use proto_types::token::LIFE_S_ALLOWED;

use crate::bound;
use crate::change::Reply;
use crate::draft::{Draft, Outcome};
use crate::history::entry::ChangeKind;

use super::command::{AllowTokenLife, PeerCommand, RevokePeer, StandPeer};
use super::entry::{PeerEntry, PeerStatus};
use super::log::{self, Line};
use super::refusal::refusal;
use super::table::PEERS;
use super::{domain, enrol, manifest, operate, request};

/// A sentence for people.
const REASON_BYTES_MAX: usize = 256;

/// The commands about peers.
pub(crate) fn decide(draft: &mut Draft<'_>, command: &PeerCommand) -> Outcome {
    match command {
        PeerCommand::Admit(command) => enrol::enrol(draft, &command.candidate, &command.approval),
        PeerCommand::Request(command) => request::request(draft, command),
        PeerCommand::Decide(command) => request::decide(draft, command),
        PeerCommand::State(command) => manifest::put(draft, command),
        PeerCommand::Operate(command) => operate::operate(draft, command),
        PeerCommand::Stand(command) => stand(draft, command),
        PeerCommand::AskDomain(command) => domain::ask(draft, command),
        PeerCommand::NoteDomain(command) => domain::note(draft, command),
        PeerCommand::AllowTokenLife(command) => allow_token_life(draft, command),
    }
}

/// How long a peer's tokens may live is the operator's agreement with it, and no fact of its keys.
fn allow_token_life(draft: &mut Draft<'_>, command: &AllowTokenLife) -> Outcome {
    let (origin, seconds) = (&command.origin, command.seconds);
    seconds.map_or(Ok(()), |life_s| bound::number("seconds", life_s.into(), LIFE_S_ALLOWED))?;
    let kept = draft.existing(&PEERS, origin.as_str())?;
    if kept.token_life_s_max == seconds {
        return Ok(Reply::Done(kept.revision));
    }
    let mut allowed = PeerEntry { token_life_s_max: seconds, ..kept.clone() };
    allowed.revision = draft.note(ChangeKind::Peer, origin.as_str(), false);
    draft.replace(&PEERS, Some(&kept), &allowed);
    Ok(Reply::Done(allowed.revision))
}

/// The operator's word that none of a peer's keys counts any more.
pub(crate) fn revoke(draft: &mut Draft<'_>, command: &RevokePeer) -> Outcome {
    let (origin, standing) = (command.origin.clone(), PeerStatus::Revoked);
    stand(draft, &StandPeer { origin, standing, reason: None })
}

/// The operator's word.
fn stand(draft: &mut Draft<'_>, command: &StandPeer) -> Outcome {
    let StandPeer { origin, standing, reason } = command;
    if let Some(reason) = reason {
        bound::text("reason", reason, REASON_BYTES_MAX)?;
    }
    let kept = draft.existing(&PEERS, origin.as_str())?;
    if kept.standing.operator == *standing {
        return Ok(Reply::Done(kept.revision));
    }
    let state = kept.state().ordered(*standing).map_err(|fault| refusal(origin, fault))?;
    let act = Act::Standing { standing: *standing, reason: reason.clone() };
    let line = Line { actor: Actor::Operator, act, body: None, barrier: false };
    let ordered = kept.clone().in_state(state);
    Ok(Reply::Done(log::keep(draft, Some(&kept), ordered, line)?))
}
