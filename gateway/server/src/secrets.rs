//! The secrets that a gateway is given: tokens of local subscribers, and this instance's key.
//!
//! Decides their form. Must never keep a token, only its digest, and never log either.

use std::path::Path;

use deploy_service::credential::Credential;
use deploy_service::secret;
use http::{HeaderMap, header};
use proto_types::{Digest, PublicKey, SecretKey, base64url};
use serde::Deserialize;

use crate::config::Config;
use crate::{Error, identity};

/// What a gateway knows that others must not.
pub(crate) struct Secrets {
    /// What it shows to the registry.
    pub(crate) credential: Credential,
    /// Digests of what local subscribers and operators show to it.
    pub(crate) subscribers: Vec<Digest>,
    /// The public half of this instance's key.
    pub(crate) key: Option<PublicKey>,
}

impl Secrets {
    /// Reads the files; draws the credential if there is none yet.
    pub(crate) fn read(config: &Config) -> Result<Self, Error> {
        let tokens = config.subscriber_token_files.iter().chain(&config.operator_token_file);
        let subscribers = tokens.map(|path| token(path)).collect::<Result<_, _>>()?;
        let key = config.federation_key_file.as_deref().map(signing_key).transpose()?;
        let no_state = |source| Error::State { path: config.state_dir.clone(), source };
        let credential = Credential::open(&config.state_dir, identity::random).map_err(no_state)?;
        Ok(Self { credential, subscribers, key: key.map(|key| key.public()) })
    }
}

/// The digest of the token in a file.
fn token(path: &Path) -> Result<Digest, Error> {
    Ok(Digest::of(secret::read(path)?.expose().as_bytes()))
}

/// Whether the request shows one of the tokens, as its one `Authorization: Bearer`.
pub(crate) fn shows(headers: &HeaderMap, tokens: &[Digest]) -> bool {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let (Some(value), None) = (values.next(), values.next()) else { return false };
    let shown = value.to_str().ok().and_then(|value| value.split_once(' '));
    let Some((_, token)) = shown.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer")) else {
        return false;
    };
    let shown = Digest::of(token.as_bytes());
    // All are compared, so that the time does not tell which one was near: `|` does not stop.
    tokens.iter().fold(false, |any, known| any | known.same_secret(&shown))
}

/// A private JWK (RFC 8037); its other members are for those who made it.
#[derive(Deserialize)]
struct Jwk {
    crv: String,
    d: String,
}

/// The key in a file: a private JWK, or the seed in 64 hexadecimal digits.
fn signing_key(path: &Path) -> Result<SecretKey, Error> {
    let secret = secret::read(path)?;
    let seed = seed(secret.expose()).ok_or_else(|| Error::Key { path: path.to_owned() })?;
    Ok(SecretKey::from_seed(&seed))
}

fn seed(text: &str) -> Option<[u8; 32]> {
    let mut seed = [0; 32];
    if !text.starts_with('{') {
        hex::decode_to_slice(text, &mut seed).ok()?;
        return Some(seed);
    }
    let jwk: Jwk = serde_json::from_str(text).ok()?;
    base64url::decode_array(&jwk.d).ok().filter(|_| jwk.crv == "Ed25519")
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn shown(values: &[&str]) -> bool {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(header::AUTHORIZATION, value.parse().unwrap());
        }
        shows(&headers, &[Digest::of(b"one"), Digest::of(b"two")])
    }

    #[test]
    fn exactly_one_known_token_is_accepted() {
        assert!(shown(&["Bearer one"]) && shown(&["bearer two"]));
        for values in [
            &[][..],
            &["Bearer"],
            &["Bearer "],
            &["Bearer three"],
            &["Basic one"],
            &["Bearer  one"],
            &["Bearer one", "Bearer one"],
        ] {
            assert!(!shown(values), "{values:?}");
        }
    }

    #[test]
    fn a_key_is_read_from_a_jwk_or_from_hexadecimal_digits() {
        let hex = "07".repeat(32);
        let jwk = format!(
            r#"{{"kty":"OKP","crv":"Ed25519","kid":"k","x":"","d":"{}"}}"#,
            base64url::encode(&[7; 32])
        );
        assert_eq!(seed(&hex), Some([7; 32]));
        assert_eq!(seed(&jwk), Some([7; 32]));
        for bad in ["", "07", "{}", &jwk.replace("Ed25519", "X25519")] {
            assert_eq!(seed(bad), None, "{bad}");
        }
    }
}
