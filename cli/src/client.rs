//! How a client command reaches the registry and the gateway: flags, then `ECUMENE_REGISTRY` and the other variables of
//! flags, then `ECUMENE_CLIENT__KEY`, then the profile file, then loopback defaults. It decides whom to call; it must never print or log the operator's token.

use std::path::{Path, PathBuf};
use std::time::Duration;

use deploy_service::tls::{ClientFiles, Connector};
use proto_wire::registry::v1::directory_client::DirectoryClient;
use proto_wire::registry::v1::fleet_client::FleetClient;
use proto_wire::registry::v1::partners_client::PartnersClient;
use proto_wire::registry::v1::search_client::SearchClient;
use serde::{Deserialize, Serialize};
use tonic::metadata::{Ascii, MetadataValue};
use tonic::service::Interceptor;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::{Channel, Endpoint};

use crate::args::{Globals, base_url};
use crate::failure::Failure;

/// Loopback answers within milliseconds; a far registry within this.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// Longer than an election: a write sent while the leader is chosen still gets its answer.
const CALL_TIMEOUT: Duration = Duration::from_secs(90);
/// Where `ecumene up` has its gateway.
const GATEWAY_DEFAULT: &str = "http://127.0.0.1:7443";
/// Where `ecumene up` leaves its profile, below the folder it is started in.
const PROFILE_DEFAULT: &str = "ecumene-data/client.toml";

/// Where things are, for client commands.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Profile {
    /// Registry members, in order of preference.
    pub(crate) registry: Vec<String>,
    /// The gateway; the one on loopback if there is none.
    pub(crate) gateway: Option<String>,
    /// The file that holds the operator's token.
    pub(crate) operator_token_file: Option<PathBuf>,
    /// Who vouches for https endpoints, in PEM.
    pub(crate) ca: Option<PathBuf>,
    /// The certificate shown to them, if any.
    pub(crate) cert: Option<PathBuf>,
    /// Its private key.
    pub(crate) cert_key: Option<PathBuf>,
}

impl Default for Profile {
    fn default() -> Self {
        Self {
            registry: vec!["http://127.0.0.1:7400".to_owned()],
            gateway: None,
            operator_token_file: None,
            ca: None,
            cert: None,
            cert_key: None,
        }
    }
}

impl Profile {
    /// The profile that the flags describe.
    pub(crate) fn load(globals: &Globals) -> Result<Self, Failure> {
        let default = Path::new(PROFILE_DEFAULT);
        let file = globals.profile.as_deref().or_else(|| default.exists().then_some(default));
        let loaded: Result<Self, _> = deploy_service::config::load("client", file, &[]);
        let mut profile =
            loaded.map_err(|error| Failure::usage(deploy_service::telemetry::chain(&error)))?;
        profile.check_urls(file)?;
        if !globals.registry.is_empty() {
            profile.registry.clone_from(&globals.registry);
        }
        if let Some(gateway) = &globals.gateway {
            profile.gateway = Some(gateway.clone());
        }
        if let Some(path) = &globals.operator_token_file {
            profile.operator_token_file = Some(path.clone());
        }
        for (kept, flag) in [
            (&mut profile.ca, &globals.ca),
            (&mut profile.cert, &globals.cert),
            (&mut profile.cert_key, &globals.cert_key),
        ] {
            if flag.is_some() {
                kept.clone_from(flag);
            }
        }
        Ok(profile)
    }

    /// What the profile and the environment say has not passed the flags' own check.
    fn check_urls(&mut self, file: Option<&Path>) -> Result<(), Failure> {
        let registry = self.registry.iter_mut().map(|url| ("registry", url));
        for (key, url) in registry.chain(self.gateway.as_mut().map(|url| ("gateway", url))) {
            let checked = base_url(url).map_err(|why| {
                let file = file.map_or_else(String::new, |file| format!("{} or ", file.display()));
                let variable = key.to_ascii_uppercase();
                Failure::usage(format!("{key} of {file}ECUMENE_CLIENT__{variable}: `{url}`: {why}"))
            });
            *url = checked?;
        }
        Ok(())
    }

    /// The gateway's base URL.
    pub(crate) fn gateway(&self) -> &str {
        self.gateway.as_deref().unwrap_or(GATEWAY_DEFAULT)
    }

    /// The operator's token, if a file for it is named.
    pub(crate) fn operator_token(&self) -> Result<Option<String>, Failure> {
        let Some(path) = &self.operator_token_file else { return Ok(None) };
        let secret = deploy_service::secret::read(path);
        let secret =
            secret.map_err(|error| Failure::usage(deploy_service::telemetry::chain(&error)))?;
        Ok(Some(secret.expose().to_owned()))
    }

    /// How endpoints are connected to: https by the authority of the profile, http on loopback.
    pub(crate) fn connector(&self) -> Result<Connector, Failure> {
        let files = match &self.ca {
            Some(ca) => {
                let (cert, key) = (self.cert.clone(), self.cert_key.clone());
                Some(ClientFiles { cert, key, ..ClientFiles::new(ca) })
            }
            None if self.cert.is_some() || self.cert_key.is_some() => {
                return Err(Failure::usage("--cert and --cert-key need --ca"));
            }
            None => None,
        };
        Connector::maybe(files)
            .map_err(|error| Failure::usage(deploy_service::telemetry::chain(&error)))
    }

    /// A connection to one member.
    pub(crate) async fn channel(&self, url: &str) -> Result<Channel, Failure> {
        let endpoint = Endpoint::from_shared(url.to_owned())
            .map_err(|error| Failure::usage(format!("{url}: {error}")))?
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(CALL_TIMEOUT);
        endpoint
            .connect_with_connector(self.connector()?)
            .await
            .map_err(|error| Failure::unreachable(url, deploy_service::telemetry::chain(&error)))
    }

    /// The first member that takes a connection.
    async fn connect(&self) -> Result<(Channel, Bearer), Failure> {
        let bearer = Bearer::new(self.operator_token()?)?;
        let mut failures = Vec::new();
        for url in &self.registry {
            match self.channel(url).await {
                Ok(channel) => return Ok((channel, bearer)),
                Err(failure) => failures.push(failure),
            }
        }
        Err(Failure::all(failures).unwrap_or_else(|| Failure::usage("no registry is configured")))
    }

    /// The directory service of the first member that answers.
    pub(crate) async fn directory(&self) -> Result<Directory, Failure> {
        let (channel, bearer) = self.connect().await?;
        Ok(DirectoryClient::with_interceptor(channel, bearer))
    }

    /// The service of partners of the first member that answers.
    pub(crate) async fn partners(&self) -> Result<Partners, Failure> {
        let (channel, bearer) = self.connect().await?;
        Ok(PartnersClient::with_interceptor(channel, bearer))
    }

    /// The fleet service of the first member that answers.
    pub(crate) async fn fleet(&self) -> Result<Fleet, Failure> {
        let (channel, bearer) = self.connect().await?;
        let client = FleetClient::with_interceptor(channel, bearer);
        Ok(client.max_decoding_message_size(TASK_BYTES_MAX))
    }

    /// The search service of the first member that answers.
    pub(crate) async fn search(&self) -> Result<Search, Failure> {
        let (channel, bearer) = self.connect().await?;
        Ok(SearchClient::with_interceptor(channel, bearer))
    }
}

/// A client of the directory with the operator's token.
pub(crate) type Directory = DirectoryClient<InterceptedService<Channel, Bearer>>;
/// A client of the service of partners with the operator's token.
pub(crate) type Partners = PartnersClient<InterceptedService<Channel, Bearer>>;
/// A task comes with all that was said in it: 4 MiB, and its newest message and outcome.
const TASK_BYTES_MAX: usize = 8 << 20;

/// A client of the fleet service with the operator's token.
pub(crate) type Fleet = FleetClient<InterceptedService<Channel, Bearer>>;
/// A client of the search service, with the operator's token.
pub(crate) type Search = SearchClient<InterceptedService<Channel, Bearer>>;

/// Adds the operator's token to each call.
#[derive(Clone)]
pub(crate) struct Bearer(Option<MetadataValue<Ascii>>);

impl Bearer {
    /// A bearer of this token.
    pub(crate) fn new(token: Option<String>) -> Result<Self, Failure> {
        let value = token.map(|token| format!("Bearer {token}").parse());
        let value = value
            .transpose()
            .map_err(|_| Failure::usage("--operator-token-file: the token is not ASCII"))?;
        Ok(Self(value))
    }
}

impl Interceptor for Bearer {
    fn call(
        &mut self,
        mut request: tonic::Request<()>,
    ) -> Result<tonic::Request<()>, tonic::Status> {
        if let Some(value) = &self.0 {
            request.metadata_mut().insert("authorization", value.clone());
        }
        Ok(request)
    }
}
