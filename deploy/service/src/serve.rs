//! Serves HTTP/1.1 and HTTP/2 on one listener, under limits, until told to stop.
//!
//! It decides who may connect, how slow a client may be, and the order of a drain. It never
//! looks at what a request asks for. It exists because `axum::serve` installs no timer, so that
//! a header may take for ever, and because tonic passes no limit for streams that we reset.
//!
//! What requests and answers hold is counted (`serve/memory.rs`). Beside that a connection holds what its client sends
//! before anybody reads it, at most a window, and heads, whose number and size are bounded.
//!
//! `serve/strict.rs` refuses a message that can be read in two ways, `serve/host.rs` one that names no host. What a
//! handler leaves unread of a body is read or announced as lost (`serve/unread.rs`, `serve/linger.rs`). Connections, and
//! what requests and answers hold (`serve/connection_limits.rs`, `serve/metered.rs`, `serve/answer.rs`), are shared by
//! the rule of all pools, `proto_types::share` (docs/decisions/0032-shares-of-bounded-pools.md). Where a proxy stands
//! between, `proxies.rs` and `forwarded.rs` tell who the client is.

mod answer;
mod connection_limits;
mod edge;
mod framing;
mod guarded;
mod host;
mod in_flight;
mod limits;
mod linger;
mod memory;
mod metered;
mod protocols;
mod strict;
mod unread;

use std::{
    convert::Infallible,
    io,
    net::SocketAddr,
    pin::pin,
    sync::Arc,
    time::{Duration, SystemTime},
};

use axum::{body::Body, response::Response};
use hyper::Request;
use hyper_util::rt::TokioIo;
use proto_types::Full;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    task::JoinSet,
    time::{Instant, sleep, timeout, timeout_at},
};
use tower::Service;

use crate::{
    ClientIdentity, Listener, Security, Shutdown,
    proxies::Remote,
    tls::{Acceptor, Visitor},
};

use self::{
    connection_limits::{ConnectionLimits, ConnectionPermit},
    edge::Edge,
    guarded::Guarded,
    in_flight::InFlight,
    memory::{Connection, Memory},
    protocols::builder,
    strict::Strict,
};

pub use self::limits::{Contradiction, Limits};
pub use self::memory::Claim;

/// How a drain went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Drained {
    /// Requests without a complete answer when the listener closed.
    pub in_flight_at_stop: usize,
    /// Of all requests, those that the deadline cut.
    pub cut: usize,
}

/// A connection that has a permit.
struct Arrival {
    remote: Remote,
    /// When its first header must have come.
    beginning: Instant,
    permit: ConnectionPermit,
}

/// After a failed accept (out of descriptors, mostly) waiting lets other connections end.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Serves `service` on `listener` until `shutdown`, then drains.
///
/// A request carries in its extensions the [`ClientAddress`](crate::ClientAddress) that it comes from, the
/// [`Source`](crate::Source) that it counts for, and [`ClientIdentity`] if the client has proved one. The drain: from the wish
/// to stop on, readiness is down while connections are still accepted for `limits.lame_duck`; then the listener closes and
/// idle connections end; requests in flight may finish for `limits.drain`; what is left is cut. Streams that last should end
/// on `shutdown` themselves, or by [`Limits::streams_end`] after it.
pub async fn serve<S>(listener: Listener, service: S, limits: Limits, shutdown: Shutdown) -> Drained
where
    S: Service<Request<Body>, Response = Response, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
{
    let (in_flight, stop) = (InFlight::default(), Shutdown::new());
    let Listener { socket, security, proxies, marks, keeps_places } = listener;
    let server = Server {
        edge: Edge {
            service,
            in_flight: in_flight.clone(),
            shutdown: shutdown.clone(),
            limits: limits.clone(),
            proxies,
            marks,
        },
        connection_limits: ConnectionLimits::new(&limits, keeps_places),
        memory: memory::memory(&limits),
        security,
        stop: stop.clone(),
        limits: limits.clone(),
    };
    let mut connections = JoinSet::new();
    server.accept_until_stop(socket, &shutdown, &mut connections).await;
    let in_flight_at_stop = in_flight.count();
    stop.trigger();
    let cut = finish(connections, &in_flight, limits.drain.std()).await;
    tracing::info!(in_flight_at_stop, cut, "drained");
    Drained { in_flight_at_stop, cut }
}

/// Lets connections end until the deadline, cuts the rest, and counts the requests cut.
async fn finish(mut connections: JoinSet<()>, in_flight: &InFlight, deadline: Duration) -> usize {
    let all = async { while connections.join_next().await.is_some() {} };
    let cut = if timeout(deadline, all).await.is_ok() { 0 } else { in_flight.count() };
    connections.shutdown().await;
    cut
}

/// What every connection has a copy of.
#[derive(Clone)]
struct Server<S> {
    edge: Edge<S>,
    connection_limits: ConnectionLimits,
    memory: Memory,
    security: Security,
    limits: Limits,
    /// The end of accepting, which comes a lame-duck time after the wish to stop.
    stop: Shutdown,
}

impl<S> Server<S>
where
    S: Service<Request<Body>, Response = Response, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
{
    /// Accepts until the lame-duck time after the wish to stop is over; the listener closes here.
    async fn accept_until_stop(
        &self,
        listener: TcpListener,
        shutdown: &Shutdown,
        connections: &mut JoinSet<()>,
    ) {
        let mut closing = pin!(async {
            shutdown.triggered().await;
            sleep(self.limits.lame_duck.std()).await;
        });
        loop {
            tokio::select! {
                () = &mut closing => return,
                Some(_) = connections.join_next() => {}
                accepted = listener.accept() => match accepted {
                    Ok((stream, addr)) => self.open(stream, addr, connections),
                    Err(error) => {
                        tracing::warn!(%error, "cannot accept");
                        sleep(ACCEPT_PAUSE).await;
                    }
                },
            }
        }
    }

    /// Gives the connection a permit and a task, or a refusal that costs no task. It counts from
    /// here on, before any handshake.
    fn open(&self, stream: TcpStream, addr: SocketAddr, connections: &mut JoinSet<()>) {
        match self.connection_limits.admit(addr.ip()) {
            Ok(permit) => {
                // Small answers must not wait for more; a failure means the client is gone.
                let _ = stream.set_nodelay(true);
                connections.spawn(self.clone().attend(stream, addr, permit));
            }
            Err(full) => self.refuse(&stream, addr, full),
        }
    }

    fn refuse(&self, stream: &TcpStream, addr: SocketAddr, full: Full) {
        if matches!(self.security, Security::Plain) {
            // Best effort: a fresh socket's buffer holds this line, and nobody waits for it.
            let _ = stream.try_write(connection_limits::answer(full).as_bytes());
        }
        tracing::debug!(%addr, ?full, "connection refused");
    }

    /// One connection from its first byte to its last.
    async fn attend(self, stream: TcpStream, addr: SocketAddr, permit: ConnectionPermit) {
        if let Err(error) = self.begin(stream, addr, permit).await {
            let error = &*error as &dyn std::error::Error;
            tracing::debug!(%addr, error, "connection ended");
        }
    }

    /// A connection that begins with what its proxy has to say, in time or not at all; then it counts by the client.
    async fn begin(
        self,
        mut stream: TcpStream,
        addr: SocketAddr,
        permit: ConnectionPermit,
    ) -> Result<(), BoxError> {
        let beginning = Instant::now() + self.limits.header_timeout.std();
        let remote = tokio::select! {
            remote = timeout_at(beginning, self.edge.proxies.remote(&mut stream, addr)) => remote??,
            // Nobody has asked for anything yet.
            () = self.stop.triggered() => return Ok(()),
        };
        let permit = match permit.pass_to(&self.connection_limits, remote.address.ip()) {
            Ok(permit) => permit,
            Err(full) => {
                self.refuse(&stream, remote.address, full);
                return Ok(());
            }
        };
        let arrival = Arrival { remote, beginning, permit };
        match self.security.clone() {
            Security::Plain => self.speak(stream, arrival, None).await,
            Security::Tls(acceptor) => self.shake(&acceptor, stream, arrival).await,
        }
    }

    /// A connection that begins with a handshake, which ends in time or not at all.
    async fn shake(
        self,
        acceptor: &Acceptor,
        stream: TcpStream,
        arrival: Arrival,
    ) -> Result<(), BoxError> {
        let addr = arrival.remote.address;
        let shaken = tokio::select! {
            shaken = timeout_at(arrival.beginning, acceptor.accept(stream)) => shaken?,
            // Nobody has asked for anything yet.
            () = self.stop.triggered() => return Ok(()),
        };
        if let Err(error) = &shaken
            && error.kind() == io::ErrorKind::PermissionDenied
        {
            // Its authority is ours, so this is a mistake of an operator, and no stranger's flood.
            tracing::warn!(%addr, %error, "a client's certificate is refused");
        }
        let (stream, visitor) = shaken?;
        self.speak(stream, arrival, visitor).await
    }

    /// Requests and answers, until the client, the process, the client's certificate or its time in a kept place ends.
    async fn speak<I: AsyncRead + AsyncWrite + Send + Unpin + 'static>(
        self,
        stream: I,
        Arrival { remote, beginning, mut permit }: Arrival,
        visitor: Option<Visitor>,
    ) -> Result<(), BoxError> {
        let held = Connection::new(&self.memory, self.edge.held_max(remote));
        let io = Guarded::new(stream, beginning, &self.limits, &held);
        let builder = builder(&self.limits, visitor.is_some());
        let is_system = connection_limits::is_of_the_system(visitor.as_ref());
        let until = visitor.as_ref().map(|visitor| visitor.until);
        let identity = visitor.map(|visitor| ClientIdentity::new(visitor.identity));
        let service = self.edge.for_client(remote, identity, Arc::clone(&held));
        let io = TokioIo::new(Strict::new(io, &self.limits));
        let mut connection = pin!(builder.serve_connection(io, service));
        let patience = tokio::select! {
            ended = connection.as_mut() => return ended,
            () = self.stop.triggered() => None,
            () = permit.ends(&self.connection_limits, &held, (is_system, beginning)) => {
                Some(connection_limits::PARTING)
            }
            // The client comes back with a newer certificate; streams that go on are cut.
            () = passed(until) => Some(self.limits.drain.std()),
        };
        connection.as_mut().graceful_shutdown();
        match patience {
            None => connection.await,
            Some(patience) => timeout(patience, connection).await?,
        }
    }
}

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Waits until a moment has passed; without one for ever.
async fn passed(moment: Option<SystemTime>) {
    let Some(moment) = moment else { return std::future::pending().await };
    // A moment that lies behind us gives an error, and no wait.
    sleep(moment.duration_since(SystemTime::now()).unwrap_or_default()).await;
}
