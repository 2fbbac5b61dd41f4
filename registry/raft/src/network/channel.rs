//! A connection to another member: made on first use, made again after a failure, bounded in what it carries.
//! It must never wait for ever: a call has a deadline, or, if it may take as long as a state is large, ends with its
//! connection, which is probed.

use std::time::Duration;

use bytes::Bytes;
use proto_wire::raft::v1::Frame;
use proto_wire::raft::v1::raft_transport_client::RaftTransportClient;
use registry_client::{ChannelOptions, InvalidUrl};
use tonic::Request;
use tonic::transport::Channel;

use super::Credentials;

/// One message, either way. Replication reads at most 4 MiB or one entry at a time, and an entry is bounded by
/// `PROPOSAL_BYTES_MAX` and a little, so this leaves room for all later growth.
pub const MESSAGE_BYTES_MAX: usize = 64 << 20;

/// Bytes in flight before the receiver has to say that it reads: a whole replication message.
const WINDOW_BYTES: u32 = 8 << 20;

pub(crate) type Client = RaftTransportClient<Channel>;

/// A client of the member `to` at `address`. Connects on its first call.
pub(crate) fn client(
    credentials: &Credentials,
    to: u64,
    address: &str,
) -> Result<Client, InvalidUrl> {
    let endpoint = ChannelOptions::BETWEEN_MEMBERS
        .endpoint(address)?
        .initial_stream_window_size(WINDOW_BYTES)
        .initial_connection_window_size(WINDOW_BYTES.saturating_mul(2));
    Ok(Client::new(endpoint.connect_with_connector_lazy(credentials.connector(to)))
        .max_decoding_message_size(MESSAGE_BYTES_MAX)
        .max_encoding_message_size(MESSAGE_BYTES_MAX))
}

/// A signed request with a deadline that the other side knows too.
pub(crate) fn request(
    credentials: &Credentials,
    body: Vec<u8>,
    within: Duration,
) -> Request<Frame> {
    let mut request = signed(credentials, Frame { body: Bytes::from(body) });
    request.set_timeout(within);
    request
}

/// As [`request`], for any message and without a deadline.
pub(super) fn signed<T>(credentials: &Credentials, message: T) -> Request<T> {
    let mut request = Request::new(message);
    credentials.sign(request.metadata_mut());
    request
}
