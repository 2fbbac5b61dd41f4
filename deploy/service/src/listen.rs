//! Where a process listens, and how its parent learns the port.
//!
//! It decides which addresses are allowed. Off this machine nothing may be served in clear text,
//! and TLS is not supported yet, so only loopback is allowed: never a wildcard, never a default
//! that opens a port to strangers.

use std::{
    fs,
    io::{self, Write},
    net::SocketAddr,
    path::{Path, PathBuf},
};

use tokio::net::TcpListener;

/// Why there is no listener.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The address can be reached from other machines, and TLS is not supported yet.
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
) -> Result<(TcpListener, SocketAddr), Error> {
    if !addr.ip().to_canonical().is_loopback() {
        return Err(Error::PlainOffLoopback { addr });
    }
    let refused = |source| Error::Bind { addr, source };
    let listener = TcpListener::bind(addr).await.map_err(refused)?;
    let real = listener.local_addr().map_err(refused)?;
    if let Some(path) = addr_file {
        publish(path, real).map_err(|source| Error::AddrFile { path: path.to_owned(), source })?;
    }
    tracing::info!(addr = %real, "listening");
    Ok((listener, real))
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
