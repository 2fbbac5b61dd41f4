//! How a client command reaches the registry and the gateway: flags, then `ECUMENE_REGISTRY` and the other variables of
//! flags, then `ECUMENE_CLIENT__KEY`, then the profile file, then loopback defaults. It decides whom to call, and in which
//! order; it must never print or log the operator's token.

use std::path::{Path, PathBuf};
use std::time::Duration;

use deploy_service::tls::{ClientFiles, Connector};
use proto_wire::registry::v1::cluster_client::ClusterClient;
use proto_wire::registry::v1::directory_client::DirectoryClient;
use proto_wire::registry::v1::fleet_client::FleetClient;
use proto_wire::registry::v1::partners_client::PartnersClient;
use proto_wire::registry::v1::search_client::SearchClient;
use registry_client::{Bearer, Rotation};
use serde::{Deserialize, Serialize};
use tonic::service::interceptor::InterceptedService;

use crate::args::{Globals, base_url};
use crate::failure::Failure;
use crate::members::Members;

/// A member may take 8 s to say that nobody confirms a read.
const READ_TIMEOUT: Duration = Duration::from_secs(10);
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
    /// How long a member may take for the answer to a read.
    #[serde(skip)]
    pub(crate) read_timeout: Duration,
    /// The member that answered last is asked first. Clones share it.
    #[serde(skip)]
    pub(crate) rotation: Rotation,
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
            read_timeout: READ_TIMEOUT,
            rotation: Rotation::default(),
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

    /// The same profile with these members.
    pub(crate) fn of(&self, registry: Vec<String>) -> Self {
        Self { registry, rotation: Rotation::default(), ..self.clone() }
    }

    /// The same profile with this much time for the answer to a read.
    pub(crate) fn within(&self, read_timeout: Duration) -> Self {
        Self { read_timeout, ..self.clone() }
    }

    fn members(&self) -> Result<WithBearer, Failure> {
        let bearer = self.operator_token()?.map(|token| Bearer::new(&token)).transpose();
        let bearer =
            bearer.map_err(|_| Failure::usage("--operator-token-file: the token is not ASCII"))?;
        let members = Members {
            registry: self.registry.clone(),
            rotation: self.rotation.clone(),
            connector: self.connector()?,
            read_timeout: self.read_timeout,
        };
        Ok(InterceptedService::new(members, bearer.unwrap_or_default()))
    }

    /// The directory service of the first member that answers.
    pub(crate) fn directory(&self) -> Result<Directory, Failure> {
        Ok(DirectoryClient::new(self.members()?))
    }

    /// The service of partners of the first member that answers.
    pub(crate) fn partners(&self) -> Result<Partners, Failure> {
        Ok(PartnersClient::new(self.members()?))
    }

    /// The fleet service of the first member that answers.
    pub(crate) fn fleet(&self) -> Result<Fleet, Failure> {
        Ok(FleetClient::new(self.members()?).max_decoding_message_size(TASK_BYTES_MAX))
    }

    /// The search service of the first member that answers.
    pub(crate) fn search(&self) -> Result<Search, Failure> {
        Ok(SearchClient::new(self.members()?))
    }

    /// The cluster service of the first member that answers.
    pub(crate) fn cluster(&self) -> Result<Cluster, Failure> {
        Ok(ClusterClient::new(self.members()?))
    }
}

/// The members, each of which is shown the operator's token.
type WithBearer = InterceptedService<Members, Bearer>;
/// A client of the directory with the operator's token.
pub(crate) type Directory = DirectoryClient<WithBearer>;
/// A client of the service of partners with the operator's token.
pub(crate) type Partners = PartnersClient<WithBearer>;
/// A task comes with all that was said in it: 4 MiB, and its newest message and outcome.
const TASK_BYTES_MAX: usize = 8 << 20;

/// A client of the fleet service with the operator's token.
pub(crate) type Fleet = FleetClient<WithBearer>;
/// A client of the search service, with the operator's token.
pub(crate) type Search = SearchClient<WithBearer>;
/// A client of the cluster service, with the operator's token.
pub(crate) type Cluster = ClusterClient<WithBearer>;
