//! What HTTP/1.1 and HTTP/2 may do on one connection.
//!
//! It decides windows and buffers; the other numbers are the listener's limits. It must never leave a timer out.

use hyper_util::rt::{TokioExecutor, TokioTimer};
use hyper_util::server::conn::auto::Builder;

use super::Limits;

/// What a stream may send before anybody reads it, of a client without a certificate: more than most requests.
const WINDOW: u32 = 128 << 10;

/// The same for one with a certificate, which sends replication messages and artifacts from far away.
const WIDE_WINDOW: u32 = 1 << 20;

/// What HTTP/2 keeps of one answer for a socket that takes nothing; its own default is 400 KiB.
const SEND_BUFFER: usize = 64 << 10;

/// How a connection is served.
pub(super) fn builder(limits: &Limits, is_certified: bool) -> Builder<TokioExecutor> {
    let window = if is_certified { WIDE_WINDOW } else { WINDOW };
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.header_timeout.std())
        .max_buf_size(limits.headers_bytes_max.as_usize());
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_header_list_size(u32::try_from(limits.headers_bytes_max.count()).unwrap_or(u32::MAX))
        .max_concurrent_streams(limits.h2_streams_max)
        .initial_stream_window_size(window)
        .initial_connection_window_size(window * 2)
        .max_send_buf_size(SEND_BUFFER)
        .max_pending_accept_reset_streams(limits.h2_resets_pending_max)
        .max_local_error_reset_streams(limits.h2_resets_local_max)
        .keep_alive_interval(limits.h2_ping_interval.std())
        .keep_alive_timeout(limits.h2_ping_timeout.std());
    builder
}
