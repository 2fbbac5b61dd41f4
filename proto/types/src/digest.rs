//! SHA-256 digests: the names of bytes.
//!
//! Decides the one encoding of a digest, `sha256:` and 64 lower-case hexadecimal digits. Must never
//! accept another encoding: two encodings of one name are two map keys.

use std::fmt;

use serde::de::{self, Deserialize, Deserializer};
use serde::{Serialize, Serializer};
use sha2::Digest as _;
use subtle::ConstantTimeEq as _;

/// What every encoded digest starts with.
const PREFIX: &str = "sha256:";

/// How long an encoded digest is.
const ENCODED_BYTES: usize = PREFIX.len() + 64;

/// The SHA-256 of some bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest(pub [u8; 32]);

/// The text is not `sha256:` and 64 lower-case hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a digest is \"sha256:\" and 64 lower-case hexadecimal digits")]
pub struct Malformed;

impl Digest {
    /// The digest of one piece.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(sha2::Sha256::digest(bytes).into())
    }

    /// The digest of the pieces one after the other. There is no separator: the caller who needs
    /// one passes it as a piece.
    #[must_use]
    pub fn of_parts(parts: &[&[u8]]) -> Self {
        let mut hasher = sha2::Sha256::new();
        for part in parts {
            hasher.update(part);
        }
        Self(hasher.finalize().into())
    }

    /// Reads the encoding that `Display` prints.
    ///
    /// # Errors
    /// Any other encoding, upper case included.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        let digits = text.strip_prefix(PREFIX).ok_or(Malformed)?;
        let mut bytes = [0; 32];
        if digits.bytes().any(|byte| byte.is_ascii_uppercase()) {
            return Err(Malformed);
        }
        hex::decode_to_slice(digits, &mut bytes).map_err(|_| Malformed)?;
        Ok(Self(bytes))
    }

    /// Whether both are the digest of one secret, in a time that does not tell how much of them is
    /// the same (attack case 35). Every comparison of secrets goes through here, as digests, so that
    /// lengths do not tell either; `tidy` holds that.
    #[must_use]
    pub fn same_secret(&self, other: &Self) -> bool {
        bool::from(self.0.ct_eq(&other.0))
    }

    /// The strong HTTP entity tag of the bytes: the encoding in double quotes (RFC 9110, 8.8.3).
    #[must_use]
    pub fn etag(&self) -> String {
        ["\"", self.encode(&mut [0; ENCODED_BYTES]), "\""].concat()
    }

    /// The 64 digits without the prefix.
    #[must_use]
    pub fn hex(&self) -> String {
        self.encode(&mut [0; ENCODED_BYTES])[PREFIX.len()..].to_owned()
    }

    /// The encoding, in a place of the caller's: entries are full of digests.
    fn encode<'b>(&self, place: &'b mut [u8; ENCODED_BYTES]) -> &'b str {
        let (prefix, digits) = place.split_at_mut(PREFIX.len());
        prefix.copy_from_slice(PREFIX.as_bytes());
        hex::encode_to_slice(self.0, digits).expect("there is room for two digits of each byte");
        std::str::from_utf8(place).expect("hexadecimal digits are ASCII")
    }

    /// The raw digest.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.encode(&mut [0; ENCODED_BYTES]))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::str::FromStr for Digest {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        Self::parse(text)
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.encode(&mut [0; ENCODED_BYTES]))
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(Visitor)
    }
}

/// Reads a digest where it stands.
struct Visitor;

impl de::Visitor<'_> for Visitor {
    type Value = Digest;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{Malformed}")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Digest, E> {
        Digest::parse(text).map_err(E::custom)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    /// FIPS 180-2, appendix B.1.
    const ABC: &str = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    #[test]
    fn the_digest_of_abc_is_that_of_the_standard() {
        assert_eq!(Digest::of(b"abc").to_string(), ABC);
        assert_eq!(Digest::of_parts(&[b"a", b"", b"bc"]), Digest::of(b"abc"));
        assert_eq!(Digest::of(b"abc").etag(), format!("\"{ABC}\""));
    }

    #[test]
    fn only_one_encoding_is_read() {
        assert_eq!(Digest::parse(ABC), Ok(Digest::of(b"abc")));
        let upper = ABC.replace("ba78", "BA78");
        for bad in ["", "sha256:", &ABC[7..], &ABC[..70], &upper, &format!("{ABC}0")] {
            assert_eq!(Digest::parse(bad), Err(Malformed), "{bad}");
        }
        let json = serde_json::to_string(&Digest::of(b"abc")).unwrap();
        assert_eq!(json, format!("\"{ABC}\""));
        assert_eq!(serde_json::from_str::<Digest>(&json).unwrap(), Digest::of(b"abc"));
        let upper = serde_json::from_str::<Digest>(&format!("\"{upper}\"")).unwrap_err();
        assert!(upper.to_string().contains("lower-case"), "{upper}");
        assert!(serde_json::from_str::<Digest>("7").is_err());
    }
}
