//! The connections to agents' servers.
//!
//! Decides how many wait, how long, and how much a server may send ahead of what is read. Must never connect to where this
//! gateway may not call.

use bytes::Bytes;
use deploy_service::Network;
use deploy_service::tls::Connector;
use http_body_util::Full;
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioTimer};

use super::dial::Dialer;
use super::{HEAD_BYTES_MAX, POOL_IDLE};

/// Connections to one host that wait. Arbitrary.
const POOL_MAX: usize = 64;
/// As [`HEAD_BYTES_MAX`] of HTTP/2; of trailers too.
const HEADER_LIST_MAX: u32 = 64 << 10;
/// What a server may send ahead of what is read of one stream of HTTP/2; hyper would take 2 MiB. Arbitrary: as much as a
/// socket holds of HTTP/1.1.
const STREAM_WINDOW: u32 = 64 << 10;
/// All streams of a connection together: as many as may be open of one agent, so that those that nobody reads hold up no other.
const CONNECTION_WINDOW: u32 = STREAM_WINDOW * 1_024;

/// Open calls of an agent for which one more connection is used. Servers allow 100 streams and more on one; by chance the
/// first has some five times this.
const CALLS_PER_CONNECTION: u64 = 16;
/// For as many calls as may be open of one agent.
const GRPC_CONNECTIONS: usize = 64;

/// The connections, to where they may be made.
pub(super) struct Http {
    /// HTTP/1.1.
    pub(super) client: Client<Dialer, Full<Bytes>>,
    /// HTTP/2 alone: in TLS by ALPN, in clear text known beforehand.
    grpc: Vec<Client<Dialer, Full<Bytes>>>,
    pub(super) private_networks: Vec<Network>,
}

impl Http {
    pub(super) fn new(connector: &Connector, private_networks: &[Network]) -> Self {
        let mut builder = Client::builder(TokioExecutor::new());
        builder.pool_timer(TokioTimer::new()).pool_idle_timeout(POOL_IDLE);
        builder.pool_max_idle_per_host(POOL_MAX).http1_max_buf_size(HEAD_BYTES_MAX);
        let client = builder.build(Dialer::new(connector.clone().web(), private_networks));
        builder.http2_only(true).http2_initial_stream_window_size(STREAM_WINDOW);
        builder.http2_initial_connection_window_size(CONNECTION_WINDOW);
        builder.http2_max_header_list_size(HEADER_LIST_MAX);
        let grpc = || builder.build(Dialer::new(connector.clone(), private_networks));
        let grpc = std::iter::repeat_with(grpc).take(GRPC_CONNECTIONS).collect();
        Self { client, grpc, private_networks: private_networks.to_vec() }
    }

    /// One of as many connections as so many open calls need: a server lets few streams be open on each, and one more waits.
    pub(super) fn grpc(&self, open: u64, draw: u64) -> &Client<Dialer, Full<Bytes>> {
        let used = open / CALLS_PER_CONNECTION + 1;
        let at = usize::try_from(draw % used).unwrap_or(0);
        &self.grpc[at.min(GRPC_CONNECTIONS - 1)]
    }
}
