//! A key of either algorithm: Ed25519, or P-256 for ES256.
//!
//! Decides how such a key is encoded. Must never let a P-256 key pass where an Ed25519 key is asked
//! for: [`AnyKey::ed25519`] is the only way from one to the other.

use std::fmt;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

use super::{BadSignature, Error, P256Key, PublicKey, SecretKey, p256};
use crate::jose::Algorithm;

/// A public key that was checked, and with it the algorithm of its signatures. Serialised as the
/// lower-case hexadecimal digits of its bytes, 64 or 130; see [`jwk`] for the other form. When it is
/// checked is as of [`PublicKey`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(into = "String")]
pub enum AnyKey {
    /// For EdDSA.
    Ed25519(PublicKey),
    /// For ES256.
    P256(P256Key),
}

/// A secret key of either algorithm.
pub trait Signer: Send + Sync {
    /// The public half.
    fn public(&self) -> AnyKey;

    /// The signature of this message, as JWS has it (RFC 7518, 3.4; RFC 8037, 3.1).
    fn sign(&self, message: &[u8]) -> [u8; 64];
}

impl Signer for SecretKey {
    fn public(&self) -> AnyKey {
        Self::public(self).into()
    }

    fn sign(&self, message: &[u8]) -> [u8; 64] {
        Self::sign(self, message)
    }
}

impl AnyKey {
    /// Reads 64 lower-case hexadecimal digits of Ed25519, or 130 of a point of P-256.
    ///
    /// # Errors
    /// Another form, or no key that is accepted.
    pub fn from_hex(text: &str) -> Result<Self, Error> {
        match text.len() {
            p256::HEX_LEN | p256::COMPRESSED_HEX_LEN => P256Key::from_hex(text).map(Self::P256),
            _ => PublicKey::from_hex(text).map(Self::Ed25519),
        }
    }

    /// The lower-case hexadecimal digits of [`AnyKey::as_bytes`].
    #[must_use]
    pub fn to_hex(&self) -> String {
        hex::encode(self.as_bytes())
    }

    /// The encoded point: 32 bytes, or 65.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Ed25519(key) => key.as_bytes(),
            Self::P256(key) => key.as_bytes(),
        }
    }

    /// The Ed25519 key, if it is one.
    #[must_use]
    pub const fn ed25519(&self) -> Option<PublicKey> {
        match self {
            Self::Ed25519(key) => Some(*key),
            Self::P256(_) => None,
        }
    }

    /// The algorithm of its signatures.
    #[must_use]
    pub const fn algorithm(&self) -> Algorithm {
        match self {
            Self::Ed25519(_) => Algorithm::EdDsa,
            Self::P256(_) => Algorithm::Es256,
        }
    }

    /// Checks a key that was read back, for whoever doubts what is kept.
    ///
    /// # Errors
    /// As [`AnyKey::from_hex`].
    pub fn check(&self) -> Result<(), Error> {
        match self {
            Self::Ed25519(key) => key.check(),
            Self::P256(key) => key.check(),
        }
    }

    /// Verifies by the key's own algorithm.
    ///
    /// # Errors
    /// Any other signature.
    pub fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), BadSignature> {
        match self {
            Self::Ed25519(key) => key.verify(message, signature),
            Self::P256(key) => key.verify(message, signature),
        }
    }
}

impl From<PublicKey> for AnyKey {
    fn from(key: PublicKey) -> Self {
        Self::Ed25519(key)
    }
}

impl From<P256Key> for AnyKey {
    fn from(key: P256Key) -> Self {
        Self::P256(key)
    }
}

impl From<AnyKey> for String {
    fn from(key: AnyKey) -> Self {
        key.to_hex()
    }
}

impl fmt::Debug for AnyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AnyKey({})", self.to_hex())
    }
}

impl<'de> Deserialize<'de> for AnyKey {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let is_document = from.is_human_readable();
        let text = String::deserialize(from)?;
        let read = match (is_document, text.len()) {
            (true, _) => Self::from_hex(&text),
            (false, p256::HEX_LEN) => P256Key::kept(&text).map(Self::P256),
            (false, _) => PublicKey::kept(&text).map(Self::Ed25519),
        };
        read.map_err(D::Error::custom)
    }
}

/// For `#[serde(with = "key::any::jwk")]`: a JWK of type OKP as of [`super::jwk`], or of type EC
/// (RFC 7518, 6.2), `{"kty":"EC","crv":"P-256","x":…,"y":…}`. Other members are refused, private ones
/// (`d`) above all.
pub mod jwk {
    use serde::de::Error as _;
    use serde::{Deserialize, Deserializer, Serialize as _, Serializer};

    use super::{AnyKey, Error, P256Key, PublicKey};
    use crate::base64url;

    #[derive(serde::Serialize, serde::Deserialize)]
    #[serde(tag = "kty", deny_unknown_fields)]
    enum Jwk {
        #[serde(rename = "OKP")]
        Okp { crv: OkpCurve, x: String },
        #[serde(rename = "EC")]
        Ec { crv: EcCurve, x: String, y: String },
    }

    #[derive(serde::Serialize, serde::Deserialize)]
    enum OkpCurve {
        Ed25519,
    }

    #[derive(serde::Serialize, serde::Deserialize)]
    enum EcCurve {
        #[serde(rename = "P-256")]
        P256,
    }

    /// Prints the JWK.
    ///
    /// # Errors
    /// Only those of the serialiser.
    pub fn serialize<S: Serializer>(key: &AnyKey, to: S) -> Result<S::Ok, S::Error> {
        let jwk = match key {
            AnyKey::Ed25519(key) => {
                Jwk::Okp { crv: OkpCurve::Ed25519, x: base64url::encode(key.as_bytes()) }
            }
            AnyKey::P256(key) => {
                let (x, y) = key.coordinates();
                Jwk::Ec { crv: EcCurve::P256, x: base64url::encode(&x), y: base64url::encode(&y) }
            }
        };
        jwk.serialize(to)
    }

    /// Reads the JWK.
    ///
    /// # Errors
    /// Another type, curve or member, or a key that is refused.
    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<AnyKey, D::Error> {
        read(Jwk::deserialize(from)?).map_err(D::Error::custom)
    }

    fn read(jwk: Jwk) -> Result<AnyKey, Error> {
        let bytes = |text: &str, error| base64url::decode_array::<32>(text).map_err(|_| error);
        match jwk {
            Jwk::Okp { crv: OkpCurve::Ed25519, x } => {
                PublicKey::from_bytes(&bytes(&x, Error::Form)?).map(AnyKey::Ed25519)
            }
            Jwk::Ec { crv: EcCurve::P256, x, y } => {
                let (x, y) = (bytes(&x, Error::PointForm)?, bytes(&y, Error::PointForm)?);
                P256Key::from_coordinates(&x, &y).map(AnyKey::P256)
            }
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::super::p256::tests::{Secret, public};
    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Holder(#[serde(with = "jwk")] AnyKey);

    /// RFC 7515, appendix A.3.
    const JWK: &str = r#"{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}"#;

    #[test]
    fn a_jwk_of_either_type_is_read_and_printed() {
        let held: Holder = serde_json::from_str(JWK).unwrap();
        assert_eq!(held, Holder(public().into()));
        assert_eq!(serde_json::to_string(&held).unwrap(), JWK);
        let own = SecretKey::from_seed(&[1; 32]).public();
        let held = Holder(own.into());
        let text = serde_json::to_string(&held).unwrap();
        assert_eq!(serde_json::from_str::<Holder>(&text).unwrap(), held);
        // As manifests have had it all along.
        let text = format!(
            r#"{{"crv":"Ed25519","kty":"OKP","x":"{}"}}"#,
            crate::base64url::encode(own.as_bytes())
        );
        assert_eq!(serde_json::from_str::<Holder>(&text).unwrap(), held);
    }

    #[test]
    fn a_jwk_that_is_no_key_of_these_is_refused_with_its_reason() {
        let x = "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU";
        for (bad, why) in [
            (JWK.replace('}', r#","d":"AA"}"#), "unknown field `d`"),
            (format!(r#"{{"kty":"EC","crv":"P-256","x":"{x}"}}"#), "missing field `y`"),
            (JWK.replace("P-256", "P-384"), "unknown variant `P-384`"),
            (JWK.replace("\"EC\"", "\"RSA\""), "unknown variant `RSA`"),
            (JWK.replace("\"EC\"", "\"OKP\""), "unknown variant `P-256`"),
            (JWK.replace(x, "AA"), "a P-256 key is x and y"),
            (JWK.replace(x, &"A".repeat(43)), "not a point of P-256"),
        ] {
            let refused = serde_json::from_str::<Holder>(&bad).unwrap_err().to_string();
            assert!(refused.contains(why), "{bad}: {refused}");
        }
    }

    #[test]
    fn a_key_of_either_algorithm_is_kept_as_text_and_what_earlier_versions_kept_is_read() {
        let ed25519 = SecretKey::from_seed(&[1; 32]).public();
        for key in [AnyKey::from(ed25519), public().into(), Secret::fresh().public()] {
            let kept = rmp_serde::to_vec_named(&key).unwrap();
            let read: AnyKey = rmp_serde::from_slice(&kept).unwrap();
            assert_eq!((read, read.check()), (key, Ok(())));
            assert_eq!(AnyKey::from_hex(&key.to_hex()), Ok(key));
        }
        let earlier = rmp_serde::to_vec_named(&ed25519).unwrap();
        assert_eq!(rmp_serde::from_slice::<AnyKey>(&earlier).unwrap().ed25519(), Some(ed25519));
        let text = serde_json::to_string(&format!("02{}", "11".repeat(32))).unwrap();
        let refused = serde_json::from_str::<AnyKey>(&text).unwrap_err().to_string();
        assert!(refused.contains("compressed"), "{refused}");
    }
}
