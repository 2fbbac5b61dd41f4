//! Where a process listens, and how its parent learns the port.
//!
//! It decides which addresses are allowed. Off this machine nothing may be served in clear text:
//! without TLS only loopback is, and no flag changes that. There is never a default that opens a
//! port to strangers.

use std::{
    fmt, fs,
    io::{self, Write},
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
};

use axum::http::{HeaderMap, Uri};
use tokio::net::TcpListener;

use crate::proxies::{Proxies, TrustedProxies};
use crate::sources::Network;
use crate::tls::{self, Acceptor, ServerFiles};

/// Why there is no listener.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The address can be reached from other machines, and TLS is not configured.
    #[error("{addr} is not a loopback address: without TLS only loopback may be served")]
    PlainOffLoopback {
        /// The address that was asked for.
        addr: SocketAddr,
    },
    /// The system refuses the address.
    #[error("cannot listen on {addr}")]
    Bind {
        /// The address that was asked for.
        addr: SocketAddr,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The address file cannot be written.
    #[error("cannot write the address file {path}")]
    AddrFile {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

/// Headers of the PROXY protocol are demanded, and of nobody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("proxy_protocol = true needs trusted_proxies: the networks that headers come from")]
pub struct NoProxies;

/// What connections of a listener are protected by.
#[derive(Clone, Debug)]
pub enum Security {
    /// Nothing; on loopback only.
    Plain,
    /// TLS.
    Tls(Arc<Acceptor>),
}

/// A bound socket and what protects it. [`bind`] is the only way to one.
#[derive(Debug)]
pub struct Listener {
    pub(crate) socket: TcpListener,
    pub(crate) security: Security,
    pub(crate) proxies: Proxies,
    pub(crate) marks: Marks,
    pub(crate) keeps_places: bool,
}

/// What a role adds to the refusals of its listener, by the target and the headers of a request.
#[derive(Clone)]
pub(crate) struct Marks(Arc<Mark>);

type Mark = dyn Fn(&Uri, &HeaderMap) -> HeaderMap + Send + Sync;

impl fmt::Debug for Marks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Marks")
    }
}

impl Marks {
    fn none() -> Self {
        Self(Arc::new(|_: &Uri, _: &HeaderMap| HeaderMap::new()))
    }

    pub(crate) fn of(&self, target: &Uri, headers: &HeaderMap) -> HeaderMap {
        (self.0)(target, headers)
    }
}

impl Listener {
    /// Believes the proxies of these networks about their clients; without it nobody is.
    #[must_use]
    pub fn trusting(self, proxies: TrustedProxies) -> Self {
        Self { proxies: Proxies { trusted: proxies, ..self.proxies }, ..self }
    }

    /// Demands of them, if `demanded`, that each connection begins with a header of the PROXY protocol, version 1 or 2,
    /// before any handshake of TLS. The connection counts by the client that it names. Who is no trusted proxy is heard
    /// as ever, and no such header is taken of it.
    #[must_use]
    pub fn with_proxy_protocol(self, demanded: bool) -> Self {
        Self { proxies: Proxies { proxy_protocol: demanded, ..self.proxies }, ..self }
    }

    /// Keeps a quarter of the connections for the system's own roles, which have to prove that they are. Not where calls of
    /// strangers are what the listener is for: one that got such a place would be cut in the middle of them.
    #[must_use]
    pub fn keeping_places(self) -> Self {
        Self { keeps_places: true, ..self }
    }

    /// Adds headers to what is refused before the role sees it, so that its clients may read that too.
    #[must_use]
    pub fn marking(
        self,
        marks: impl Fn(&Uri, &HeaderMap) -> HeaderMap + Send + Sync + 'static,
    ) -> Self {
        Self { marks: Marks(Arc::new(marks)), ..self }
    }
}

impl Security {
    /// TLS if there are files for it.
    ///
    /// # Errors
    /// The files cannot be used.
    pub fn open(files: Option<ServerFiles>) -> Result<Self, tls::Error> {
        let Some(files) = files else { return Ok(Self::Plain) };
        Acceptor::open(files).map(|acceptor| Self::Tls(Arc::new(acceptor)))
    }

    /// The scheme of URLs to such a listener.
    #[must_use]
    pub fn scheme(&self) -> &'static str {
        match self {
            Self::Plain => "http",
            Self::Tls(_) => "https",
        }
    }
}

/// Checks two settings of a role against each other: the proxies that it trusts, and whether they have to send headers of the
/// PROXY protocol.
///
/// # Errors
/// [`NoProxies`].
pub fn check_proxies(trusted: &[Network], proxy_protocol: bool) -> Result<(), NoProxies> {
    match proxy_protocol && trusted.is_empty() {
        true => Err(NoProxies),
        false => Ok(()),
    }
}

/// Binds `addr` and returns the listener with its real address (port 0 asks for a free one).
///
/// With `addr_file` the real address is written there, whole or not at all, once connections are
/// accepted: whoever sees the file may connect.
///
/// # Errors
/// Every [`Error`].
pub async fn bind(
    addr: SocketAddr,
    addr_file: Option<&Path>,
    security: Security,
) -> Result<(Listener, SocketAddr), Error> {
    if matches!(security, Security::Plain) && !addr.ip().to_canonical().is_loopback() {
        return Err(Error::PlainOffLoopback { addr });
    }
    let refused = |source| Error::Bind { addr, source };
    let socket = TcpListener::bind(addr).await.map_err(refused)?;
    let real = socket.local_addr().map_err(refused)?;
    if let Some(path) = addr_file {
        publish(path, real).map_err(|source| Error::AddrFile { path: path.to_owned(), source })?;
    }
    tracing::info!(addr = %real, scheme = security.scheme(), "listening");
    let (proxies, marks) = (Proxies::default(), Marks::none());
    Ok((Listener { socket, security, proxies, marks, keeps_places: false }, real))
}

/// Writes beside the file and renames, so that a reader never sees half an address.
fn publish(path: &Path, addr: SocketAddr) -> io::Result<()> {
    let mut name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?.to_owned();
    name.push(format!(".{}", std::process::id()));
    let beside = path.with_file_name(name);
    let mut file = fs::File::create(&beside)?;
    writeln!(file, "{addr}")?;
    drop(file);
    fs::rename(&beside, path)
}
