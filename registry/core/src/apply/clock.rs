//! The state's time, brought back after a clock has carried it ahead.
//! Decides when that is allowed: where it is further ahead than clocks may be apart. It must never let a token be spent
//! twice for it: what was spent shortly before may have been forgotten as past.

use proto_types::WallMs;

use crate::change::Reply;
use crate::counter::{CLOCK, FIRST_BUCKET, TOKENS_DOUBTED_UNTIL};
use crate::timekeeper::OFFSET_MAX_MS;

use super::bound::{self, MINUTE_MS};
use super::draft::{Draft, Outcome};

/// Tokens that were given out before this act end within it: they live 300 s, and clocks differ by 60 s.
const TOKEN_LIFE_MS: u64 = 6 * MINUTE_MS;

pub(super) fn reset(draft: &mut Draft<'_>, to: WallMs) -> Outcome {
    let ahead_ms = draft.now().since(to);
    if ahead_ms <= OFFSET_MAX_MS {
        let why = format!("the state's time is {ahead_ms} ms ahead; {OFFSET_MAX_MS} are allowed");
        return Err(bound::invalid("to", &why).into());
    }
    draft.set_count(CLOCK, to.0);
    draft.set_count(FIRST_BUCKET, 0);
    draft.set_count(TOKENS_DOUBTED_UNTIL, to.plus_ms(TOKEN_LIFE_MS).0);
    Ok(Reply::Done(draft.revision()))
}
