//! Entries of a partner that are passed over, while the others are taken: no single entry stops a pull. The partner's
//! text is shown only as a name, escaped and cut.

use proto_types::Handle;
use proto_types::path::is_addressable;
use registry_fetch::Fetched;

use super::pull_error::PullError;
use super::take::{Offer, Pull};

/// Pulls that fail at the same entry before it is passed over: a failure may be the network's, or the
/// partner's for a while.
const FAILURES_MAX: u32 = 3;

/// Entries whose failures are counted; at one more nobody waits for better times.
const STUCK_MAX: usize = 256;

/// Of a name that is shown.
const NAME_CHARS_MAX: usize = 128;

/// Of a kind that is shown; those that there are have fewer.
const KIND_CHARS_MAX: usize = 16;

/// What a partner answers when it is asked for an entry.
#[derive(Debug)]
pub(super) enum Found {
    /// The entry, or that the known version is the newest.
    Here(Fetched),
    /// It is not there: gone since the list was made, or not yet known to the member that answers.
    Gone,
    /// Something else: it is passed over.
    PassedOver,
    /// The budget is spent.
    Spent,
}

/// A handle as a partner writes it, if it is one here too.
///
/// # Errors
/// What is wrong with it.
pub(super) fn handle(text: &str) -> Result<Handle, String> {
    match is_addressable(text) {
        true => Handle::parse(text).map_err(|why| format!("its handle: {why}")),
        false => Err("its handle: a part of it is a dot segment".to_owned()),
    }
}

impl Pull {
    /// Asks for one entry.
    pub(super) async fn entry(
        &mut self,
        offer: &Offer,
        (path, etag): (&str, Option<&str>),
    ) -> Result<Found, PullError> {
        let why = match self.page(path, etag).await {
            Ok(None) => return Ok(Found::Spent),
            Ok(Some(fetched)) => match fetched.status {
                200 | 304 => return Ok(Found::Here(fetched)),
                404 | 410 => return Ok(Found::Gone),
                // It may answer otherwise the next time.
                429 | 500.. => format!("it answered {}", fetched.status),
                other => {
                    let why = format!("it answered {other}");
                    self.pass_over(offer.kind.as_str(), offer.handle.as_str(), &why);
                    return Ok(Found::PassedOver);
                }
            },
            Err(PullError::Failed(why)) => why,
            Err(misbehaviour) => return Err(misbehaviour),
        };
        self.stumble(offer, why)
    }

    /// Asks for one entry as a majority of its registry has it. What goes wrong here fails the pull each time: an
    /// entry that only some members have yet is not passed over.
    pub(super) async fn strong_entry(&mut self, path: &str) -> Result<Found, PullError> {
        let Some(fetched) = self.page(path, None).await? else { return Ok(Found::Spent) };
        self.check_state(&fetched)?;
        match fetched.status {
            200 => Ok(Found::Here(fetched)),
            404 | 410 => Ok(Found::Gone),
            other => {
                Err(PullError::Failed(format!("an entry: a strong read was answered {other}")))
            }
        }
    }

    /// A failure at an entry fails the pull, but not for ever.
    fn stumble(&mut self, offer: &Offer, why: String) -> Result<Found, PullError> {
        let name = shown(offer.kind.as_str(), offer.handle.as_str());
        let has_room = self.walk.stuck.len() < STUCK_MAX || self.walk.stuck.contains_key(&name);
        if has_room {
            let failures = self.walk.stuck.entry(name).or_default();
            *failures += 1;
            if *failures < FAILURES_MAX {
                return Err(PullError::Failed(format!("an entry: {why}")));
            }
        }
        self.pass_over(offer.kind.as_str(), offer.handle.as_str(), &why);
        Ok(Found::PassedOver)
    }

    /// Notes an entry that is not taken; its partner's others are.
    pub(super) fn pass_over(&mut self, kind: &str, handle: &str, why: &str) {
        let name = shown(kind, handle);
        let is_news = !self.partner.passed_over.named.contains_key(&name);
        if self.walk.passed_over.note(name.clone(), why.to_owned()) && is_news {
            tracing::warn!(partner = %self.partner.name, entry = name, why, "an entry is passed over");
        }
    }

    /// Forgets that an entry was passed over: it is taken now, or gone.
    pub(super) fn settled(&mut self, offer: &Offer) {
        self.walk.passed_over.forget(&shown(offer.kind.as_str(), offer.handle.as_str()));
    }
}

/// The name of an entry for people, whatever is in it.
fn shown(kind: &str, handle: &str) -> String {
    let kind: String = kind.escape_debug().take(KIND_CHARS_MAX).collect();
    let handle: String = handle.escape_debug().take(NAME_CHARS_MAX).collect();
    format!("{kind} {handle}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_short_and_of_one_line_whatever_a_partner_calls_the_entry_and_its_kind() {
        assert_eq!(shown("record", "urn:a:1"), "record urn:a:1");
        let hostile = "\u{1f310}\n\u{202e}".repeat(400);
        let name = shown(&hostile, &hostile);
        assert!(name.len() <= 1_024 && !name.contains(char::is_control), "{name}");
    }
}
