//! The bounds that several commands share, and the refusal when one is exceeded. A value is checked and never changed.

use proto_types::{IsolationSet, WallMs};

use crate::change::Refusal;

/// A minute, in ms.
pub(crate) const MINUTE_MS: u64 = 60_000;
/// A day, in ms.
pub(crate) const DAY_MS: u64 = 24 * 60 * MINUTE_MS;

/// URLs longer than this fail in browsers and proxies (RFC 9110, 4.1 asks for 8,000 at least; 2,048
/// is what common servers take without a setting).
pub(crate) const URL_BYTES_MAX: usize = 2_048;

/// As long as the longest id there is, a handle.
pub(crate) const NAME_BYTES_MAX: usize = 512;

/// Enough for a sentence; reasons are shown, not parsed.
pub(crate) const REASON_BYTES_MAX: usize = 1_024;

/// A text that can stand in keys and logs: not empty, not too long, no control characters.
pub(crate) fn text(what: &str, value: &str, bytes_max: usize) -> Result<(), Refusal> {
    match value.len() {
        0 => Err(invalid(what, "is empty")),
        len if len > bytes_max => Err(full(&format!("bytes of {what}"), bytes_max as u64)),
        _ if value.contains(char::is_control) => Err(invalid(what, "has control characters")),
        _ => Ok(()),
    }
}

/// A number within `least..=most`.
pub(crate) fn number(what: &str, value: u64, (least, most): (u64, u64)) -> Result<(), Refusal> {
    match value {
        _ if value < least => Err(invalid(what, &format!("is below {least}"))),
        _ if value > most => Err(full(what, most)),
        _ => Ok(()),
    }
}

/// A time that has not come yet.
pub(crate) fn not_past(at: WallMs, now: WallMs) -> Result<(), Refusal> {
    if at > now { Ok(()) } else { Err(Refusal::Expired { expired_ms: at.0 }) }
}

/// A time that is at most so far ahead.
pub(crate) fn near(what: &str, at: WallMs, now: WallMs, ahead_ms_max: u64) -> Result<(), Refusal> {
    let ahead_ms = at.since(now);
    if ahead_ms <= ahead_ms_max {
        return Ok(());
    }
    Err(Refusal::TooFarAhead { what: what.to_owned(), ahead_ms, ahead_ms_max })
}

/// Refuses a set that is in the log alone: an earlier version let it in there, and
/// refused it when that was applied. (An empty set of a node was not refused, but no edge has ever let one in.)
pub(crate) fn isolation(set: &IsolationSet) -> Result<(), Refusal> {
    if set.is_wrong() { Err(invalid("isolation", "is no set of classes")) } else { Ok(()) }
}

pub(crate) fn invalid(what: &str, why: &str) -> Refusal {
    Refusal::Invalid { what: what.to_owned(), why: why.to_owned() }
}

pub(crate) fn full(what: &str, bound: u64) -> Refusal {
    Refusal::Full { what: what.to_owned(), bound, share: false }
}

/// Of who holds as much as one caller may.
pub(crate) fn share_full(what: &str, held: u64) -> Refusal {
    Refusal::Full { what: what.to_owned(), bound: held, share: true }
}

pub(crate) fn conflict(kind: &str, id: &str) -> Refusal {
    Refusal::Conflict { kind: kind.to_owned(), id: id.to_owned() }
}
