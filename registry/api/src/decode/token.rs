//! Batches of tokens to be spent, or charged. A token from before a restore is past its time, since nobody knows whether
//! it was spent. A batch is never split: its verdicts share one commit.

use proto_types::token::Kind;
use proto_types::{Digest, WallMs};
use proto_wire::registry::v1 as wire;
use registry_core::command::{ChargeTokens, Command, ConductCommand, Proposal, SpendTokens};
use registry_core::epoch;
use registry_core::view::View;

use crate::identity::{Principal, Role};
use crate::problem::Problem;

/// Tokens of one batch, as the core bounds them.
const TOKENS_MAX: usize = 1_024;

/// Reads a batch to be spent.
pub fn spend(
    caller: &Principal,
    request: &wire::SpendTokensRequest,
    view: &dyn View,
) -> Result<Proposal, Problem> {
    let entries = entries(caller, request, view)?;
    Ok(super::one(Command::SpendTokens(SpendTokens { entries })))
}

/// Reads a batch of tokens that were used badly.
pub fn charge(
    caller: &Principal,
    request: &wire::SpendTokensRequest,
    view: &dyn View,
) -> Result<Proposal, Problem> {
    let entries = entries(caller, request, view)?;
    Ok(super::one(ConductCommand::Charge(ChargeTokens { entries }).into()))
}

fn entries(
    caller: &Principal,
    request: &wire::SpendTokensRequest,
    view: &dyn View,
) -> Result<Vec<(Digest, WallMs)>, Problem> {
    caller.require(&[Role::Gateway])?;
    if !(1..=TOKENS_MAX).contains(&request.tokens.len()) {
        return Err(Problem::argument("tokens", format_args!("1 to {TOKENS_MAX} tokens")));
    }
    let entries = request.tokens.iter().map(|token| {
        let key: [u8; 32] = (token.key[..])
            .try_into()
            .map_err(|_| Problem::argument("tokens.key", "32 bytes are needed"))?;
        let is_past = epoch::is_before(view, issued_at(token))?;
        let until = if is_past { PAST } else { WallMs(token.remember_until_ms) };
        Ok((Digest(key), until))
    });
    entries.collect()
}

/// Out of any horizon: the core neither spends nor accepts it.
const PAST: WallMs = WallMs(0);

/// When the token was issued, or may have been: it is valid no longer than its kind may be.
fn issued_at(token: &wire::TokenUse) -> WallMs {
    if token.issued_at_ms > 0 {
        return WallMs(token.issued_at_ms);
    }
    let life_ms_max = Kind::Plain.life_s_max() * 1_000 + Kind::Plain.skew_ms();
    WallMs(token.remember_until_ms).minus_ms(life_ms_max)
}
