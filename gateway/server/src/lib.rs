//! The gateway role: one listener that lets peers in, spends their tokens and serves them agents.
//!
//! Decides the order of starting: listen, register, follow the registry, be ready. Must never be
//! ready before it knows the peers, nor keep anything that another gateway would need.

mod a2a;
mod address;
mod agents;
mod cache;
mod clock;
mod config;
mod descriptor;
mod envelopes;
mod events;
mod gateway;
mod identity;
mod metrics;
mod registry;
mod reply;
mod secrets;
mod server;
mod spend;
mod waiting;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use deploy_service::ready::Condition;
use deploy_service::{Drained, Readiness, Shutdown, listen, secret, serve};
use gateway_core::admit;
use gateway_core::gcra::Quota;
use proto_types::Origin;
use proto_types::pilox::Brand;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

pub use crate::config::{Bounds, Config, Contradiction};
pub use crate::registry::InvalidMember;

use crate::address::AddressLimit;
use crate::cache::Cache;
use crate::config::Checked;
use crate::gateway::Gateway;
use crate::metrics::Metrics;
use crate::registry::Registry;
use crate::spend::Spender;
use crate::waiting::Waiting;

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
    #[error("the gateway's state folder cannot be used")]
    State(#[source] std::io::Error),
    /// A secret file is not usable.
    #[error("a secret of the gateway cannot be read")]
    Secret(#[from] secret::Error),
    /// A key file holds no key.
    #[error("{path} holds neither an Ed25519 JWK nor a seed of 64 hexadecimal digits")]
    Key {
        /// Which file.
        path: PathBuf,
    },
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
pub async fn run(config: Config, shutdown: Shutdown) -> Result<Summary, Error> {
    let checked = config.checked()?;
    let credential = identity::credential(&config.state_dir).map_err(Error::State)?;
    let registry = Arc::new(Registry::new(&config.registry, &config.id, &credential)?);
    let readiness = Readiness::new(shutdown.clone());
    let registered = readiness.condition("registered");
    let synced = readiness.condition("synced");
    let (listener, address) = listen::bind(config.listen, config.addr_file.as_deref()).await?;
    let gateway = assemble(&config, checked, address, registry, readiness, &shutdown)?;
    tracing::info!(%address, origin = gateway.admission.audience.as_str(), "gateway");

    let joining = join(
        config.clone(),
        Arc::clone(&gateway),
        credential,
        (registered, synced),
        shutdown.clone(),
    );
    let service = tower::service_fn(move |request| {
        let gateway = Arc::clone(&gateway);
        async move { Ok::<_, Infallible>(server::answer(gateway, request).await) }
    });
    let drained = serve(listener, service, config.limits.clone(), shutdown).await;
    if joining.is_finished() {
        // It ends by itself only if it was refused.
        if let Ok(ended) = joining.await {
            ended?;
        }
    } else {
        joining.abort();
    }
    Ok(Summary { address, drained })
}

/// Registers, then follows the registry. A refusal stops the process.
fn join(
    config: Config,
    gateway: Arc<Gateway>,
    credential: String,
    (registered, synced): (Condition, Condition),
    shutdown: Shutdown,
) -> JoinHandle<Result<(), Error>> {
    tokio::spawn(async move {
        let registry = Arc::clone(&gateway.registry);
        let endpoint = &gateway.events_endpoint;
        let joined = identity::register(&config, &registry, &credential, endpoint, &shutdown).await;
        if let Err(refused) = joined {
            shutdown.trigger();
            return Err(refused);
        }
        registered.set(true);
        let (cache, waiting) = (Arc::clone(&gateway.cache), Arc::clone(&gateway.waiting));
        cache::follow(cache, registry, waiting, synced).await;
        Ok(())
    })
}

fn assemble(
    config: &Config,
    checked: Checked,
    address: SocketAddr,
    registry: Arc<Registry>,
    readiness: Readiness,
    shutdown: &Shutdown,
) -> Result<Arc<Gateway>, Error> {
    let here = format!("http://{address}");
    let origin = match checked.origin {
        Some(origin) => origin,
        None => Origin::normalise(&here).expect("an address makes an origin"),
    };
    let key = config.federation_key_file.as_deref().map(secrets::signing_key).transpose()?;
    let key = key.map(|key| key.public());
    let tokens = config.subscriber_token_files.iter().chain(&config.operator_token_file);
    let subscribers = tokens.map(|path| secrets::token(path)).collect::<Result<_, _>>()?;
    let bounds = config.bounds.clone();
    let window_us = u64::try_from(bounds.peer_window.std().as_micros()).unwrap_or(u64::MAX);
    let waiting = Arc::new(Waiting::new(bounds.waiting_max));
    let descriptor = |served: bool, brand| {
        let urls = &config.bootstrap_descriptor_urls;
        served.then(|| descriptor::document(&origin, key.as_ref(), urls, brand))
    };
    Ok(Arc::new(Gateway {
        id: checked.id,
        events_endpoint: config.events_endpoint.clone().unwrap_or(here),
        cache: Arc::new(Cache::new(origin.clone(), checked.default_agent)),
        spender: Spender::start(Arc::clone(&registry), bounds.spend_queue_max),
        registry,
        addresses: AddressLimit::new(bounds.address_requests_per_second, bounds.address_burst),
        peer_quota: Quota::new(bounds.peer_requests, window_us).expect("checked() refuses zero"),
        subscribers,
        polls: Semaphore::new(bounds.polls_max),
        hive: descriptor(config.brand_hive, Brand::Hive),
        pilox: descriptor(config.brand_pilox, Brand::Pilox),
        metrics: Metrics::new(),
        readiness,
        shutdown: shutdown.clone(),
        grpc: tonic::service::Routes::new(events::service(Arc::clone(&waiting))).into_axum_router(),
        waiting,
        bounds,
        admission: admit::Config { audience: origin },
    }))
}
