//! What can be wrong with a certificate, with its files, and with a connection that should use them. An error must never
//! carry a key or a part of one.

use std::{io, net::IpAddr, path::PathBuf};

use crate::secret;

use super::{Malformed, Role};

/// Why certificates cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file cannot be read.
    #[error("{path} cannot be read")]
    File {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The private key's file.
    #[error("the private key cannot be read")]
    Key(#[from] secret::Error),
    /// A file is larger than any of ours.
    #[error("{path} is larger than {bytes_max} bytes")]
    TooLarge {
        /// Which file.
        path: PathBuf,
        /// What is allowed.
        bytes_max: u64,
    },
    /// A file does not hold what it should.
    #[error("{path} holds no {what} in PEM")]
    Pem {
        /// Which file.
        path: PathBuf,
        /// What was looked for.
        what: &'static str,
    },
    /// A certificate of ours or of an authority does not parse.
    #[error("{path} holds a certificate that cannot be used")]
    Certificate {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: Unreadable,
    },
    /// Only one of certificate and key is named.
    #[error("cert and key are needed together")]
    Half,
    /// Clients are to be verified, but it is not said whose identities count.
    #[error("{path} carries no identity, so client_ca cannot say which trust domain counts")]
    NoIdentity {
        /// The certificate.
        path: PathBuf,
    },
    /// The files were replaced by those of somebody else.
    #[error("the certificate names {found} now, and named {was} when the process started")]
    OtherIdentity {
        /// Whom the process began as.
        was: String,
        /// Whom the new certificate names.
        found: String,
    },
    /// Nobody could ever connect.
    #[error("require_client_cert needs client_ca")]
    NoClientCa,
    /// Certificate, key and authorities do not go together.
    #[error("the certificate cannot be used: {0}")]
    Rustls(rustls::Error),
    /// The authorities cannot verify anybody.
    #[error("the authorities cannot be used: {0}")]
    Verifier(rustls::server::VerifierBuilderError),
}

/// Why a certificate is not one of ours.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// It is no X.509 certificate, or one of its extensions is none.
    #[error("it is not an X.509 certificate")]
    Form,
    /// More than one URI: an id must be the only one (X509-SVID 2).
    #[error("it carries {0} URIs, and an identity must be the only one")]
    Uris(usize),
    /// Its URI is no identity.
    #[error("its URI is no identity")]
    Identity(#[from] Malformed),
}

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The address has a scheme that is not spoken, or no host.
    #[error("{0} is not an http or https URL")]
    Url(String),
    /// The host has no address.
    #[error("{host} has no address")]
    Resolve {
        /// Whose address.
        host: String,
        /// What the resolver said.
        #[source]
        source: io::Error,
    },
    /// Clear text would leave this machine.
    #[error("{addr} is not a loopback address: without TLS only loopback is called")]
    PlainOffLoopback {
        /// Where it would go.
        addr: IpAddr,
    },
    /// An https URL, and nothing to verify the other side with.
    #[error("{0} needs TLS, and no authority (ca) is configured")]
    NoAuthority(String),
    /// An http URL where the other side must prove who it is.
    #[error("{0} is clear text, where TLS is configured")]
    Plain(String),
    /// No address takes a connection.
    #[error("{host} takes no connection")]
    Connect {
        /// Whom was called.
        host: String,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// One of the two refuses the other's certificate, or TLS itself failed.
    #[error("no TLS with {host}")]
    Handshake {
        /// Who was called.
        host: String,
        /// What TLS said.
        #[source]
        source: io::Error,
    },
    /// The other side has proved to be somebody else than whom we want.
    #[error("{host} shows the certificate of {found}, not of a {wanted}")]
    WrongIdentity {
        /// Who was called.
        host: String,
        /// Whom its certificate names.
        found: String,
        /// Whom we wanted.
        wanted: Role,
    },
}
