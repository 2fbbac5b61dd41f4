//! The gateway role: one listener that lets peers in, spends their tokens and serves them agents.
//!
//! Decides the order of starting: listen, register, follow the registry, be ready. Must never be
//! ready before it knows the peers, nor keep anything that another gateway would need.

mod a2a;
mod address;
mod agents;
mod cache;
mod charger;
mod clients;
mod clock;
mod concurrency;
mod conduct;
mod config;
mod contract;
mod cors;
mod deliver;
mod descriptor;
mod envelopes;
mod events;
mod federation;
mod fleet;
mod fleet_quota;
mod flow;
mod forward;
#[doc(hidden)]
pub mod fuzzing;
mod gateway;
mod grpc;
mod identity;
mod limits;
mod live;
mod metrics;
mod newcomers;
mod onward;
mod policy;
mod push;
mod query;
mod refusals;
mod registry;
mod relays;
mod reply;
mod secrets;
mod server;
mod shared;
mod spend;
mod store;
mod upstream;
mod waiting;
mod webhooks;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use deploy_service::credential::NoJoinToken;
use deploy_service::ready::Condition;
use deploy_service::tls::{self, Connector};
use deploy_service::{
    Drained, Limits, Listener, Readiness, Reload, Security, Shutdown, TrustedProxies, listen,
    secret, serve, signing_key,
};
use tokio::task::{JoinHandle, JoinSet};

pub use crate::cache::read_peers;
pub use crate::clients::ClientsError;
pub use crate::config::{
    Bounds, Clients as ClientsConfig, Config, Contradiction, Envelopes as EnvelopesConfig,
    Hs256Peer, Oidc, Public, Relay as RelayConfig, UpstreamCredential, Upstreams,
    Webhook as WebhookConfig,
};
pub use crate::registry::InvalidMember;
pub use crate::store::{
    EnvelopeStore, JetStream, JetStreamAccess, JetStreamOptions, RegistryStore, StoreError,
};

use crate::fleet::Others;
use crate::gateway::Gateway;
use crate::registry::Registry;
use crate::secrets::Secrets;
use crate::upstream::UpstreamClient;

/// Why a gateway cannot run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Settings that cannot hold together.
    #[error("the gateway's configuration is refused")]
    Config(#[from] Contradiction),
    /// A registry member's URL.
    #[error("the gateway's configuration is refused: registry")]
    Member(#[from] InvalidMember),
    /// The state folder cannot be used.
    #[error("the gateway's state folder {} cannot be used", .path.display())]
    State {
        /// Which folder.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// A secret file is not usable.
    #[error("a secret of the gateway cannot be read")]
    Secret(#[from] secret::Error),
    /// There is no join token, and the registry has not admitted this gateway.
    #[error("the gateway cannot be registered")]
    JoinToken(#[from] NoJoinToken),
    /// The file of the instance's key.
    #[error("federation_key_file")]
    Key(#[from] signing_key::Error),
    /// The file of the key of ids.
    #[error("upstreams.id_key_file: {} does not hold 64 hexadecimal digits", .0.display())]
    IdKey(PathBuf),
    /// The file of the key of the fleet.
    #[error("fleet_key_file: {} does not hold 64 hexadecimal digits", .0.display())]
    FleetKey(PathBuf),
    /// The file of what an attached agent is shown.
    #[error("upstreams.credentials: what {} holds cannot be the value of a header", .0.display())]
    CredentialValue(PathBuf),
    /// A secret that could be guessed.
    #[error("{setting}: {} holds fewer than {bytes_min} bytes", .path.display())]
    ShortSecret {
        /// Which setting.
        setting: &'static str,
        /// Which file.
        path: PathBuf,
        /// What suffices.
        bytes_min: usize,
    },
    /// Two of one list have the same secret, which then says nothing of who shows it.
    #[error("{setting}: {} holds the secret of another", .path.display())]
    SharedSecret {
        /// Which setting.
        setting: &'static str,
        /// The second file.
        path: PathBuf,
    },
    /// Callers that are no peers.
    #[error("the gateway's clients cannot be read")]
    Clients(#[from] ClientsError),
    /// Certificates.
    #[error("TLS cannot be set up")]
    Tls(#[from] tls::Error),
    /// There is no listener.
    #[error("the gateway cannot listen")]
    Listen(#[from] listen::Error),
    /// The registry refuses this gateway for good.
    #[error("the registry does not register this gateway: {code}")]
    NotRegistered {
        /// The registry's stable code.
        code: String,
    },
}

/// How a gateway's run went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Summary {
    /// Where it listened.
    pub address: SocketAddr,
    /// How the drain went.
    pub drained: Drained,
}

/// Runs a gateway until `shutdown`, then drains.
///
/// # Errors
/// It cannot start, or the registry refuses it for good.
pub fn run(
    config: Config,
    shutdown: Shutdown,
) -> impl Future<Output = Result<Summary, Error>> + Send {
    run_reloading(config, None, shutdown)
}

/// [`run`], with a configuration that is read anew while it serves.
///
/// # Errors
/// As [`run`].
pub async fn run_reloading(
    config: Config,
    reload: Option<Reload>,
    shutdown: Shutdown,
) -> Result<Summary, Error> {
    // What can be wrong with the configuration is said before anything is opened.
    let checked = config.checked()?;
    let reload = reload.map(|reload| reload.before_secrets(&config, live::is_live));
    let secrets = Secrets::read(&config)?;
    let connector = Connector::maybe(config.registry_tls.clone())?;
    let registry = Arc::new(members(&config, &secrets, &connector)?);
    let upstreams = UpstreamClient::open(&config.upstreams, &secrets.upstreams)?;
    let readiness = Readiness::new(shutdown.clone());
    let conditions = (readiness.condition("registered"), readiness.condition("synced"));
    let proxies = TrustedProxies::new(&config.trusted_proxies);
    let (listener, address) = listener(&config, &proxies).await?;
    let process = (address, readiness, shutdown.clone());
    let outward = (registry, upstreams, Others::new(&connector));
    let gateway = Gateway::new((&config, checked), (&secrets, outward), process);
    tracing::info!(%address, origin = gateway.admission.audience.as_str(), "gateway");
    metrics::export(&gateway);
    let limits = config.limits.clone();
    // It ends with this.
    let mut reloading = JoinSet::new();
    reloading.spawn(follow_settings(reload, config.clone(), Arc::clone(&gateway), proxies));
    let joining = join(config, Arc::clone(&gateway), secrets, conditions);
    let drained = served(listener, gateway, limits, shutdown).await;
    joined(joining).await?;
    Ok(Summary { address, drained })
}

/// The members of the registry, as this gateway calls them.
fn members(
    config: &Config,
    secrets: &Secrets,
    connector: &Connector,
) -> Result<Registry, InvalidMember> {
    let credential = secrets.credential.expose();
    Registry::new(&config.registry, &config.id, credential, connector)
}

/// Serves until `shutdown`, and drains.
async fn served(
    listener: Listener,
    gateway: Arc<Gateway>,
    limits: Limits,
    shutdown: Shutdown,
) -> Drained {
    let pages = Arc::clone(&gateway);
    let listener = listener
        .marking(move |target, headers| pages.live.load().cors.of_refusals(target.path(), headers));
    let service = tower::service_fn(move |request| {
        let gateway = Arc::clone(&gateway);
        async move { Ok::<_, Infallible>(server::answer(gateway, request).await) }
    });
    serve(listener, service, limits, shutdown).await
}

/// Takes over settings that change while the gateway runs.
async fn follow_settings(
    reload: Option<Reload>,
    started: Config,
    gateway: Arc<Gateway>,
    proxies: TrustedProxies,
) {
    let Some(reload) = reload else { return };
    let (reloads, first) = (Arc::clone(&gateway.counts.reloads), started.clone());
    let take_over = move |fresh: &Config| live::take_over(&gateway, &proxies, (&first, fresh));
    reload.run(started, reloads, live::is_live, take_over).await;
}

/// The one socket, and who is believed there about its clients.
async fn listener(
    config: &Config,
    proxies: &TrustedProxies,
) -> Result<(Listener, SocketAddr), Error> {
    let security = Security::open(config.tls.clone())?;
    let bound = listen::bind(config.listen, config.addr_file.as_deref(), security).await?;
    let listener = bound.0.trusting(proxies.clone());
    Ok((listener.with_proxy_protocol(config.proxy_protocol), bound.1))
}

/// Registers, then follows the registry and delivers envelopes. A refusal stops the process.
fn join(
    config: Config,
    gateway: Arc<Gateway>,
    Secrets { credential, webhooks, .. }: Secrets,
    (registered, synced): (Condition, Condition),
) -> JoinHandle<Result<(), Error>> {
    tokio::spawn(async move {
        if let Err(refused) = identity::register(&config, &gateway, &credential).await {
            gateway.shutdown.trigger();
            return Err(refused);
        }
        registered.set(true);
        let registry = Arc::clone(&gateway.registry);
        let (cache, waiting) = (Arc::clone(&gateway.cache), Arc::clone(&gateway.waiting));
        let probing = upstream::probe(Arc::clone(&gateway));
        let fetching = clients::refresh(Arc::clone(&gateway));
        let following = cache::follow(cache, registry, waiting, synced);
        let webhooks =
            webhooks.into_iter().chain(webhooks::to_peers(gateway.fixed.carriage.forward()));
        let delivering = webhooks::work(Arc::clone(&gateway), webhooks.collect());
        let pushing = push::work(Arc::clone(&gateway));
        let leasing = fleet_quota::lease(Arc::clone(&gateway));
        let reporting = conduct::report(gateway);
        tokio::join!(following, reporting, probing, fetching, delivering, pushing, leasing);
        Ok(())
    })
}

/// The refusal that stopped the process, if that is what did. On return the state folder is another's to use.
async fn joined(joining: JoinHandle<Result<(), Error>>) -> Result<(), Error> {
    if !joining.is_finished() {
        joining.abort();
    }
    // A panic in it is logged by the runtime.
    joining.await.unwrap_or(Ok(()))
}
