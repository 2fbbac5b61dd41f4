//! The file of a key that signs documents: an Ed25519 seed, or a private JWK.
//!
//! It decides their form. It must never log what such a file holds.

use std::path::{Path, PathBuf};

use proto_types::{Digest, SecretKey, base64url};
use serde::Deserialize;

use crate::secret;

/// Why a file does not give a key.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It is no well-kept secret.
    #[error("the signing key cannot be read")]
    Secret(#[from] secret::Error),
    /// It holds something else.
    #[error("{path} holds neither a seed of 64 hexadecimal digits nor an Ed25519 JWK")]
    Form {
        /// Which file.
        path: PathBuf,
    },
}

/// A private JWK (RFC 8037); its other members are for those who made it.
#[derive(Deserialize)]
struct Jwk {
    crv: String,
    d: String,
}

/// Reads the key in the file at `path`: its seed in 64 hexadecimal digits, or a private JWK.
///
/// # Errors
/// Every [`Error`].
pub fn read(path: &Path) -> Result<SecretKey, Error> {
    let secret = secret::read(path)?;
    let seed = seed(secret.expose()).ok_or_else(|| Error::Form { path: path.to_owned() })?;
    Ok(SecretKey::from_seed(&seed))
}

fn seed(text: &str) -> Option<[u8; 32]> {
    if !text.starts_with('{') {
        // The spelling of a digest without its prefix.
        let digits = text.to_ascii_lowercase();
        return Digest::parse(&format!("sha256:{digits}")).ok().map(|digest| digest.0);
    }
    let jwk: Jwk = serde_json::from_str(text).ok()?;
    base64url::decode_array(&jwk.d).ok().filter(|_| jwk.crv == "Ed25519")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_read_from_a_jwk_or_from_hexadecimal_digits() {
        let jwk = format!(
            r#"{{"kty":"OKP","crv":"Ed25519","kid":"k","x":"","d":"{}"}}"#,
            base64url::encode(&[0xab; 32])
        );
        for good in ["ab".repeat(32), "AB".repeat(32), jwk.clone()] {
            assert_eq!(seed(&good), Some([0xab; 32]));
        }
        for bad in ["", "07", "{}", &jwk.replace("Ed25519", "X25519")] {
            assert_eq!(seed(bad), None, "{bad}");
        }
    }
}
