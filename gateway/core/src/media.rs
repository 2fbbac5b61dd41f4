//! Whether an agent takes what a message brings.
//!
//! Decides by the media types that the parts state (A2A 1.0, section 3.1.1) and those that the
//! agent's card names. Must never guess the type of a part that states none.

use proto_types::a2a::Message;

use crate::params::{Faults, fault};

/// Checks the parts against the media types that the agent takes: `text/plain`, `image/*`, `*/*`.
///
/// # Errors
/// Each part of another type, with its place.
pub fn check(message: &Message, taken: &[String]) -> Result<(), Faults> {
    let refused = |(at, part): (usize, &proto_types::a2a::Part)| {
        let stated = part.media_type.as_deref()?;
        let fits = taken.iter().any(|range| is_within(stated, range));
        let place = format!("/message/parts/{at}/mediaType");
        (!fits).then(|| fault(&place, "a media type that the agent's card names for its input"))
    };
    let faults: Faults = message.parts.iter().enumerate().filter_map(refused).collect();
    if faults.is_empty() { Ok(()) } else { Err(faults) }
}

/// Types have no case, and parameters choose no other type (RFC 9110, sections 8.3.1 and 12.5.1).
fn is_within(stated: &str, range: &str) -> bool {
    let (kind, subtype) = halves(stated);
    let (kinds, subtypes) = halves(range);
    let fits = |one: &str, all: &str| all == "*" || one.eq_ignore_ascii_case(all);
    // Cards of older days name a kind alone: `text`.
    fits(kind, kinds) && subtypes.is_none_or(|all| fits(subtype.unwrap_or_default(), all))
}

fn halves(media_type: &str) -> (&str, Option<&str>) {
    let plain = media_type.split(';').next().unwrap_or_default().trim();
    plain.split_once('/').map_or((plain, None), |(kind, subtype)| (kind, Some(subtype)))
}

#[cfg(test)]
mod tests {
    use proto_types::a2a::{Part, Role};

    use super::*;

    #[test]
    fn a_part_of_a_type_that_the_agent_does_not_take_is_named() {
        let check = |stated: &str, taken: &[&str]| {
            let part = Part { media_type: Some(stated.to_owned()), ..Part::text("x") };
            let message = Message::new("m", Role::User, vec![Part::text("untyped"), part]);
            let taken: Vec<String> = taken.iter().map(|&range| range.to_owned()).collect();
            super::check(&message, &taken)
        };
        for (stated, taken) in [
            ("text/plain", &["text/plain"][..]),
            ("Text/PLAIN; charset=utf-8", &["text/plain"]),
            ("image/png", &["text/plain", "image/*"]),
            ("image/png", &["*/*"]),
            ("text/plain", &["text/plain; charset=utf-8"]),
            ("text/markdown", &["text"]),
        ] {
            assert_eq!(check(stated, taken), Ok(()), "{stated} {taken:?}");
        }
        for (stated, taken) in [
            ("image/png", &["text/plain"][..]),
            ("image/png", &["image/jpeg", "text/*"]),
            ("image", &["image/png"]),
            ("text/plain", &[]),
        ] {
            let faults = check(stated, taken).expect_err(stated);
            assert_eq!(faults[0].field(), "message.parts[1].mediaType", "{stated} {taken:?}");
        }
    }
}
