//! Connections to members. The caller says how long one may take to open, and when it is given up.

use std::time::Duration;

use deploy_service::tls::Connector;
use tonic::transport::{Channel, Endpoint};

/// How connections are made, and how one is noticed that was cut without a word.
#[derive(Clone, Copy, Debug)]
pub struct ChannelOptions {
    /// How long a connection may take to come about.
    pub connect_timeout: Duration,
    /// A silent connection is probed after this long.
    pub keep_alive: Duration,
    /// A probe without an answer for this long ends the connection.
    pub keep_alive_timeout: Duration,
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
    /// From member to member. They are near each other: a connection takes milliseconds. One that was cut without a word would
    /// wait for its next repetition when the network is whole again, which may be as long as the cut was; a new one comes
    /// about at once.
    pub const BETWEEN_MEMBERS: Self = Self {
        connect_timeout: Duration::from_secs(1),
        keep_alive: Duration::from_secs(5),
        keep_alive_timeout: Duration::from_secs(3),
        while_idle: true,
    };

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
            .keep_alive_timeout(self.keep_alive_timeout)
            .keep_alive_while_idle(self.while_idle))
    }

    /// A channel that connects when it is first used.
    ///
    /// # Errors
    /// The URL is none.
    pub fn lazy(&self, url: &str, connector: &Connector) -> Result<Channel, InvalidUrl> {
        Ok(self.endpoint(url)?.connect_with_connector_lazy(connector.clone()))
    }
}
