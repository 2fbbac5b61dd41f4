//! The callers that are no peers, as the operator has configured them: read from files, and asked of identity providers.
//!
//! Decides whose credential it is that a request shows, and where the keys come from that verify it. Who is let in by it, and
//! what it may do then, `gateway_core::client` decides. Must never keep an API key or an address, nor take over a file that is
//! wrong in the place of one that was right.
//!
//! `api_keys.rs` reads the file of keys, `jwks.rs` the keys of an identity provider, which `key_source.rs` fetches, and
//! `verifier.rs` is the arithmetic behind them.

mod api_keys;
mod jwks;
mod key_source;
mod verifier;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use deploy_service::{Source, secret};
use gateway_core::Credential;
use gateway_core::client::{
    Claims, Client, Clients as Table, Issuer, PublicTier, Refused, Usage, unverified_issuer,
};
use gateway_core::credential::Form;
use gateway_core::gcra::{Remaining, RetryAfter};
use gateway_core::limits::Policy;
use proto_types::{MonoUs, WallMs};

use crate::agents::Schemes;
use crate::config::Config;
use crate::secrets::random_bytes;

use self::jwks::JwksError;
use self::key_source::KeySource;
pub(crate) use self::key_source::refresh;

/// The largest file that is read here: some thousands of API keys, or more keys than an identity provider has.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// Why callers that are no peers cannot be let in as they are configured.
#[derive(Debug, thiserror::Error)]
pub enum ClientsError {
    /// The file of API keys.
    #[error("clients.api_keys_file: {}: {why}", .path.display())]
    ApiKeys {
        /// Which file.
        path: PathBuf,
        /// What is wrong, without what it says of any key.
        why: String,
    },
    /// The file of an identity provider's keys.
    #[error("clients.oidc.jwks_file: {}: {why}", .path.display())]
    Jwks {
        /// Which file.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// The file of the key that hides addresses.
    #[error("clients.public.address_key_file: {} does not hold 64 hexadecimal digits", .0.display())]
    AddressKey(PathBuf),
    /// The same, as a secret.
    #[error("clients.public.address_key_file")]
    Secret(#[from] secret::Error),
    /// The section itself.
    #[error(transparent)]
    Contradiction(#[from] crate::Contradiction),
}

/// The callers of this moment.
pub(crate) struct Clients {
    table: Table,
    schemes: Arc<Schemes>,
    sources: BTreeMap<Arc<str>, Arc<KeySource>>,
    /// Hides addresses.
    address_key: [u8; 32],
    /// What was used up so far, whatever the configuration was.
    usage: Arc<Usage>,
}

impl Clients {
    /// Reads what the configuration names. What `former` ones have used up counts on, and so do the keys that were fetched for
    /// an identity provider which is still where it was.
    pub(crate) fn read(config: &Config, former: Option<&Self>) -> Result<Self, ClientsError> {
        let section = &config.clients;
        let keys = match &section.api_keys_file {
            Some(path) => api_keys::read(path, config.bounds.peer_quota())?,
            None => Vec::new(),
        };
        let (mut issuers, mut sources) = (Vec::new(), BTreeMap::new());
        for one in &section.oidc {
            let issuer: Issuer = one.read()?;
            let known = former.and_then(|former| former.sources.get(&issuer.issuer));
            let source = KeySource::open(one, known)?;
            sources.insert(Arc::clone(&issuer.issuer), source);
            issuers.push(issuer);
        }
        let public: Option<PublicTier> =
            section.public.as_ref().map(|tier| tier.read()).transpose()?;
        let drawn = || former.map_or_else(random_bytes, |former| former.address_key);
        let path = section.public.as_ref().and_then(|tier| tier.address_key_file.as_deref());
        let address_key = path.map_or_else(|| Ok(drawn()), address_key)?;
        let table = Table::new(keys, issuers, public);
        let schemes = Arc::new(Schemes::of(&table));
        let usage = former.map(|former| Arc::clone(&former.usage)).unwrap_or_default();
        Ok(Self { table, schemes, sources, address_key, usage })
    }

    /// Who may call, and what.
    pub(crate) const fn table(&self) -> &Table {
        &self.table
    }

    /// How that is declared.
    pub(crate) const fn schemes(&self) -> &Arc<Schemes> {
        &self.schemes
    }

    /// Whoever shows this credential; `None` if it says that it is a peer's. A token is an identity provider's if it names one
    /// that the operator trusts.
    pub(crate) fn admit(
        &self,
        credential: Credential<'_>,
        now: WallMs,
    ) -> Option<Result<Client, Refused>> {
        match credential.form() {
            Form::ApiKey => Some(self.table.by_key(credential.as_str(), now)),
            Form::Token if self.table.has_issuers() => {
                let issuer = unverified_issuer(credential.as_str())?;
                let issuer = self.table.issuer(&issuer)?;
                Some(self.user(issuer, credential.as_str(), now))
            }
            Form::Token => None,
        }
    }

    fn user(&self, issuer: &Arc<Issuer>, token: &str, now: WallMs) -> Result<Client, Refused> {
        let source = self.sources.get(&issuer.issuer).ok_or(Refused::Issuer)?;
        source.verify(token)?;
        self.table.by_claims(issuer, &Claims::of(token)?, now)
    }

    /// Whoever comes from this address without a credential, if anybody may.
    pub(crate) fn anybody(&self, address: IpAddr) -> Option<Client> {
        self.table.anybody(&self.address_key, &Source::of(address).to_string())
    }

    /// Counts a request of one of them.
    pub(crate) fn count(
        &self,
        client: &Client,
        now: MonoUs,
    ) -> (Policy, Result<Remaining, RetryAfter>) {
        client.count(&self.usage, now)
    }
}

/// The key in a file: 32 bytes in hexadecimal digits.
fn address_key(path: &Path) -> Result<[u8; 32], ClientsError> {
    let mut key = [0; 32];
    let read = hex::decode_to_slice(secret::read(path)?.expose(), &mut key);
    read.map(|()| key).map_err(|_| ClientsError::AddressKey(path.to_owned()))
}

/// A file that holds no secret.
fn file(path: &Path) -> Result<Vec<u8>, String> {
    use std::io::Read as _;
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).map_err(|error| error.to_string())?;
    file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
    match bytes.len() as u64 > FILE_BYTES_MAX {
        true => Err(format!("larger than {FILE_BYTES_MAX} bytes")),
        false => Ok(bytes),
    }
}

impl JwksError {
    fn of(self, path: &Path) -> ClientsError {
        ClientsError::Jwks { path: path.to_owned(), why: self.to_string() }
    }
}
