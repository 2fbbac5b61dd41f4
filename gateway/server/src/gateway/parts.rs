//! The parts of a gateway that belong together.
//!
//! Decides what each is made of at the start. Must never hold a setting that may change meanwhile: those are in `live`.

use std::sync::Arc;
use std::time::Duration;

use deploy_service::reload::Reloads;
use deploy_service::{Network, Pool};
use proto_types::{Shares, TaskOwner};

use crate::config::{Bounds, Config};
use crate::deliver::Deliveries;
use crate::forward::Carriage;
use crate::metrics::Metrics;
use crate::refusals::Refusals;
use crate::relays::Relays;
use crate::secrets::Secrets;
use crate::shared::Shared;
use crate::upstream::UpstreamClient;

/// What the configuration says of this gateway until the next start.
pub(crate) struct Fixed {
    /// Under which URL nodes and other gateways reach it.
    pub(crate) events_endpoint: String,
    /// To whom envelopes are handed on, and from whom they are taken.
    pub(crate) carriage: Carriage,
    /// Who may bring the envelopes of others.
    pub(crate) relays: Arc<Relays>,
    /// Peers that may sign their tokens with a shared secret.
    pub(crate) shared: Arc<Shared>,
    /// From where the tokens of peers are taken; from everywhere if there is none.
    pub(crate) federation_networks: Vec<Network>,
    /// Whether each request is a line of the log.
    pub(crate) logs_access: bool,
    /// After the command to stop, when what lasts has to end.
    pub(super) streams_end: Duration,
}

impl Fixed {
    /// Of a gateway that listens here.
    pub(super) fn new(config: &Config, secrets: &Secrets, here: String) -> Self {
        Self {
            events_endpoint: config.events_endpoint.clone().unwrap_or(here),
            carriage: Carriage::new(&config.envelopes),
            relays: Arc::clone(&secrets.relays),
            shared: Arc::clone(&secrets.shared),
            federation_networks: config.federation_networks.clone(),
            logs_access: config.access_log,
            streams_end: config.limits.streams_end(),
        }
    }
}

/// What is counted of all that it does.
pub(crate) struct Counts {
    pub(crate) metrics: Metrics,
    /// How reading the configuration anew went.
    pub(crate) reloads: Arc<Reloads>,
    /// Requests that were refused, for the log.
    pub(crate) refusals: Refusals,
    /// How deliveries to webhooks ended.
    pub(crate) deliveries: Deliveries,
    /// How push notifications ended.
    pub(crate) pushes: Deliveries,
}

impl Counts {
    pub(super) fn new(upstreams: &UpstreamClient) -> Self {
        Self {
            metrics: Metrics::new(upstreams.outcomes()),
            reloads: Arc::default(),
            refusals: Refusals::default(),
            deliveries: Deliveries::default(),
            pushes: Deliveries::default(),
        }
    }
}

/// What there is a bounded number of at once, each with its holders.
pub(crate) struct Pools {
    /// Long polls, by target.
    pub(crate) polls: Pool<String>,
    /// Pages of tasks that are being made, by the caller that asks.
    pub(crate) lists: Pool<TaskOwner>,
}

/// Pages of tasks at once. The registry bounds a page to 4 MiB of documents, which take some times that once they are read.
/// Arbitrary.
const LISTS_MAX: u64 = 32;

impl Pools {
    pub(super) fn new(bounds: &Bounds) -> Self {
        let shares = |places| Shares::new(places).without_reserve();
        let polls = Pool::new(shares(bounds.polls_max as u64));
        Self { polls, lists: Pool::new(shares(LISTS_MAX)) }
    }
}
