//! base64url without padding (RFC 4648, section 5), in its only canonical form.
//!
//! Decides what decodes. Must never accept two texts for the same bytes: no padding, no line
//! breaks, no slack bits (attack case 20).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// The text is not canonical, unpadded base64url.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not canonical base64url without padding")]
pub struct Malformed;

/// The canonical text of the bytes.
#[must_use]
pub fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The bytes of a canonical text.
///
/// # Errors
/// A character outside the alphabet, padding, an impossible length, or slack bits that are not 0.
pub fn decode(text: &str) -> Result<Vec<u8>, Malformed> {
    URL_SAFE_NO_PAD.decode(text).map_err(|_| Malformed)
}

/// The bytes of a canonical text that must be exactly `N` long.
///
/// # Errors
/// As [`decode`], or another length.
pub fn decode_array<const N: usize>(text: &str) -> Result<[u8; N], Malformed> {
    decode(text)?.try_into().map_err(|_| Malformed)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn case_20_slack_bits_padding_and_newlines_are_refused() {
        assert_eq!(decode("Zg").unwrap(), b"f");
        for bad in
            ["Zh", "Zg==", "Zg=", "Zg\n", "\nZg", "Z g", "Z", "Zm8+", "Zm8/", "Zm9=", "Zm9vé"]
        {
            assert_eq!(decode(bad), Err(Malformed), "{bad:?}");
        }
        assert_eq!(decode_array::<2>("Zg"), Err(Malformed));
    }

    proptest! {
        #[test]
        fn each_text_that_decodes_is_the_one_that_is_encoded(text in "[A-Za-z0-9_=-]{0,24}") {
            if let Ok(bytes) = decode(&text) {
                prop_assert_eq!(encode(&bytes), text);
            }
        }
    }
}
