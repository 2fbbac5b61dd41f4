//! The decision to set the state's time back, after a wrong clock has carried it ahead. It is allowed only where the time
//! is further ahead than clocks may be apart. Spent tokens may have been forgotten meanwhile, so tokens from before the
//! reset do not count any more.

use crate::bound::{self, MINUTE_MS};
use crate::change::Reply;
use crate::counter::{CLOCK, EPOCH_BEGAN, FIRST_BUCKET};
use crate::draft::{Draft, Outcome};
use crate::timekeeper::OFFSET_MAX_MS;

use super::command::ResetTime;

pub(crate) fn reset(draft: &mut Draft<'_>, command: &ResetTime) -> Outcome {
    let to = command.to;
    let ahead_ms = draft.now().since(to);
    if ahead_ms <= OFFSET_MAX_MS {
        let why = format!("the state's time is {ahead_ms} ms ahead; {OFFSET_MAX_MS} are allowed");
        return Err(bound::invalid("to", &why).into());
    }
    draft.set_count(CLOCK, to.0);
    draft.set_count(FIRST_BUCKET, 0);
    // An issuer's clock may be 60 s ahead: what it gave out before says that it is of after.
    draft.set_count(EPOCH_BEGAN, to.plus_ms(MINUTE_MS).0);
    Ok(Reply::Done(draft.revision()))
}
