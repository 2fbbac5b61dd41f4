//! The secrets of a gateway: those that it is given (tokens of local subscribers, this instance's key), and those that it
//! draws.
//!
//! Decides which are read. Must never keep a token, only its digest, and never log either.

use std::path::Path;

use deploy_service::credential::Credential;
use deploy_service::{secret, signing_key};
use http::{HeaderMap, header};
use proto_types::{Digest, PublicKey, base64url};

use crate::Error;
use crate::config::Config;

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
        let key = config.federation_key_file.as_deref().map(signing_key::read).transpose()?;
        let no_state = |source| Error::State { path: config.state_dir.clone(), source };
        let credential = Credential::open(&config.state_dir, random).map_err(no_state)?;
        Ok(Self { credential, subscribers, key: key.map(|key| key.public()) })
    }
}

/// 32 random bytes in base64url: 43 characters.
pub(crate) fn random() -> String {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).expect("the system's random source answers once a process runs");
    base64url::encode(&bytes)
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
    fn a_drawn_credential_has_43_characters_and_is_like_no_other() {
        assert_eq!(random().len(), 43);
        assert_ne!(random(), random());
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
}
