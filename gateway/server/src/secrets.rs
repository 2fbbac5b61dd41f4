//! The secrets of a gateway: those that it is given (tokens of local subscribers, this instance's key, what attached agents
//! are shown), and those that it draws.
//!
//! Decides which are read. Must never keep a token that others show, only its digest, and never log any.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use deploy_service::credential::Credential;
use deploy_service::{secret, signing_key};
use gateway_core::FleetKey;
use gateway_core::sealed::SealKey;
use http::{HeaderMap, HeaderValue, header};
use proto_types::{Digest, Handle, SecretKey, base64url};

use crate::Error;
use crate::clients::Clients;
use crate::config::{Config, Envelopes, Upstreams};
use crate::relays::Relays;
use crate::shared::Shared;
use crate::store::JetStreamAccess;
use crate::webhooks::{self, Webhook};

/// What a gateway knows that others must not.
pub(crate) struct Secrets {
    /// What it shows to the registry.
    pub(crate) credential: Credential,
    /// What local subscribers and operators show to it.
    pub(crate) tokens: LocalTokens,
    /// This instance's key.
    pub(crate) key: Option<Arc<SecretKey>>,
    /// What belongs to attached agents.
    pub(crate) upstreams: UpstreamSecrets,
    /// Who else may call.
    pub(crate) clients: Arc<Clients>,
    /// Where envelopes are taken to, and what signs them.
    pub(crate) webhooks: Vec<Webhook>,
    /// What is shown to JetStream.
    pub(crate) jetstream: JetStreamAccess,
    /// Who may bring the envelopes of others.
    pub(crate) relays: Arc<Relays>,
    /// What some peers sign their tokens with.
    pub(crate) shared: Arc<Shared>,
    /// What nonces are made with.
    pub(crate) fleet_key: Option<FleetKey>,
}

/// Digests of what they show who run this instance.
#[derive(Clone, Debug, Default)]
pub(crate) struct LocalTokens {
    /// Those of subscribers and of operators.
    pub(crate) subscribers: Vec<Digest>,
    /// Those of operators alone.
    pub(crate) operators: Vec<Digest>,
    /// That of the gateway or proxy in front of this one, if one has to show it.
    pub(crate) front: Option<Digest>,
}

/// What attached agents are shown, marked so that it is never printed.
pub(crate) type UpstreamCredentials = BTreeMap<Handle, HeaderMap>;

/// What belongs to attached agents.
#[derive(Clone, Debug)]
pub(crate) struct UpstreamSecrets {
    /// Binds the ids that they give to the callers that may use them.
    pub(crate) seal_key: SealKey,
    /// Whether that was drawn, so that no other process has it.
    pub(crate) is_key_drawn: bool,
    pub(crate) credentials: UpstreamCredentials,
}

impl UpstreamSecrets {
    fn read(upstreams: &Upstreams) -> Result<Self, Error> {
        let seal_key = match &upstreams.id_key_file {
            Some(path) => hex_key(path)?.ok_or_else(|| Error::IdKey(path.clone()))?,
            None => random_bytes(),
        };
        let credentials = credentials(upstreams)?;
        let is_key_drawn = upstreams.id_key_file.is_none();
        Ok(Self { seal_key: SealKey::new(seal_key), is_key_drawn, credentials })
    }
}

impl Secrets {
    /// Reads the files; draws the credential if there is none yet.
    pub(crate) fn read(config: &Config) -> Result<Self, Error> {
        let tokens = local_tokens(config)?;
        let key = config.federation_key_file.as_deref().map(signing_key::read).transpose()?;
        let no_state = |source| Error::State { path: config.state_dir.clone(), source };
        let credential = Credential::open(&config.state_dir, random).map_err(no_state)?;
        let upstreams = UpstreamSecrets::read(&config.upstreams)?;
        let clients = Arc::new(Clients::read(config, None)?);
        let webhooks = webhooks::open(config)?;
        let jetstream = jetstream_access(&config.envelopes)?;
        let relays = Arc::new(Relays::open(config)?);
        let shared = Arc::new(Shared::open(config)?);
        let fleet_key = config.fleet_key_file.as_deref().map(fleet_key).transpose()?;
        let key = key.map(Arc::new);
        Ok(Self {
            credential,
            tokens,
            key,
            upstreams,
            clients,
            webhooks,
            relays,
            shared,
            jetstream,
            fleet_key,
        })
    }
}

/// Reads what is shown to JetStream.
fn jetstream_access(envelopes: &Envelopes) -> Result<JetStreamAccess, secret::Error> {
    Ok(match (&envelopes.credentials_file, &envelopes.token_file) {
        (Some(path), _) => JetStreamAccess::Credentials(secret::read(path)?),
        (None, Some(path)) => JetStreamAccess::Token(secret::read(path)?),
        (None, None) => JetStreamAccess::Open,
    })
}

/// Reads what attached agents are shown.
pub(crate) fn credentials(upstreams: &Upstreams) -> Result<UpstreamCredentials, Error> {
    let mut credentials = UpstreamCredentials::new();
    for credential in &upstreams.credentials {
        let (agent, header) = credential.read()?;
        let value = header_value(&credential.value_file)?;
        credentials.entry(agent).or_default().insert(header, value);
    }
    Ok(credentials)
}

/// Reads the tokens of local subscribers and operators.
pub(crate) fn local_tokens(config: &Config) -> Result<LocalTokens, secret::Error> {
    let operators = config.operator_token_file.iter().map(|path| token(path));
    let operators = operators.collect::<Result<Vec<_>, _>>()?;
    let subscribers = config.subscriber_token_files.iter().map(|path| token(path));
    let mut subscribers = subscribers.collect::<Result<Vec<_>, _>>()?;
    subscribers.extend(&operators);
    let front = config.gateway_auth_file.as_deref().map(token).transpose()?;
    Ok(LocalTokens { subscribers, operators, front })
}

/// 32 random bytes in base64url: 43 characters.
pub(crate) fn random() -> String {
    base64url::encode(&random_bytes())
}

/// What decides between things that are as good as each other.
pub(crate) fn draw() -> u64 {
    getrandom::u64().expect("the system's random source answers once a process runs")
}

pub(crate) fn random_bytes() -> [u8; 32] {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).expect("the system's random source answers once a process runs");
    bytes
}

/// The key in a file: 32 bytes in hexadecimal digits; `None` if it holds something else.
fn hex_key(path: &Path) -> Result<Option<[u8; 32]>, secret::Error> {
    let mut key = [0; 32];
    let read = hex::decode_to_slice(secret::read(path)?.expose(), &mut key);
    Ok(read.ok().map(|()| key))
}

/// Reads what all gateways of the origin share.
fn fleet_key(path: &Path) -> Result<FleetKey, Error> {
    let key = hex_key(path)?.ok_or_else(|| Error::FleetKey(path.to_owned()))?;
    Ok(FleetKey::new(&key))
}

/// What a header says, as a file has it.
fn header_value(path: &Path) -> Result<HeaderValue, Error> {
    let value = HeaderValue::from_str(secret::read(path)?.expose());
    let mut value = value.map_err(|_| Error::CredentialValue(path.to_owned()))?;
    value.set_sensitive(true);
    Ok(value)
}

/// The digest of the token in a file.
fn token(path: &Path) -> Result<Digest, secret::Error> {
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
    use std::os::unix::fs::PermissionsExt as _;
    use std::path::PathBuf;

    use super::*;
    use crate::config::UpstreamCredential;

    fn file(folder: &Path, name: &str, text: &str) -> PathBuf {
        let path = folder.join(name);
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        path
    }

    #[test]
    fn what_an_agent_is_shown_is_read_and_never_printed() {
        let folder = tempfile::tempdir().unwrap();
        let value_file = file(folder.path(), "value", "Bearer 0123456789abcdef\n");
        let (agent, header) = ("echo".to_owned(), "Authorization".to_owned());
        let credentials = vec![UpstreamCredential { agent, header, value_file }];
        let read = UpstreamSecrets::read(&Upstreams { credentials, ..Upstreams::default() });
        let read = read.unwrap();
        assert!(read.is_key_drawn);
        let shown = &read.credentials[&Handle::parse("echo").unwrap()];
        assert_eq!(shown[header::AUTHORIZATION], "Bearer 0123456789abcdef");
        assert!(!format!("{read:?}").contains("0123456789"), "{read:?}");
    }

    #[test]
    fn a_key_of_another_length_and_a_value_that_no_header_has_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let with = |text: &str| {
            let id_key_file = Some(file(folder.path(), "key", text));
            UpstreamSecrets::read(&Upstreams { id_key_file, ..Upstreams::default() })
        };
        assert!(!with(&"ab".repeat(32)).unwrap().is_key_drawn);
        for bad in ["ab".repeat(31), "ab".repeat(33), "xy".repeat(32)] {
            assert!(matches!(with(&bad), Err(Error::IdKey(_))), "{bad}");
            let path = file(folder.path(), "fleet", &bad);
            assert!(matches!(fleet_key(&path), Err(Error::FleetKey(_))), "{bad}");
        }
        let key = fleet_key(&file(folder.path(), "fleet", &"ab".repeat(32))).unwrap();
        assert!(!format!("{key:?}").contains("ab"), "{key:?}");
        let value = file(folder.path(), "value", "Bearer 01234567\nHost: elsewhere");
        assert!(matches!(header_value(&value), Err(Error::CredentialValue(_))));
    }

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
