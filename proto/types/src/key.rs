//! Ed25519 keys (RFC 8032), the only ones that act for a peer; [`any`] has those that may sign cards too.
//!
//! Decides which keys may be enrolled and which signatures hold: canonical encoding, prime order,
//! `verify_strict` (attack case 19). Must never verify with a key that was not checked when it was
//! made, nor print a secret.

use std::fmt;

use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

use crate::base64url;

pub mod any;
pub(crate) mod p256;

pub use self::any::{AnyKey, Signer};
pub use self::p256::P256Key;

/// A public key that was checked. Serialised as 64 lower-case hexadecimal digits; see [`jwk`] for the
/// other form. What is read of text, as documents are, is checked; what is read of a binary form, in
/// which we alone keep and send keys, was checked before it was written, and is not checked again.
#[derive(Clone, Copy, Serialize)]
#[serde(into = "String")]
pub struct PublicKey {
    bytes: [u8; 32],
    /// The decompressed point, so that verifying need not derive it again. Absent from a key that is
    /// read back: most of them verify nothing.
    point: Option<VerifyingKey>,
}

/// A secret key; wiped from memory when dropped.
pub struct SecretKey(SigningKey);

/// Why bytes are not a public key that we accept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Not 32 bytes in the expected text form.
    #[error("a public key is 32 bytes: 64 lower-case hexadecimal digits, or base64url in a JWK")]
    Form,
    /// The bytes name no point of the curve, or name one in a second way.
    #[error("not the canonical encoding of a curve point")]
    Encoding,
    /// The point has order 8 or less: it verifies signatures that nobody made.
    #[error("a point of small order")]
    SmallOrder,
    /// The point has a component of small order: verifiers disagree about its signatures.
    #[error("a point with a torsion component")]
    Torsion,
    /// Not 65 bytes in the expected text form, or another first byte than 4.
    #[error(
        "a P-256 key is x and y: 04 and 128 lower-case hexadecimal digits, or base64url in a JWK"
    )]
    PointForm,
    /// The form of a P-256 point that leaves y to be worked out.
    #[error("a compressed point: a P-256 key is given with both x and y")]
    Compressed,
    /// The coordinates are those of no point of P-256, or are encoded beyond the field.
    #[error("not a point of P-256")]
    OffCurve,
}

/// The signature is not one of this message by this key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the signature does not verify")]
pub struct BadSignature;

impl PublicKey {
    /// Checks and decompresses. Costs about a verification: keep the result.
    ///
    /// # Errors
    /// Not canonical, of small order, or not in the prime-order group.
    pub fn from_bytes(bytes: &[u8; 32]) -> Result<Self, Error> {
        let key = VerifyingKey::from_bytes(bytes).map_err(|_| Error::Encoding)?;
        let point = key.to_edwards();
        if point.compress().as_bytes() != bytes {
            return Err(Error::Encoding);
        }
        if point.is_small_order() {
            return Err(Error::SmallOrder);
        }
        if !point.is_torsion_free() {
            return Err(Error::Torsion);
        }
        Ok(Self { bytes: *bytes, point: Some(key) })
    }

    /// Checks a key that was read back, for whoever doubts what is kept.
    ///
    /// # Errors
    /// As [`PublicKey::from_bytes`].
    pub fn check(&self) -> Result<(), Error> {
        Self::from_bytes(&self.bytes).map(drop)
    }

    /// Reads 64 lower-case hexadecimal digits.
    ///
    /// # Errors
    /// Another form, or as [`PublicKey::from_bytes`].
    pub fn from_hex(text: &str) -> Result<Self, Error> {
        Self::from_bytes(&digits(text)?)
    }

    /// Reads what was checked before it was written.
    fn kept(text: &str) -> Result<Self, Error> {
        digits(text).map(|bytes| Self { bytes, point: None })
    }

    /// 64 lower-case hexadecimal digits.
    #[must_use]
    pub fn to_hex(&self) -> String {
        hex::encode(self.as_bytes())
    }

    /// The encoded point.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.bytes
    }

    /// Verifies strictly: S below the group order, R not of small order, no cofactor.
    ///
    /// # Errors
    /// Any other signature, also one that is not 64 bytes long.
    pub fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), BadSignature> {
        let signature = Signature::from_slice(signature).map_err(|_| BadSignature)?;
        let decompressed = || VerifyingKey::from_bytes(&self.bytes).map_err(|_| BadSignature);
        let key = self.point.map_or_else(decompressed, Ok)?;
        key.verify_strict(message, &signature).map_err(|_| BadSignature)
    }
}

/// So many bytes of lower-case hexadecimal digits.
fn digits<const N: usize>(text: &str) -> Result<[u8; N], Error> {
    let mut bytes = [0; N];
    if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return Err(Error::Form);
    }
    hex::decode_to_slice(text, &mut bytes).map_err(|_| Error::Form)?;
    Ok(bytes)
}

impl SecretKey {
    /// The key of a 32-byte seed (RFC 8032, section 5.1.5), which the shell draws or reads.
    #[must_use]
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self(SigningKey::from_bytes(seed))
    }

    /// Signs; the same message always gives the same signature.
    #[must_use]
    pub fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.0.sign(message).to_bytes()
    }

    /// The public half. A seed always gives a point of the prime-order group: the base point times
    /// a scalar, so there is nothing to check.
    #[must_use]
    pub fn public(&self) -> PublicKey {
        let key = self.0.verifying_key();
        PublicKey { bytes: key.to_bytes(), point: Some(key) }
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretKey(of {})", self.public().to_hex())
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({})", self.to_hex())
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_hex())
    }
}

impl PartialEq for PublicKey {
    fn eq(&self, other: &Self) -> bool {
        self.bytes == other.bytes
    }
}

impl Eq for PublicKey {}

impl PartialOrd for PublicKey {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for PublicKey {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.as_bytes().cmp(other.as_bytes())
    }
}

impl<'de> Deserialize<'de> for PublicKey {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let is_document = from.is_human_readable();
        let text = String::deserialize(from)?;
        let read = match is_document {
            true => Self::from_hex(&text),
            false => Self::kept(&text),
        };
        read.map_err(D::Error::custom)
    }
}

impl From<PublicKey> for String {
    fn from(key: PublicKey) -> Self {
        key.to_hex()
    }
}

/// For `#[serde(with = "key::jwk")]`: a JWK of type OKP (RFC 8037), `{"kty":"OKP","crv":"Ed25519",
/// "x":…}`. Other members are refused, private ones (`d`) above all.
pub mod jwk {
    use serde::de::Error as _;
    use serde::{Deserialize, Deserializer, Serialize as _, Serializer};

    use super::{Error, PublicKey, base64url};

    #[derive(serde::Serialize, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Okp {
        crv: Curve,
        kty: Kind,
        x: String,
    }

    #[derive(serde::Serialize, serde::Deserialize)]
    enum Curve {
        Ed25519,
    }

    #[derive(serde::Serialize, serde::Deserialize)]
    enum Kind {
        #[serde(rename = "OKP")]
        Okp,
    }

    /// Prints the JWK.
    ///
    /// # Errors
    /// Only those of the serialiser.
    pub fn serialize<S: Serializer>(key: &PublicKey, to: S) -> Result<S::Ok, S::Error> {
        let x = base64url::encode(key.as_bytes());
        Okp { crv: Curve::Ed25519, kty: Kind::Okp, x }.serialize(to)
    }

    /// Reads the JWK.
    ///
    /// # Errors
    /// Another type, curve or member, or a key that is refused.
    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<PublicKey, D::Error> {
        let okp = Okp::deserialize(from)?;
        let bytes = base64url::decode_array(&okp.x).map_err(|_| D::Error::custom(Error::Form))?;
        PublicKey::from_bytes(&bytes).map_err(D::Error::custom)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use curve25519_dalek::constants::{ED25519_BASEPOINT_POINT, EIGHT_TORSION};

    use super::*;

    /// RFC 8032, section 7.1, test 1.
    const SEED: &str = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60";
    const PUBLIC: &str = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";

    fn secret() -> SecretKey {
        SecretKey::from_seed(&hex::decode(SEED).unwrap().try_into().unwrap())
    }

    #[test]
    fn the_first_vector_of_rfc_8032_holds() {
        assert_eq!(secret().public().to_hex(), PUBLIC);
        let signature = secret().sign(b"");
        assert!(hex::encode(signature).starts_with("e5564300c360ac729086e2cc806e828a"));
        assert_eq!(secret().public().verify(b"", &signature), Ok(()));
        assert_eq!(secret().public().verify(b"x", &signature), Err(BadSignature));
        assert_eq!(secret().public().verify(b"", &signature[..63]), Err(BadSignature));
    }

    #[test]
    fn case_19_a_key_of_small_or_mixed_order_is_refused() {
        for (order, point) in EIGHT_TORSION.iter().enumerate() {
            let bytes = point.compress().to_bytes();
            assert_eq!(PublicKey::from_bytes(&bytes), Err(Error::SmallOrder), "{order}");
            let mixed = (ED25519_BASEPOINT_POINT + point).compress().to_bytes();
            let expected = if order == 0 { Ok(mixed) } else { Err(Error::Torsion) };
            assert_eq!(PublicKey::from_bytes(&mixed).map(|key| *key.as_bytes()), expected);
        }
    }

    #[test]
    fn case_19_a_key_that_is_not_canonical_is_refused() {
        // y = p + 3: the point of y = 3 + 0, encoded as a number that the field wraps.
        let mut beyond = [0xff; 32];
        beyond[0] = 0xed + 3;
        beyond[31] = 0x7f;
        assert_eq!(PublicKey::from_bytes(&beyond), Err(Error::Encoding));
        // The identity with the sign of a zero x set.
        let mut negative_zero = [0; 32];
        negative_zero[0] = 1;
        negative_zero[31] = 0x80;
        assert_eq!(PublicKey::from_bytes(&negative_zero), Err(Error::Encoding));
    }

    #[test]
    fn only_lower_case_hex_of_32_bytes_is_a_key() {
        assert!(PublicKey::from_hex(PUBLIC).is_ok());
        for bad in [&PUBLIC.to_uppercase(), &PUBLIC[..62], &format!("{PUBLIC}00"), "", "zz"] {
            assert_eq!(PublicKey::from_hex(bad), Err(Error::Form), "{bad}");
        }
    }

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Holder(#[serde(with = "jwk")] PublicKey);

    #[test]
    fn a_jwk_is_read_and_printed_and_its_private_form_is_refused() {
        let held = Holder(secret().public());
        let json = serde_json::to_string(&held).unwrap();
        // RFC 8037, appendix A.2.
        let x = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
        assert_eq!(json, format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}"#));
        assert_eq!(serde_json::from_str::<Holder>(&json).unwrap(), held);
        for bad in [
            format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}","d":"{x}"}}"#),
            format!(r#"{{"crv":"X25519","kty":"OKP","x":"{x}"}}"#),
            format!(r#"{{"crv":"Ed25519","kty":"EC","x":"{x}"}}"#),
            format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}="}}"#),
            r#"{"crv":"Ed25519","kty":"OKP"}"#.to_owned(),
        ] {
            assert!(serde_json::from_str::<Holder>(&bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_key_is_checked_in_a_document_and_not_again_where_it_is_kept() {
        let torsion = (ED25519_BASEPOINT_POINT + EIGHT_TORSION[1]).compress().to_bytes();
        let text = serde_json::to_string(&hex::encode(torsion)).unwrap();
        assert!(serde_json::from_str::<PublicKey>(&text).is_err());
        let kept = rmp_serde::to_vec_named(&secret().public()).unwrap();
        let kept: PublicKey = rmp_serde::from_slice(&kept).unwrap();
        assert_eq!((kept, kept.check()), (secret().public(), Ok(())));
        assert_eq!(kept.verify(b"", &secret().sign(b"")), Ok(()));
        assert_eq!(kept.verify(b"x", &secret().sign(b"")), Err(BadSignature));
        let mixed = rmp_serde::to_vec_named(&hex::encode(torsion)).unwrap();
        let mixed: PublicKey = rmp_serde::from_slice(&mixed).unwrap();
        assert_eq!(mixed.check(), Err(Error::Torsion));
    }

    #[test]
    fn a_secret_is_never_printed() {
        let shown = format!("{:?}", secret());
        assert!(!shown.contains(&SEED[..8]) && shown.contains(PUBLIC), "{shown}");
    }
}
