//! The decision who may be added to consensus. A retired number is never given to a newcomer: the old member may still
//! have votes out under it.

use proto_types::Digest;

use crate::bound::{self, URL_BYTES_MAX};
use crate::change::{Refusal, Reply};
use crate::draft::{Draft, Outcome, Stop};
use crate::entity::Entity as _;
use crate::join_token;
use crate::join_token::entry::JoinRole;
use crate::view::ViewError;

use super::command::{AdmitMember, RetireMember};
use super::entry::MemberEntry;
use super::table::MEMBERS;

/// Numbers ever used. Each takes an operator's act, so only a runaway script comes near. Arbitrary.
const MEMBERS_MAX: usize = 1_024;

pub(crate) fn admit(draft: &mut Draft<'_>, command: &AdmitMember) -> Outcome {
    let AdmitMember { id, address, join: token } = command;
    let (id, token) = (*id, token.as_ref());
    bound::number("id", id, (1, u64::MAX))?;
    bound::text("address", address, URL_BYTES_MAX)?;
    let kept = kept(draft, id)?;
    match (&kept, token) {
        (Some(kept), _) if kept.retired => return Err(retired(id).into()),
        (Some(kept), Some(token)) if kept.address == *address => {
            join_token::apply::show(draft, token, JoinRole::Registry, &bearer(id))?;
            return Ok(Reply::Done(draft.revision()));
        }
        (Some(kept), None) if kept.address == *address => {
            return Ok(Reply::Done(draft.revision()));
        }
        // A number moves to another address by the word of an operator alone.
        (Some(_), Some(_)) => return Err(bound::conflict("member", &id.to_string()).into()),
        (Some(_), None) => {}
        (None, _) => newcomer(draft, id, token)?,
    }
    let (address, changed_at) = (address.clone(), draft.now());
    let member = MemberEntry { id, address, retired: false, changed_at };
    draft.replace(&MEMBERS, kept.as_ref(), &member);
    // The cluster is no fact of the directory: watchers do not see it, so it has no revision.
    Ok(Reply::Done(draft.revision()))
}

/// A number that was never used.
fn newcomer(draft: &mut Draft<'_>, id: u64, token: Option<&Digest>) -> Result<(), Stop> {
    if MEMBERS.list(draft.view(), None, MEMBERS_MAX)?.len() >= MEMBERS_MAX {
        return Err(bound::full("members ever", MEMBERS_MAX as u64).into());
    }
    match token {
        Some(token) => join_token::apply::spend(draft, token, JoinRole::Registry, &bearer(id)),
        None => Ok(()),
    }
}

pub(crate) fn retire(draft: &mut Draft<'_>, command: &RetireMember) -> Outcome {
    let id = command.id;
    let kept = kept(draft, id)?;
    if kept.as_ref().is_some_and(|kept| kept.retired) {
        return Ok(Reply::Done(draft.revision()));
    }
    // A founding member was never admitted; its number is remembered all the same.
    let address = kept.as_ref().map(|kept| kept.address.clone()).unwrap_or_default();
    let member = MemberEntry { id, address, retired: true, changed_at: draft.now() };
    draft.replace(&MEMBERS, kept.as_ref(), &member);
    Ok(Reply::Done(draft.revision()))
}

fn kept(draft: &Draft<'_>, id: u64) -> Result<Option<MemberEntry>, ViewError> {
    let name = MemberEntry { id, address: String::new(), retired: false, changed_at: draft.now() };
    draft.entry(&MEMBERS, &name.key())
}

/// Who a token is spent by.
fn bearer(id: u64) -> String {
    format!("member {id}")
}

fn retired(id: u64) -> Refusal {
    bound::invalid("id", &format!("{id} was retired, and a number is never used again"))
}
