//! What of a gateway's configuration may change while it runs, and how that is taken over.
//!
//! Decides which settings count at once, and that they do so together or not at all. Must never take over one that
//! something else was made of at the start: that one counts after a restart, and is named until then.

use std::sync::Arc;

use deploy_service::{TrustedProxies, telemetry};
use proto_types::Digest;

use crate::address::AddressLimit;
use crate::config::{Bounds, Checked, Config};
use crate::cors::Cors;
use crate::gateway::Gateway;
use crate::secrets;

/// The settings of this moment.
pub(crate) struct Live {
    pub(crate) bounds: Bounds,
    /// Which web pages may read what.
    pub(crate) cors: Cors,
    /// Digests of the tokens that local subscribers and operators show.
    pub(crate) subscribers: Vec<Digest>,
    /// By the rates of the bounds.
    pub(crate) addresses: Arc<AddressLimit>,
}

impl Live {
    /// Of the settings as a start has read them.
    pub(crate) fn new(bounds: Bounds, cors: Cors, subscribers: Vec<Digest>) -> Self {
        let addresses = Arc::new(address_limit(&bounds));
        Self { bounds, cors, subscribers, addresses }
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
const LIVE: [&str; 4] =
    ["subscriber_token_files", "operator_token_file", "trusted_proxies", "cors_origins"];
/// Of the bounds, those that pools and queues were made by.
const FIXED_BOUNDS: [&str; 3] =
    ["bounds.waiting_max", "bounds.spend_queue_max", "bounds.polls_max"];

/// Whether a setting counts at once.
pub(crate) fn is_live(setting: &str) -> bool {
    let is_bound = setting.starts_with("bounds.") && !FIXED_BOUNDS.contains(&setting);
    is_bound || LIVE.contains(&setting)
}

/// The configuration of the start with what counts at once of another one.
fn merged(started: &Config, fresh: &Config) -> Config {
    let Bounds { waiting_max, spend_queue_max, polls_max, .. } = started.bounds;
    Config {
        subscriber_token_files: fresh.subscriber_token_files.clone(),
        operator_token_file: fresh.operator_token_file.clone(),
        trusted_proxies: fresh.trusted_proxies.clone(),
        cors_origins: fresh.cors_origins.clone(),
        bounds: Bounds { waiting_max, spend_queue_max, polls_max, ..fresh.bounds.clone() },
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
    let subscribers = secrets::subscribers(&config).map_err(|error| telemetry::chain(&error))?;
    let live = Live::new(config.bounds, cors, subscribers).after(&gateway.live.load());
    gateway.live.store(Arc::new(live));
    proxies.replace(&config.trusted_proxies);
    Ok(())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use deploy_service::settings;
    use deploy_service::units::Duration;

    use super::*;

    #[test]
    fn what_counts_at_once_is_what_is_taken_over() {
        let started = Config::default();
        let mut fresh = Config { id: "other".to_owned(), brand_hive: false, ..Config::default() };
        fresh.subscriber_token_files.push("token".into());
        fresh.operator_token_file = Some("token".into());
        fresh.trusted_proxies.push("10.0.0.0/8".parse().unwrap());
        fresh.cors_origins.push("*".to_owned());
        fresh.limits.drain = Duration::from_secs(1);
        let bounds = &mut fresh.bounds;
        (bounds.address_burst, bounds.peer_requests, bounds.waiting_max) = (1, 2, 3);
        (bounds.spend_queue_max, bounds.polls_max) = (4, 5);
        bounds.heartbeat = Duration::from_secs(1);
        let changed = settings::changes(&started, &fresh);
        let (live, fixed): (Vec<_>, Vec<_>) = changed.into_iter().partition(|key| is_live(key));
        assert_eq!(settings::changes(&started, &merged(&started, &fresh)), live);
        assert_eq!(settings::changes(&merged(&started, &fresh), &fresh), fixed);
        assert_eq!((live.len(), fixed.len()), (7, 6), "{live:?} {fixed:?}");
    }

    #[test]
    fn what_an_address_has_used_up_is_forgotten_with_its_limit_alone() {
        let live = |change: fn(&mut Bounds)| {
            let (address_requests_per_second, address_burst) = (1, 1);
            let mut bounds =
                Bounds { address_requests_per_second, address_burst, ..Bounds::default() };
            change(&mut bounds);
            Live::new(bounds, Cors::default(), Vec::new())
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
