//! Connections to members.
//!
//! It decides nothing: how long one may take to come about, and when it is given up, its caller says.

use std::time::Duration;

use deploy_service::tls::Connector;
use tonic::transport::{Channel, Endpoint};

/// How connections are made, and how one is noticed that was cut without a word.
#[derive(Clone, Copy, Debug)]
pub struct ChannelOptions {
    /// How long a connection may take to come about.
    pub connect_timeout: Duration,
    /// A silent connection is probed after this long, and given up after as long again.
    pub keep_alive: Duration,
    /// Whether it is probed while no call is under way too.
    pub while_idle: bool,
}

/// A URL that cannot be called.
#[derive(Debug, thiserror::Error)]
#[error("{url}: {why}")]
pub struct InvalidUrl {
    /// Which one.
    pub url: String,
    why: tonic::transport::Error,
}

impl ChannelOptions {
    /// An endpoint, for who connects by themselves.
    ///
    /// # Errors
    /// The URL is none.
    pub fn endpoint(&self, url: &str) -> Result<Endpoint, InvalidUrl> {
        let endpoint = Endpoint::from_shared(url.to_owned());
        let endpoint = endpoint.map_err(|why| InvalidUrl { url: url.to_owned(), why })?;
        Ok(endpoint
            .connect_timeout(self.connect_timeout)
            .http2_keep_alive_interval(self.keep_alive)
            .keep_alive_timeout(self.keep_alive)
            .keep_alive_while_idle(self.while_idle))
    }

    /// A channel that connects when it is first used.
    pub(crate) fn lazy(&self, url: &str, connector: &Connector) -> Result<Channel, InvalidUrl> {
        Ok(self.endpoint(url)?.connect_with_connector_lazy(connector.clone()))
    }
}
