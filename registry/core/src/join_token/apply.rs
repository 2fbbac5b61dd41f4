//! The decision whether a join token is valid. A spent one never counts again.

use proto_types::Digest;

use crate::bound;
use crate::change::{Refusal, Reply};
use crate::draft::{Draft, Outcome, Step};
use crate::index;

use super::command::IssueJoinToken;
use super::entry::{JoinRole, JoinTokenEntry};
use super::table::{self, JOIN_TOKENS};

/// Void tokens forgotten for each one issued: more go than come, and a command stays small.
const SWEEP_MAX: usize = 64;

pub(crate) fn issue(draft: &mut Draft<'_>, command: &IssueJoinToken) -> Outcome {
    let IssueJoinToken { hash, role, expires_at } = *command;
    bound::not_past(expires_at, draft.now())?;
    bound::near("expires_at", expires_at, draft.now(), JoinTokenEntry::AHEAD_MS_MAX)?;
    sweep(draft)?;
    match draft.entry(&JOIN_TOKENS, &hash.hex())? {
        Some(kept) if (kept.role, kept.expires_at) != (role, expires_at) => {
            return Err(bound::conflict("join-token", &hash.to_string()).into());
        }
        Some(_) => {}
        None => {
            let token = JoinTokenEntry { hash, role, expires_at, spent_by: None };
            draft.replace(&JOIN_TOKENS, None, &token);
        }
    }
    // An invitation is no fact of the directory: watchers do not see it, so it has no revision.
    Ok(Reply::Done(draft.revision()))
}

/// Spends a token for `by`, or refuses without saying what is wrong with it.
pub(crate) fn spend(draft: &mut Draft<'_>, hash: &Digest, role: JoinRole, by: &str) -> Step<()> {
    let token = draft.entry(&JOIN_TOKENS, &hash.hex())?.ok_or(Refusal::JoinTokenInvalid)?;
    let valid = token.role == role && token.spent_by.is_none() && token.expires_at > draft.now();
    if !valid {
        return Err(Refusal::JoinTokenInvalid.into());
    }
    let spent = JoinTokenEntry { spent_by: Some(by.to_owned()), ..token.clone() };
    draft.replace(&JOIN_TOKENS, Some(&token), &spent);
    Ok(())
}

/// Holds if `by` came in with this token, and spends it where `by` came in another way.
pub(crate) fn show(draft: &mut Draft<'_>, hash: &Digest, role: JoinRole, by: &str) -> Step<()> {
    let token = draft.entry(&JOIN_TOKENS, &hash.hex())?;
    let own = token.is_some_and(|token| {
        token.role == role
            && token.spent_by.as_deref() == Some(by)
            && token.expires_at > draft.now()
    });
    if own { Ok(()) } else { spend(draft, hash, role, by) }
}

/// Forgets tokens past their expiry, a bounded part of them. Answers whether there may be more.
pub(crate) fn sweep(draft: &mut Draft<'_>) -> Step<bool> {
    let (from, to) = table::join_tokens_void(draft.now());
    let ids = index::ids(draft.view(), (&from, &to), SWEEP_MAX)?;
    for id in &ids {
        if let Some(void) = draft.entry(&JOIN_TOKENS, id)? {
            draft.remove(&JOIN_TOKENS, &void);
        }
    }
    Ok(ids.len() == SWEEP_MAX)
}
