//! What of a gateway's configuration may change while it runs, and how that is taken over.
//!
//! Decides which settings count at once, and that they do so together or not at all. Must never take over one that
//! something else was made of at the start: that one counts after a restart, and is named until then.

use std::sync::Arc;

use deploy_service::{TrustedProxies, telemetry};

use crate::address::AddressLimit;
use crate::clients::Clients;
use crate::config::{Bounds, Checked, Config, Upstreams};
use crate::cors::Cors;
use crate::gateway::Gateway;
use crate::secrets::{self, LocalTokens, Secrets};

/// The settings of this moment.
pub(crate) struct Live {
    pub(crate) bounds: Bounds,
    /// Which web pages may read what.
    pub(crate) cors: Cors,
    /// What local subscribers and operators show.
    pub(crate) tokens: LocalTokens,
    /// Who may call besides peers.
    pub(crate) clients: Arc<Clients>,
    /// By the rates of the bounds.
    pub(crate) addresses: Arc<AddressLimit>,
}

impl Live {
    /// Of settings that are read and checked.
    fn new(bounds: Bounds, cors: Cors, tokens: LocalTokens, clients: Arc<Clients>) -> Self {
        let addresses = Arc::new(address_limit(&bounds));
        Self { bounds, cors, tokens, clients, addresses }
    }

    /// The same as a gateway starts with them.
    pub(crate) fn start(bounds: &Bounds, cors: Cors, secrets: &Secrets) -> Self {
        let (tokens, clients) = (secrets.tokens.clone(), Arc::clone(&secrets.clients));
        Self::new(bounds.clone(), cors, tokens, clients)
    }

    /// With what addresses have used up by now, unless their limit is another one.
    fn after(self, former: &Self) -> Self {
        match rates(&self.bounds) == rates(&former.bounds) {
            true => Self { addresses: Arc::clone(&former.addresses), ..self },
            false => self,
        }
    }
}

fn rates(bounds: &Bounds) -> (u32, u32) {
    (bounds.address_requests_per_second, bounds.address_burst)
}

fn address_limit(bounds: &Bounds) -> AddressLimit {
    let (per_second, burst) = rates(bounds);
    AddressLimit::new(per_second, burst)
}

/// The settings that count at once, but for `bounds`.
const LIVE: [&str; 7] = [
    "subscriber_token_files",
    "operator_token_file",
    "gateway_auth_file",
    "trusted_proxies",
    "cors_origins",
    "upstreams.private_networks",
    CREDENTIALS,
];
/// A list of sections: where they are as many as before, what has changed is named below it.
const CREDENTIALS: &str = "upstreams.credentials";
/// Of the bounds, those that pools and queues were made by.
const FIXED_BOUNDS: [&str; 3] =
    ["bounds.waiting_max", "bounds.spend_queue_max", "bounds.polls_max"];

/// Whether a setting counts at once.
pub(crate) fn is_live(setting: &str) -> bool {
    let is_bound = setting.starts_with("bounds.") && !FIXED_BOUNDS.contains(&setting);
    let section = setting.rsplit_once('.').map(|(section, _)| section);
    let is_client = setting.starts_with("clients.");
    is_bound || is_client || LIVE.contains(&setting) || section == Some(CREDENTIALS)
}

/// The configuration of the start with what counts at once of another one.
fn merged(started: &Config, fresh: &Config) -> Config {
    let Bounds { waiting_max, spend_queue_max, polls_max, .. } = started.bounds;
    let Upstreams { credentials, private_networks, .. } = fresh.upstreams.clone();
    Config {
        subscriber_token_files: fresh.subscriber_token_files.clone(),
        operator_token_file: fresh.operator_token_file.clone(),
        gateway_auth_file: fresh.gateway_auth_file.clone(),
        trusted_proxies: fresh.trusted_proxies.clone(),
        cors_origins: fresh.cors_origins.clone(),
        bounds: Bounds { waiting_max, spend_queue_max, polls_max, ..fresh.bounds.clone() },
        clients: fresh.clients.clone(),
        upstreams: Upstreams { credentials, private_networks, ..started.upstreams.clone() },
        ..started.clone()
    }
}

/// Takes over what counts at once, or says why nothing is.
pub(crate) fn take_over(
    gateway: &Gateway,
    proxies: &TrustedProxies,
    (started, fresh): (&Config, &Config),
) -> Result<(), String> {
    let config = merged(started, fresh);
    let Checked { cors, .. } = config.checked().map_err(|error| telemetry::chain(&error))?;
    let tokens = secrets::local_tokens(&config).map_err(|error| telemetry::chain(&error))?;
    let credentials = secrets::credentials(&config.upstreams);
    let credentials = credentials.map_err(|error| telemetry::chain(&error))?;
    let former = gateway.live.load_full();
    let clients = Clients::read(&config, Some(&former.clients));
    let clients = clients.map_err(|error| telemetry::chain(&error))?;
    let live = Live::new(config.bounds, cors, tokens, Arc::new(clients)).after(&former);
    gateway.live.store(Arc::new(live));
    gateway.upstreams.replace(credentials, &config.upstreams.private_networks);
    proxies.replace(&config.trusted_proxies);
    Ok(())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use deploy_service::settings;
    use deploy_service::units::Duration;

    use super::*;
    use crate::config::UpstreamCredential;

    fn credential(value_file: &str) -> UpstreamCredential {
        let (agent, header) = ("far".to_owned(), "authorization".to_owned());
        UpstreamCredential { agent, header, value_file: value_file.into() }
    }

    #[test]
    fn what_counts_at_once_is_what_is_taken_over() {
        let mut started = Config::default();
        started.upstreams.credentials.push(credential("value"));
        let mut fresh = Config { id: "other".to_owned(), brand_hive: false, ..Config::default() };
        fresh.subscriber_token_files.push("token".into());
        fresh.operator_token_file = Some("token".into());
        fresh.trusted_proxies.push("10.0.0.0/8".parse().unwrap());
        fresh.cors_origins.push("*".to_owned());
        fresh.clients.api_keys_file = Some("keys".into());
        fresh.limits.drain = Duration::from_secs(1);
        let bounds = &mut fresh.bounds;
        (bounds.address_burst, bounds.peer_requests, bounds.waiting_max) = (1, 2, 3);
        (bounds.spend_queue_max, bounds.polls_max) = (4, 5);
        bounds.heartbeat = Duration::from_secs(1);
        let upstreams = &mut fresh.upstreams;
        upstreams.private_networks.push("10.0.0.0/8".parse().unwrap());
        upstreams.credentials.push(credential("other"));
        upstreams.timeout = Duration::from_secs(7);
        let changed = settings::changes(&started, &fresh);
        let (live, fixed): (Vec<_>, Vec<_>) = changed.into_iter().partition(|key| is_live(key));
        assert_eq!(settings::changes(&started, &merged(&started, &fresh)), live);
        assert_eq!(settings::changes(&merged(&started, &fresh), &fresh), fixed);
        assert_eq!((live.len(), fixed.len()), (10, 7), "{live:?} {fixed:?}");
        assert!(live.contains(&"upstreams.credentials.value_file".to_owned()), "{live:?}");
        started.upstreams.credentials.clear();
        let changed = settings::changes(&started, &fresh);
        assert!(changed.iter().any(|key| key == CREDENTIALS && is_live(key)), "{changed:?}");
    }

    #[test]
    fn what_an_address_has_used_up_is_forgotten_with_its_limit_alone() {
        let live = |change: fn(&mut Bounds)| {
            let (address_requests_per_second, address_burst) = (1, 1);
            let mut bounds =
                Bounds { address_requests_per_second, address_burst, ..Bounds::default() };
            change(&mut bounds);
            let clients = Clients::read(&Config::default(), None).unwrap();
            Live::new(bounds, Cors::default(), LocalTokens::default(), Arc::new(clients))
        };
        let former = live(|_| ());
        let address = std::net::Ipv4Addr::LOCALHOST.into();
        assert!(former.addresses.check(address).is_ok());
        let same = live(|bounds| bounds.peer_requests = 7).after(&former);
        assert!(same.addresses.check(address).is_err());
        let other = live(|bounds| bounds.address_burst = 2).after(&former);
        assert!(other.addresses.check(address).is_ok());
    }
}
