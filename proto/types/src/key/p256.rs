//! P-256 keys (FIPS 186-5), for ES256 (RFC 7518, 3.4).
//!
//! Decides which points are keys and which signatures hold. Must never take a point in a form that
//! leaves something to be worked out, nor a signature in another form than r and s, 32 bytes each.

use std::fmt;

use num_bigint::BigUint;
use ring::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};

use super::{BadSignature, Error, digits};

/// The field's prime, 2^256 - 2^224 + 2^192 + 2^96 - 1, its lowest 32 bits first.
const PRIME: [u32; 8] = [0xffff_ffff, 0xffff_ffff, 0xffff_ffff, 0, 0, 0, 1, 0xffff_ffff];

/// The b of the curve's equation, its lowest 32 bits first (SP 800-186, 3.2.1.3).
const B: [u32; 8] = [
    0x27d2_604b,
    0x3bce_3c3e,
    0xcc53_b0f6,
    0x651d_06b0,
    0x7698_86bc,
    0xb3eb_bd55,
    0xaa3a_93e7,
    0x5ac6_35d8,
];

/// The hexadecimal digits of a whole point, and of one that is compressed.
pub(super) const HEX_LEN: usize = 130;
pub(super) const COMPRESSED_HEX_LEN: usize = 66;

/// A point of P-256 that was checked: 4, x and y (SEC 1, 2.3.3).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct P256Key([u8; 65]);

impl P256Key {
    /// The point of these coordinates, the highest byte first.
    ///
    /// # Errors
    /// There is none.
    pub fn from_coordinates(x: &[u8; 32], y: &[u8; 32]) -> Result<Self, Error> {
        if !is_on_curve(x, y) {
            return Err(Error::OffCurve);
        }
        let mut point = [4; 65];
        point[1..33].copy_from_slice(x);
        point[33..].copy_from_slice(y);
        Ok(Self(point))
    }

    /// Reads 04 and 128 lower-case hexadecimal digits.
    ///
    /// # Errors
    /// Another form, or as [`P256Key::from_coordinates`].
    pub fn from_hex(text: &str) -> Result<Self, Error> {
        let compressed = text.starts_with("02") || text.starts_with("03");
        if text.len() == COMPRESSED_HEX_LEN && compressed {
            return Err(Error::Compressed);
        }
        let key = Self::kept(text)?;
        key.check().map(|()| key)
    }

    /// Reads what was checked before it was written.
    pub(super) fn kept(text: &str) -> Result<Self, Error> {
        let point: [u8; 65] = digits(text).map_err(|_| Error::PointForm)?;
        if point[0] == 4 { Ok(Self(point)) } else { Err(Error::PointForm) }
    }

    /// Checks a key that was read back.
    ///
    /// # Errors
    /// As [`P256Key::from_coordinates`].
    pub fn check(&self) -> Result<(), Error> {
        let (x, y) = self.coordinates();
        Self::from_coordinates(&x, &y).map(drop)
    }

    /// x and y.
    #[must_use]
    pub fn coordinates(&self) -> ([u8; 32], [u8; 32]) {
        let (mut x, mut y) = ([0; 32], [0; 32]);
        x.copy_from_slice(&self.0[1..33]);
        y.copy_from_slice(&self.0[33..]);
        (x, y)
    }

    /// 4, x and y.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 65] {
        &self.0
    }

    /// Verifies ES256. A signature and the one with n - s for s both hold: RFC 7518 demands no low s,
    /// and nothing here names a document by its signature.
    ///
    /// # Errors
    /// Any other signature, also one that is not r and s of 32 bytes each, between 1 and n - 1.
    pub fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), BadSignature> {
        let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, &self.0);
        key.verify(message, signature).map_err(|_| BadSignature)
    }
}

impl fmt::Debug for P256Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "P256Key({})", hex::encode(self.0))
    }
}

/// y^2 = x^3 - 3x + b, with both sides brought to sums, so that nothing falls below 0.
fn is_on_curve(x: &[u8; 32], y: &[u8; 32]) -> bool {
    let (x, y) = (BigUint::from_bytes_be(x), BigUint::from_bytes_be(y));
    let (p, b) = (BigUint::from_slice(&PRIME), BigUint::from_slice(&B));
    let left = &y * &y + &x + &x + &x;
    let right = &x * &x * &x + &b;
    x < p && y < p && left % &p == right % &p
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
pub(crate) mod tests {
    use ring::rand::SystemRandom;
    use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};

    use super::super::{AnyKey, Signer};
    use super::*;
    use crate::base64url;

    /// RFC 7515, appendix A.3.
    const X: &str = "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU";
    const Y: &str = "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0";
    const D: &str = "jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI";
    const SIGNED: &str = "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6\
        Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
    const SIGNATURE: &str =
        "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";

    /// n, the order of the base point.
    const ORDER: &str = "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551";

    fn bytes<const N: usize>(text: &str) -> [u8; N] {
        base64url::decode_array(text).unwrap()
    }

    /// The key of the RFC.
    pub(crate) fn public() -> P256Key {
        P256Key::from_coordinates(&bytes(X), &bytes(Y)).unwrap()
    }

    /// The secret key of the RFC, or another one.
    pub(crate) struct Secret(EcdsaKeyPair);

    impl Secret {
        pub(crate) fn of_rfc() -> Self {
            let (algorithm, random) = (&ECDSA_P256_SHA256_FIXED_SIGNING, SystemRandom::new());
            let (secret, point) = (bytes::<32>(D), public());
            let pair = EcdsaKeyPair::from_private_key_and_public_key(
                algorithm,
                &secret,
                point.as_bytes(),
                &random,
            );
            Self(pair.unwrap())
        }

        pub(crate) fn fresh() -> Self {
            let (algorithm, random) = (&ECDSA_P256_SHA256_FIXED_SIGNING, SystemRandom::new());
            let drawn = EcdsaKeyPair::generate_pkcs8(algorithm, &random).unwrap();
            Self(EcdsaKeyPair::from_pkcs8(algorithm, drawn.as_ref(), &random).unwrap())
        }
    }

    impl Signer for Secret {
        fn public(&self) -> AnyKey {
            let point = hex::encode(self.0.public_key().as_ref());
            P256Key::from_hex(&point).unwrap().into()
        }

        fn sign(&self, message: &[u8]) -> [u8; 64] {
            let signature = self.0.sign(&SystemRandom::new(), message).unwrap();
            let parts: &[u8] = signature.as_ref();
            parts.try_into().unwrap()
        }
    }

    #[test]
    fn the_example_of_rfc_7515_a_3_verifies() {
        let signature: [u8; 64] = bytes(SIGNATURE);
        assert_eq!(public().verify(SIGNED.as_bytes(), &signature), Ok(()));
        let mut changed = SIGNED.as_bytes().to_vec();
        changed[0] ^= 1;
        assert_eq!(public().verify(&changed, &signature), Err(BadSignature));
        assert_eq!(Secret::of_rfc().public(), AnyKey::P256(public()));
        let own = Secret::of_rfc().sign(SIGNED.as_bytes());
        assert_eq!(public().verify(SIGNED.as_bytes(), &own), Ok(()));
        assert!(Secret::fresh().public().verify(SIGNED.as_bytes(), &signature).is_err());
    }

    #[test]
    fn only_r_and_s_between_1_and_the_order_are_a_signature_and_s_may_be_high() {
        let verify = |signature: &[u8]| public().verify(SIGNED.as_bytes(), signature);
        let good: [u8; 64] = bytes(SIGNATURE);
        let order = BigUint::parse_bytes(ORDER.as_bytes(), 16).unwrap();
        let negated = &order - BigUint::from_bytes_be(&good[32..]);
        let negated = negated.to_bytes_be();
        let mut other = good;
        other[32..].fill(0);
        other[64 - negated.len()..].copy_from_slice(&negated);
        assert_eq!(verify(&other), Ok(()), "the other s of the same r");
        let order: [u8; 32] = order.to_bytes_be().try_into().unwrap();
        for (range, part) in [(0..32, [0; 32]), (32..64, [0; 32]), (0..32, order), (32..64, order)]
        {
            let mut bad = good;
            bad[range].copy_from_slice(&part);
            assert_eq!(verify(&bad), Err(BadSignature));
        }
        assert_eq!(verify(&good[..63]), Err(BadSignature));
        assert_eq!(verify(&[good.as_slice(), &[0]].concat()), Err(BadSignature));
        // As X.509 has it: a sequence of two integers, the second with a leading zero.
        let der = [&[0x30, 0x45, 2, 32][..], &good[..32], &[2, 33, 0][..], &good[32..]].concat();
        assert_eq!(verify(&der), Err(BadSignature));
        assert_eq!(verify(&[]), Err(BadSignature));
    }

    #[test]
    fn a_point_that_is_no_key_is_refused_with_its_reason() {
        let whole = hex::encode(public().as_bytes());
        assert_eq!(P256Key::from_hex(&whole), Ok(public()));
        let (x, y) = whole[2..].split_at(64);
        let beyond = "f".repeat(64);
        for (bad, why) in [
            (format!("02{x}"), Error::Compressed),
            (format!("03{x}"), Error::Compressed),
            (x.to_owned(), Error::PointForm),
            (format!("05{x}{y}"), Error::PointForm),
            (format!("06{x}{y}"), Error::PointForm),
            (whole.to_uppercase(), Error::PointForm),
            (format!("{whole}00"), Error::PointForm),
            (whole[..128].to_owned(), Error::PointForm),
            ("00".to_owned(), Error::PointForm),
            (format!("04{y}{x}"), Error::OffCurve),
            (format!("04{}", "0".repeat(128)), Error::OffCurve),
            (format!("04{beyond}{y}"), Error::OffCurve),
            (format!("04{x}{beyond}"), Error::OffCurve),
        ] {
            assert_eq!(P256Key::from_hex(&bad), Err(why), "{bad}");
        }
    }
}
