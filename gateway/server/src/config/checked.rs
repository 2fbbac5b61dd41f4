//! The configuration of a gateway, checked as a whole.
//!
//! Decides which settings contradict each other, and reads those that have types of their own. Must never open a file.

use deploy_service::listen::check_proxies;
use proto_types::pilox::descriptor::BOOTSTRAP_URLS_MAX;
use proto_types::{GatewayId, Handle, Origin};

use super::{Config, Contradiction, pilox, webhooks};
use crate::cors::Cors;

/// The parts of the configuration that are read into types.
#[derive(Clone, Debug)]
pub(crate) struct Checked {
    pub(crate) id: GatewayId,
    pub(crate) origin: Option<Origin>,
    pub(crate) default_agent: Option<Handle>,
    pub(crate) cors: Cors,
}

impl Config {
    /// Checks the settings against each other.
    pub(crate) fn checked(&self) -> Result<Checked, Contradiction> {
        self.limits.validate()?;
        check_proxies(&self.trusted_proxies, self.proxy_protocol)?;
        let id = GatewayId::parse(&self.id).map_err(Contradiction::Id)?;
        let origin = self.origin.as_deref().map(Origin::normalise).transpose();
        let default_agent = self.default_agent.as_deref().map(Handle::parse).transpose();
        self.check_places()?;
        self.bounds.check()?;
        self.upstreams.check()?;
        self.clients.check()?;
        webhooks::check(&self.webhooks)?;
        self.envelopes.check(self.federation_key_file.is_some())?;
        self.check_forwarding()?;
        pilox::check(&self.relays, &self.hs256_peers)?;
        Ok(Checked {
            id,
            origin: origin.map_err(Contradiction::Origin)?,
            default_agent: default_agent.map_err(Contradiction::DefaultAgent)?,
            cors: Cors::read(&self.cors_origins).map_err(Contradiction::Cors)?,
        })
    }

    /// An envelope has one way to go on.
    fn check_forwarding(&self) -> Result<(), Contradiction> {
        let peers = self.envelopes.peers()?;
        for webhook in &self.webhooks {
            let (target, _) = webhook.read()?;
            if peers.iter().any(|peer| peer.as_str() == target.as_str()) {
                let why = "envelopes.forward hands its envelopes on".to_owned();
                return Err(Contradiction::Webhook { target: target.to_string(), why });
            }
        }
        let own = self.origin.as_deref().and_then(|origin| Origin::normalise(origin).ok());
        if own.is_some_and(|own| peers.contains(&own)) {
            return Err(Contradiction::Envelopes("forward: it is this instance".to_owned()));
        }
        Ok(())
    }

    /// Where the registry is and what is kept here, and where others find this gateway.
    fn check_places(&self) -> Result<(), Contradiction> {
        if self.registry.is_empty() {
            return Err(Contradiction::NoRegistry);
        }
        if self.state_dir.as_os_str().is_empty() {
            return Err(Contradiction::NoStateDir);
        }
        if self.bootstrap_descriptor_urls.len() > BOOTSTRAP_URLS_MAX {
            return Err(Contradiction::Bootstrap(BOOTSTRAP_URLS_MAX));
        }
        for url in self.registry.iter().chain(&self.events_endpoint) {
            Origin::normalise(url).map_err(|_| Contradiction::Url(url.clone()))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use deploy_service::units::{Bytes, Duration};

    use super::*;

    fn full() -> Config {
        Config {
            id: "g1".to_owned(),
            registry: vec!["http://127.0.0.1:1".to_owned()],
            state_dir: PathBuf::from("state"),
            ..Config::default()
        }
    }

    #[test]
    fn each_contradiction_is_named() {
        assert!(full().checked().is_ok());
        let refused = |change: fn(&mut Config)| {
            let mut config = full();
            change(&mut config);
            config.checked().err().map(|error| error.to_string()).unwrap_or_default()
        };
        assert_eq!(refused(|config| config.id = "G 1".to_owned()), "id");
        assert_eq!(refused(|config| config.origin = Some("b.example".to_owned())), "origin");
        assert_eq!(refused(|config| config.default_agent = Some(String::new())), "default_agent");
        assert!(refused(|config| config.registry.clear()).starts_with("registry"));
        assert!(refused(|config| config.state_dir = PathBuf::new()).starts_with("state_dir"));
        assert!(
            refused(|config| config.registry = vec!["http://a/b".to_owned()])
                .contains("http://a/b")
        );
        let url = refused(|config| config.events_endpoint = Some("127.0.0.1:1".to_owned()));
        assert!(url.contains("127.0.0.1:1"));
        let page = refused(|config| config.cors_origins = vec!["app.example".to_owned()]);
        assert!(page.starts_with("cors_origins: `app.example`"), "{page}");
        let proxies = refused(|config| config.proxy_protocol = true);
        assert!(proxies.starts_with("proxy_protocol = true needs trusted_proxies"), "{proxies}");
        let bound = refused(|config| config.bounds.waiting_max = 0);
        assert!(bound.contains("bounds.waiting_max"), "{bound}");
        let bound = refused(|config| config.bounds.call_bytes_max = Bytes::from_kib(1024));
        assert!(bound.contains("bounds.call_bytes_max"), "{bound}");
        let upstream = refused(|config| config.upstreams.timeout = Duration::from_secs(0));
        assert!(upstream.contains("upstreams.timeout"), "{upstream}");
    }
}
