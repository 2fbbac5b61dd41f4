//! Tokens to be spent.
//!
//! It decides the form of a batch. It must never split one: its verdicts share one commit.

use proto_types::{Digest, WallMs};
use proto_wire::registry::v1 as wire;
use registry_core::command::{Command, Proposal};

use crate::identity::{Principal, Role};
use crate::problem::Problem;

/// Tokens of one batch, as the core bounds them.
const TOKENS_MAX: usize = 1_024;

/// Reads a batch.
///
/// # Errors
/// As [`Principal::require`], `invalid-argument`.
pub fn spend(caller: &Principal, request: &wire::SpendTokensRequest) -> Result<Proposal, Problem> {
    let entries = entries(caller, request)?;
    Ok(super::one(Command::SpendTokens { entries }))
}

pub(super) fn entries(
    caller: &Principal,
    request: &wire::SpendTokensRequest,
) -> Result<Vec<(Digest, WallMs)>, Problem> {
    caller.require(&[Role::Gateway])?;
    if !(1..=TOKENS_MAX).contains(&request.tokens.len()) {
        return Err(Problem::argument("tokens", format_args!("1 to {TOKENS_MAX} tokens")));
    }
    let entries = request.tokens.iter().map(|token| {
        let key: [u8; 32] = (token.key[..])
            .try_into()
            .map_err(|_| Problem::argument("tokens.key", "32 bytes are needed"))?;
        Ok((Digest(key), WallMs(token.remember_until_ms)))
    });
    entries.collect()
}
