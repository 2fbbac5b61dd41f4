//! Tokens to be spent or charged: in batches, or with what each pays for. A token from before a restore is past its time,
//! since nobody knows whether it was spent; and so is one that a gateway has checked by what it knew of another cluster epoch,
//! where other peers are enrolled. A batch is never split: its verdicts share one commit.

use proto_types::token::Kind;
use proto_types::{Digest, WallMs};
use proto_wire::registry::v1 as wire;
use registry_core::command::{
    ChargeTokens, Command, ConductCommand, Proposal, SpendToken, SpendTokens,
};
use registry_core::view::View;
use registry_core::{epoch, query};

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

/// Reads the token that is spent with a request. Gateways alone have one to bring, that of whoever called them.
pub(super) fn payment(
    caller: &Principal,
    token: Option<&wire::TokenUse>,
    view: &dyn View,
) -> Result<Option<SpendToken>, Problem> {
    let Some(token) = token else { return Ok(None) };
    let Principal::Gateway(_) = caller else {
        return Err(Problem::argument("token", "only a gateway brings one"));
    };
    let (hash, until) = token_use("token", token, query::cluster_epoch(view)?, view)?;
    Ok(Some(SpendToken { hash, until }))
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
    let current = query::cluster_epoch(view)?;
    request.tokens.iter().map(|token| token_use("tokens", token, current, view)).collect()
}

/// A token as the core knows it, and until when it is remembered, in a cluster of the `current` epoch.
fn token_use(
    member: &str,
    token: &wire::TokenUse,
    current: u64,
    view: &dyn View,
) -> Result<(Digest, WallMs), Problem> {
    let key: [u8; 32] = (token.key[..])
        .try_into()
        .map_err(|_| Problem::argument(&format!("{member}.key"), "32 bytes are needed"))?;
    let is_of_another = token.epoch.is_some_and(|epoch| epoch != current);
    let is_past = is_of_another || epoch::is_before(view, issued_at(token))?;
    let until = if is_past { PAST } else { WallMs(token.remember_until_ms) };
    Ok((Digest(key), until))
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

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use registry_core::view::Memory;

    use super::*;
    use crate::problem::Code;

    fn gateway() -> Principal {
        Principal::Gateway("g1".parse().unwrap())
    }

    fn token() -> wire::TokenUse {
        let key = vec![7; 32].into();
        wire::TokenUse { key, remember_until_ms: 400_000, issued_at_ms: 1, epoch: None }
    }

    #[test]
    fn a_gateway_alone_pays_with_a_token() {
        let view = Memory::default();
        let paid = payment(&gateway(), Some(&token()), &view).unwrap();
        assert_eq!(paid, Some(SpendToken { hash: Digest([7; 32]), until: WallMs(400_000) }));
        for caller in [gateway(), Principal::Operator] {
            assert_eq!(payment(&caller, None, &view), Ok(None));
        }
        let code = |caller: Principal, token: &wire::TokenUse| {
            payment(&caller, Some(token), &view).unwrap_err().code()
        };
        assert_eq!(code(Principal::Operator, &token()), Code::InvalidArgument);
        let short = wire::TokenUse { key: vec![7; 31].into(), ..token() };
        assert_eq!(code(gateway(), &short), Code::InvalidArgument);
    }

    #[test]
    fn a_token_from_before_a_restore_is_past_its_time_in_a_batch_and_alone() {
        let mut view = Memory::default();
        let restored = epoch::begin(&view, 1).unwrap();
        view.commit(&restored);
        assert_eq!(read(&token(), &view), [PAST; 3]);
    }

    /// Until when a token is remembered: alone, in a batch to be spent, and in one to be charged.
    fn read(token: &wire::TokenUse, view: &dyn View) -> [WallMs; 3] {
        let batch = wire::SpendTokensRequest { tokens: vec![token.clone()] };
        let spent = spend(&gateway(), &batch, view).unwrap().commands;
        let [Command::SpendTokens(spent)] = &spent[..] else { panic!("{spent:?}") };
        let charged = charge(&gateway(), &batch, view).unwrap().commands;
        let [Command::Conduct(ConductCommand::Charge(charged))] = &charged[..] else {
            panic!("{charged:?}");
        };
        let alone = payment(&gateway(), Some(token), view).unwrap().unwrap();
        [alone.until, spent.entries[0].1, charged.entries[0].1]
    }

    /// Caught: a gateway let a peer in that it knew from before a restore, and the cluster that does not know it kept the task.
    #[test]
    fn a_token_that_was_checked_in_another_cluster_epoch_is_past_its_time_in_a_batch_and_alone() {
        let mut view = Memory::default();
        let restored = epoch::begin(&view, 1).unwrap();
        // It was issued after the restore: that is no reason.
        let checked_in = |epoch| wire::TokenUse { epoch, issued_at_ms: u64::MAX, ..token() };
        for (epoch, until) in [(None, 400_000), (Some(0), 400_000), (Some(1), PAST.0)] {
            assert_eq!(read(&checked_in(epoch), &view), [WallMs(until); 3], "{epoch:?} of 0");
        }
        view.commit(&restored);
        for (epoch, until) in [(None, 400_000), (Some(1), 400_000), (Some(0), PAST.0)] {
            assert_eq!(read(&checked_in(epoch), &view), [WallMs(until); 3], "{epoch:?} of 1");
        }
    }
}
