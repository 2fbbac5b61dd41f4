//! The listener's side: its certificate, and which clients are known by theirs.
//!
//! It decides that a client without a certificate is a stranger, and that one with a certificate
//! that we cannot place is turned away. It must never take the word of a client for who it is.

use std::{io, path::PathBuf, sync::Arc, time::SystemTime};

use rustls::{
    ServerConfig,
    pki_types::CertificateDer,
    server::{NoServerSessionStorage, WebPkiClientVerifier, danger::ClientCertVerifier},
};
use serde::Deserialize;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

use crate::settings::Setting;
use crate::units::Duration;

use super::{Certificate, Error, Identity, VERSIONS, files, provider, watched::Watched};

/// The section `tls` of a role that listens.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Setting)]
#[serde(deny_unknown_fields)]
pub struct ServerFiles {
    /// The certificate and what leads from it to an authority, in PEM.
    pub cert: PathBuf,
    /// Its private key, in PEM; others must not have access.
    pub key: PathBuf,
    /// The authorities of clients, in PEM. With it a client may show a certificate.
    #[serde(default)]
    pub client_ca: Option<PathBuf>,
    /// Whether a client without a certificate is turned away.
    #[serde(default)]
    pub require_client_cert: bool,
    /// How often the files are looked at, at most, when a client connects.
    #[serde(default = "reload_default")]
    pub reload: Duration,
}

/// Often enough for a rotation to be seen at once by a person, seldom enough to cost nothing.
pub(super) fn reload_default() -> Duration {
    Duration::from_secs(10)
}

/// Accepts TLS connections with the newest usable certificate.
#[derive(Debug)]
pub struct Acceptor(Watched<Loaded>);

struct Loaded {
    config: Arc<ServerConfig>,
    own: Option<Identity>,
}

/// Who a client has proved to be, and until when that holds.
pub(crate) struct Visitor {
    pub(crate) identity: Identity,
    pub(crate) until: SystemTime,
}

impl ServerFiles {
    /// A certificate without client authorities.
    #[must_use]
    pub fn new(cert: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Self {
        Self {
            cert: cert.into(),
            key: key.into(),
            client_ca: None,
            require_client_cert: false,
            reload: reload_default(),
        }
    }

    fn load(&self) -> Result<Loaded, Error> {
        let chain = files::chain(&self.cert)?;
        let own = own(&self.cert, &chain)?;
        let builder = ServerConfig::builder_with_provider(provider())
            .with_protocol_versions(VERSIONS)
            .map_err(Error::Rustls)?;
        let builder = match self.verifier(own.as_ref())? {
            Some(verifier) => builder.with_client_cert_verifier(verifier),
            None => builder.with_no_client_auth(),
        };
        let key = files::key(&self.key)?;
        let mut config = builder.with_single_cert(chain, key).map_err(Error::Rustls)?;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        Ok(Loaded { config: Arc::new(config), own })
    }

    fn verifier(
        &self,
        own: Option<&Identity>,
    ) -> Result<Option<Arc<dyn ClientCertVerifier>>, Error> {
        let Some(path) = &self.client_ca else {
            return if self.require_client_cert { Err(Error::NoClientCa) } else { Ok(None) };
        };
        if own.is_none() {
            return Err(Error::NoIdentity { path: self.cert.clone() });
        }
        let roots = Arc::new(files::roots(path)?);
        let mut verifier = WebPkiClientVerifier::builder_with_provider(roots, provider());
        if !self.require_client_cert {
            verifier = verifier.allow_unauthenticated();
        }
        verifier.build().map(Some).map_err(Error::Verifier)
    }
}

impl Acceptor {
    /// Reads the files.
    ///
    /// # Errors
    /// Every [`Error`].
    pub fn open(files: ServerFiles) -> Result<Self, Error> {
        let watched = [&files.cert, &files.key].into_iter().chain(&files.client_ca).cloned();
        let (watched, interval) = (watched.collect(), files.reload.std());
        let same = |was: &Loaded, found: &Loaded| same(was.own.as_ref(), found.own.as_ref());
        Watched::open(watched, interval, move || files.load(), same).map(Self)
    }

    /// Whom the listener's certificate names.
    #[must_use]
    pub fn identity(&self) -> Option<Identity> {
        self.0.current().own.clone()
    }

    /// Shakes hands. Takes as long as the client lets it: the caller sets a limit.
    pub(crate) async fn accept<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        stream: S,
    ) -> io::Result<(TlsStream<S>, Option<Visitor>)> {
        let Loaded { config, own } = &*self.0.current();
        let stream = TlsAcceptor::from(Arc::clone(config)).accept(stream).await?;
        let shown = stream.get_ref().1.peer_certificates().and_then(<[_]>::first);
        let visitor = shown.map(|shown| visitor(shown, own.as_ref())).transpose();
        let visitor = visitor.map_err(|why| io::Error::new(io::ErrorKind::PermissionDenied, why));
        Ok((stream, visitor?))
    }
}

/// A verified client, placed: of our trust domain and of a known role.
fn visitor(shown: &CertificateDer<'_>, own: Option<&Identity>) -> Result<Visitor, String> {
    let shown = Certificate::read(shown).map_err(|why| crate::telemetry::chain(&why))?;
    let identity = shown.identity.ok_or("the client's certificate names nobody")?;
    if own.map(Identity::domain) != Some(identity.domain()) {
        return Err(format!("{identity} is of another trust domain"));
    }
    Ok(Visitor { identity, until: shown.not_after })
}

/// Whom our own certificate names.
pub(super) fn own(
    path: &std::path::Path,
    chain: &[CertificateDer<'_>],
) -> Result<Option<Identity>, Error> {
    let Some(first) = chain.first() else { return Ok(None) };
    let read = Certificate::read(first)
        .map_err(|source| Error::Certificate { path: path.to_owned(), source })?;
    Ok(read.identity)
}

/// Holds if replaced files belong to the same holder.
pub(super) fn same(was: Option<&Identity>, found: Option<&Identity>) -> Result<(), Error> {
    if was == found {
        return Ok(());
    }
    let name = |identity: Option<&Identity>| {
        identity.map_or_else(|| "nobody".to_owned(), ToString::to_string)
    };
    Err(Error::OtherIdentity { was: name(was), found: name(found) })
}
