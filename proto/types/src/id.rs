//! Names: each kind of id is its own type, checked once, when it is made or read.
//!
//! Decides which characters and lengths a name may have. Must never change a name: what was signed
//! under one text is looked up under the same text, so there is no case folding and no
//! Unicode normalisation, only refusal (attack cases 2 and 17).

use serde::{Deserialize, Serialize};

/// Why a string is not such an id. It says how long the text is and where it is wrong, not what it
/// contains: the text may be hostile and the error is logged. Nor which id it was meant to be: whoever
/// reads a member or an argument says that, by the name that its writer knows.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The length is outside the kind's range.
    #[error("{len} characters, but {min} to {max} are allowed")]
    Length {
        /// The kind of id.
        kind: &'static str,
        /// The length that was found, in bytes.
        len: usize,
        /// The least length.
        min: usize,
        /// The greatest length.
        max: usize,
    },
    /// A byte that the kind does not allow.
    #[error("the byte 0x{byte:02x} at {at} is not allowed")]
    Byte {
        /// The kind of id.
        kind: &'static str,
        /// The first byte that is not allowed.
        byte: u8,
        /// Its position.
        at: usize,
    },
}

/// Visible ASCII: no blank, no control character, nothing that looks like something else.
fn is_visible(byte: u8) -> bool {
    byte.is_ascii_graphic()
}

/// A handle stands in quoted headers (ETag) and in signed text, so neither quoting character is in.
fn is_handle(byte: u8) -> bool {
    is_visible(byte) && byte != b'\\' && byte != b'"'
}

fn is_label(byte: u8) -> bool {
    matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-')
}

fn is_machine(byte: u8) -> bool {
    is_label(byte) || matches!(byte, b'.' | b'_')
}

fn is_tenant(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-')
}

fn check(
    kind: &'static str,
    text: &str,
    (min, max): (usize, usize),
    allowed: fn(u8) -> bool,
) -> Result<(), Error> {
    let len = text.len();
    if !(min..=max).contains(&len) {
        return Err(Error::Length { kind, len, min, max });
    }
    match text.bytes().enumerate().find(|(_, byte)| !allowed(*byte)) {
        Some((at, byte)) => Err(Error::Byte { kind, byte, at }),
        None => Ok(()),
    }
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident: $min:literal..=$max:literal, $allowed:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The greatest length, in bytes.
            pub const LEN_MAX: usize = $max;

            /// Checks and copies.
            ///
            /// # Errors
            /// The length or a character is not allowed for this kind of id.
            pub fn parse(text: &str) -> Result<Self, Error> {
                check(stringify!($name), text, ($min, $max), $allowed)?;
                Ok(Self(text.to_owned()))
            }

            /// The id as it was given.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = Error;

            fn try_from(text: String) -> Result<Self, Error> {
                check(stringify!($name), &text, ($min, $max), $allowed)?;
                Ok(Self(text))
            }
        }

        impl std::str::FromStr for $name {
            type Err = Error;

            fn from_str(text: &str) -> Result<Self, Error> {
                Self::parse(text)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        // Sound because Ord, Eq and Hash of the id are those of its text.
        impl std::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }
    )*};
}

ids! {
    /// A directory name, such as `urn:hive:agent:sha256:0001`. A Pilox record asks for at least 8
    /// characters; hosted agents may be shorter.
    Handle: 1..=512, is_handle;
    /// The tenant that a handle lives in.
    Namespace: 1..=64, is_label;
    /// A policy of calls.
    PolicyName: 1..=64, is_label;
    /// The part of a handle before the first slash that is an instance's own: `acme01` of
    /// `acme01/translator`.
    TenantKey: 1..=64, is_tenant;
    /// The name of a key within its issuer: a map key and nothing else.
    Kid: 1..=128, is_visible;
    /// An execution node.
    NodeId: 1..=64, is_machine;
    /// A gateway.
    GatewayId: 1..=64, is_machine;
    /// An A2A task.
    TaskId: 1..=128, is_visible;
    /// An A2A context: the conversation that tasks belong to.
    ContextId: 1..=128, is_visible;
    /// One WAN message of one source.
    EnvelopeId: 1..=128, is_visible;
    /// What ties an envelope to the work that caused it. The range is that of the WAN envelope v1.
    CorrelationId: 8..=256, is_visible;
    /// Which envelopes of one source and target are delivered one after the other.
    OrderingKey: 1..=128, is_visible;
    /// The single-use name of a token among those of its issuer.
    Jti: 1..=128, is_visible;
    /// What a gateway's `Federation-Nonce` header says; only that gateway reads into it.
    Nonce: 1..=256, is_visible;
}

impl Namespace {
    /// The name of the namespace that everything is in unless it says otherwise.
    pub const DEFAULT: &'static str = "default";
}

impl Default for Namespace {
    fn default() -> Self {
        Self(Self::DEFAULT.to_owned())
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_kid_is_at_most_128_visible_bytes() {
        assert!(Kid::parse(&"k".repeat(128)).is_ok());
        for bad in ["", "a b", "k\n", "k\0", "clé", "\u{202e}k", "a\u{7f}"] {
            assert!(Kid::parse(bad).is_err(), "{bad:?}");
        }
        let megabyte = "k".repeat(1 << 20);
        let said = Error::Length { kind: "Kid", len: 1 << 20, min: 1, max: 128 };
        assert_eq!(Kid::parse(&megabyte), Err(said));
        // Paths, SQL and URLs are names like others: they are never looked into.
        for odd in ["../../etc/passwd", "';DROP--", "https://evil.example/k"] {
            assert_eq!(Kid::parse(odd).unwrap().as_str(), odd);
        }
    }

    #[test]
    fn a_homoglyph_or_unnormalised_handle_is_refused() {
        for bad in ["urn:аgent", "cafe\u{301}-agent", "café-agent", "a\"b", "a\\b", "\u{feff}abc"]
        {
            assert!(Handle::parse(bad).is_err(), "{bad:?}");
        }
        assert!(Handle::parse("urn:hive:agent:sha256:0001").is_ok());
        assert!(Handle::parse(&"h".repeat(513)).is_err());
    }

    #[test]
    fn deserialisation_checks_too() {
        assert!(serde_json::from_str::<Namespace>("\"Default\"").is_err());
        assert!(serde_json::from_str::<CorrelationId>("\"short\"").is_err());
        let read: Namespace = serde_json::from_str("\"default\"").unwrap();
        assert_eq!(read, Namespace::default());
        assert_eq!(serde_json::to_string(&read).unwrap(), "\"default\"");
    }

    proptest! {
        #[test]
        fn an_id_keeps_its_text(text in "\\PC{0,140}") {
            if let Ok(id) = TaskId::parse(&text) {
                prop_assert_eq!(id.as_str(), text.as_str());
                prop_assert!(text.bytes().all(|byte| byte.is_ascii_graphic()));
            }
        }
    }
}
