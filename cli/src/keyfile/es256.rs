//! Keys for ES256, which sign cards and nothing else.
//!
//! It decides that both halves belong together. It must never print the private one.

use proto_types::base64url;
use proto_types::key::{AnyKey, P256Key, Signer};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};

/// What stands before the private key in an ECPrivateKey (RFC 5915): its version, and the head of 32 bytes.
const BEFORE_SECRET: [u8; 5] = [2, 1, 1, 4, 32];

/// A secret key.
pub(crate) struct Es256 {
    pair: EcdsaKeyPair,
    public: P256Key,
    random: SystemRandom,
}

/// The parts of a private JWK of the type EC (RFC 7518, 6.2).
pub(super) struct Parts {
    pub(super) x: String,
    pub(super) y: String,
    pub(super) d: String,
}

impl Es256 {
    /// A fresh key.
    pub(super) fn draw() -> Result<Parts, String> {
        let drawn =
            EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new());
        let drawn = drawn.map_err(|error| error.to_string())?;
        // ring hands a fresh key out as PKCS#8 alone: the secret, five bytes of framing, the whole point.
        let der: &[u8] = drawn.as_ref();
        let at = der.windows(BEFORE_SECRET.len()).position(|window| window == BEFORE_SECRET);
        let secret = at.and_then(|at| der[at + BEFORE_SECRET.len()..].first_chunk::<32>());
        let point = der.last_chunk::<64>();
        let (secret, point) = secret.zip(point).ok_or("a fresh key of an unknown form")?;
        let (x, y) = point.split_at(32);
        let encode = base64url::encode;
        Ok(Parts { x: encode(x), y: encode(y), d: encode(secret) })
    }

    /// Reads both halves.
    pub(super) fn read(parts: &Parts) -> Result<Self, String> {
        let bytes = |name: &str, text: &str| {
            base64url::decode_array::<32>(text).map_err(|error| format!("{name}: {error}"))
        };
        let (x, y) = (bytes("x", &parts.x)?, bytes("y", &parts.y)?);
        let public = P256Key::from_coordinates(&x, &y).map_err(|error| error.to_string())?;
        let (secret, random) = (bytes("d", &parts.d)?, SystemRandom::new());
        let pair = EcdsaKeyPair::from_private_key_and_public_key(
            &ECDSA_P256_SHA256_FIXED_SIGNING,
            &secret,
            public.as_bytes(),
            &random,
        );
        let pair = pair.map_err(|_| "x and y are not the public half of d".to_owned())?;
        Ok(Self { pair, public, random })
    }
}

impl Signer for Es256 {
    fn public(&self) -> AnyKey {
        self.public.into()
    }

    fn sign(&self, message: &[u8]) -> [u8; 64] {
        let signature = self.pair.sign(&self.random, message);
        let signature = signature.expect("the system gave random bytes as the key was read");
        let parts: &[u8] = signature.as_ref();
        parts.try_into().expect("ring's fixed form is r and s of 32 bytes each")
    }
}
