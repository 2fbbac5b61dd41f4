//! A push notification, to a receiver that a caller has named.
//!
//! Decides where receivers may be: at public addresses in TLS, and in the networks that the operator names for them. Those of
//! attached agents are not among them, for who names an agent is trusted with them and who calls one is not. Must never follow a
//! redirect, nor show a certificate of ours: it may be what an attached agent lets this gateway in by.

use bytes::Bytes;
use deploy_service::Network;
use deploy_service::tls::{self, Connector};
use http::{Request, Uri};
use http_body_util::Full;
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use proto_types::PushUrl;
use tokio::time::Instant;

use super::dial::{Dialer, is_refused_receiver};
use super::webhook::posted;
use super::{HEAD_BYTES_MAX, POOL_IDLE};
use crate::config::Upstreams;

/// Connections to one receiver that wait. Arbitrary.
const POOL_MAX: usize = 4;

/// Calls receivers.
pub(crate) struct ReceiverClient {
    client: Client<Dialer, Full<Bytes>>,
    networks: Vec<Network>,
}

impl ReceiverClient {
    /// Connects to nobody yet.
    ///
    /// # Errors
    /// The authorities cannot be read.
    pub(super) fn open(config: &Upstreams) -> Result<Self, tls::Error> {
        let ca = config.tls.as_ref().map(|files| files.ca.clone());
        let dialer = Dialer::of_receivers(Connector::public(ca)?.web(), &config.push_networks);
        let mut builder = Client::builder(TokioExecutor::new());
        builder.pool_timer(TokioTimer::new()).pool_idle_timeout(POOL_IDLE);
        builder.pool_max_idle_per_host(POOL_MAX).http1_max_buf_size(HEAD_BYTES_MAX);
        Ok(Self { client: builder.build(dialer), networks: config.push_networks.clone() })
    }

    /// Whether a receiver is never called, as far as its URL tells.
    pub(crate) fn refuses(&self, url: &PushUrl) -> bool {
        let uri = Uri::try_from(url.as_str());
        uri.map_or(true, |uri| is_refused_receiver(&uri, &self.networks))
    }

    /// Sends a request and reads the status of its answer.
    ///
    /// # Errors
    /// There is none, and why, as the operator reads it.
    pub(crate) async fn deliver(
        &self,
        request: Request<Full<Bytes>>,
        until: Instant,
    ) -> Result<u16, String> {
        posted(&self.client, request, until).await
    }
}
