//! From a host's name to a connection.
//!
//! It decides in what order addresses are tried. It must never let one that says nothing keep the others from being tried.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::tls::ConnectError;

/// A next address is tried when one has failed, or after this (RFC 8305, section 5), while those before go on.
const ATTEMPT_DELAY: Duration = Duration::from_millis(250);

pub(super) async fn resolve(host: &str, port: u16) -> Result<Vec<SocketAddr>, ConnectError> {
    let found = tokio::net::lookup_host((host, port)).await;
    found
        .map(Iterator::collect)
        .map_err(|source| ConnectError::Resolve { host: host.to_owned(), source })
}

/// The addresses that stay on this machine; a name may have others beside them.
pub(super) fn loopback(mut addrs: Vec<SocketAddr>) -> Result<Vec<SocketAddr>, ConnectError> {
    let first = addrs.first().map(SocketAddr::ip);
    addrs.retain(|addr| addr.ip().to_canonical().is_loopback());
    match first {
        Some(addr) if addrs.is_empty() => Err(ConnectError::PlainOffLoopback { addr }),
        _ => Ok(addrs),
    }
}

/// The first address that takes a connection.
pub(super) async fn dial(host: &str, addrs: &[SocketAddr]) -> Result<TcpStream, ConnectError> {
    let mut failed = io::Error::from(io::ErrorKind::AddrNotAvailable);
    let mut waiting = addrs.iter().copied();
    // Those that are under way end with it.
    let mut attempts = JoinSet::new();
    loop {
        match waiting.next() {
            Some(addr) => drop(attempts.spawn(TcpStream::connect(addr))),
            None if attempts.is_empty() => break,
            None => {}
        }
        let delay = if waiting.len() == 0 { Duration::MAX } else { ATTEMPT_DELAY };
        match tokio::time::timeout(delay, attempts.join_next()).await {
            Ok(Some(Ok(Ok(stream)))) => {
                // Small calls must not wait for more; a failure means the other side is gone.
                let _ = stream.set_nodelay(true);
                return Ok(stream);
            }
            Ok(Some(Ok(Err(error)))) => failed = error,
            // It is time for the next one; attempts do not panic.
            Ok(_) | Err(_) => {}
        }
    }
    Err(ConnectError::Connect { host: host.to_owned(), source: failed })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use tokio::net::{TcpListener, TcpSocket};

    use super::*;

    /// A listener whose queue is full: it takes no further connection and says nothing. What fills it has to be kept.
    async fn silent() -> (TcpListener, Vec<TcpStream>) {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let listener = socket.listen(1).unwrap();
        let addr = listener.local_addr().unwrap();
        let mut queued = Vec::new();
        while let Ok(stream) =
            tokio::time::timeout(Duration::from_millis(300), TcpStream::connect(addr)).await
        {
            queued.push(stream.unwrap());
            assert!(queued.len() < 100, "the queue has an end");
        }
        (listener, queued)
    }

    #[tokio::test]
    async fn an_address_that_says_nothing_does_not_hold_up_the_next() {
        let (silent, _queued) = silent().await;
        let good = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addrs = [silent.local_addr().unwrap(), good.local_addr().unwrap()];
        // The system itself gives up after two minutes.
        let dialled = tokio::time::timeout(Duration::from_secs(30), dial("host", &addrs)).await;
        assert_eq!(dialled.unwrap().unwrap().peer_addr().unwrap(), addrs[1]);
    }

    #[tokio::test]
    async fn all_addresses_that_refuse_are_tried_and_the_last_is_told() {
        let gone = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        let good = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let stream = dial("host", &[gone, gone, good.local_addr().unwrap()]).await.unwrap();
        assert_eq!(stream.peer_addr().unwrap(), good.local_addr().unwrap());
        let error = dial("host", &[gone, gone]).await.unwrap_err();
        assert!(
            matches!(error, ConnectError::Connect { source, .. } if source.kind() == io::ErrorKind::ConnectionRefused)
        );
        let error = dial("host", &[]).await.unwrap_err();
        assert!(matches!(error, ConnectError::Connect { .. }));
    }
}
