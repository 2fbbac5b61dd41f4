//! The decision which gateways belong to the fleet. Two machines never have one credential.

use crate::change::Reply;
use crate::draft::{Draft, Outcome};
use crate::history::entry::ChangeKind;
use crate::join_token::entry::JoinRole;
use crate::join_token::machine;

use super::command::RegisterGateway;
use super::entry::GatewayEntry;
use super::table::GATEWAYS;

pub(crate) fn register_gateway(draft: &mut Draft<'_>, command: &RegisterGateway) -> Outcome {
    let RegisterGateway { id, endpoint, credential, join } = command;
    let kept = draft.entry(&GATEWAYS, id.as_str())?;
    match &kept {
        Some(kept) if kept.credential != *credential => {
            return machine::taken(draft, join, (JoinRole::Gateway, "gateway", id.as_str()));
        }
        Some(kept) if kept.endpoint == *endpoint => return Ok(Reply::Done(kept.revision)),
        Some(_) => {}
        None => machine::admit(draft, credential, join, JoinRole::Gateway, id.as_str())?,
    }
    let revision = draft.note(ChangeKind::Gateway, id.as_str(), false);
    let (id, endpoint, credential) = (id.clone(), endpoint.clone(), *credential);
    let gateway = GatewayEntry { id, endpoint, credential, revision };
    draft.replace(&GATEWAYS, kept.as_ref(), &gateway);
    Ok(Reply::Done(revision))
}
