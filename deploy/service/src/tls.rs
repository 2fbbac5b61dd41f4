//! Transport security: who is at the other end, and that nobody else reads along.
//!
//! It decides what counts as proof of an identity, and that there is one protocol: TLS 1.3 with
//! the suites of ring. It must never verify against the system's list of authorities, nor take a
//! connection up again without verifying: sessions are not resumed, so that a certificate counts
//! for one connection only.
//!
//! 1. `serve.rs` counts a connection before its first byte; `server.rs` shakes hands within the time of a header, with
//!    the newest usable files (`watched.rs`).
//! 2. `certificate.rs` reads the client's certificate to an identity (`identity.rs`). A certificate that names nobody, or
//!    somebody of another trust domain, ends the connection; so does the end of its life.
//! 3. The other way, `client.rs` connects to a role by name, and hangs up on a process of another role.

mod authority;
mod certificate;
mod client;
mod error;
mod files;
mod identity;
mod server;
mod watched;

use std::path::Path;
use std::sync::Arc;

use rustls::crypto::CryptoProvider;

pub use self::{
    authority::{Authority, Issued, Order, Refused},
    certificate::{Certificate, chain_of},
    client::{ClientFiles, Connector, Stream, public_client},
    error::{ConnectError, Error, Unreadable},
    identity::{ClientIdentity, Identity, Malformed, Role},
    server::{Acceptor, ServerFiles},
};

pub(crate) use self::server::Visitor;

/// The only version: 1.2 brings renegotiation and cipher suites without forward secrecy, and every
/// client of ours speaks 1.3.
const VERSIONS: &[&rustls::SupportedProtocolVersion] = &[&rustls::version::TLS13];

/// Reads the file of a certificate of ours, as a start does.
pub(crate) fn check_certificate(path: &Path) -> Result<(), Error> {
    server::own(path, &files::chain(path)?).map(drop)
}

/// Reads the file of authorities, as a start does.
pub(crate) fn check_authorities(path: &Path) -> Result<(), Error> {
    files::roots(path).map(drop)
}

/// Reads the file of a private key, as a start does.
pub(crate) fn check_key(path: &Path) -> Result<(), Error> {
    files::key(path).map(drop)
}

/// Named explicitly, so that no other crate's choice for the process changes ours.
fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}
