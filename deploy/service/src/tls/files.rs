//! The PEM files of certificates, read under bounds.
//!
//! It decides what a file must hold, and which authorities count beside it. It must never print what
//! a key file holds.

use std::{
    fs::File,
    io::{self, Read},
    path::Path,
};

use rustls::{
    RootCertStore,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};

use crate::secret;

use super::{Error, Unreadable};

/// A chain or a bundle of authorities of ours is a few KiB.
const BYTES_MAX: u64 = 256 * 1024;

/// The certificates in a file, at least one.
pub(super) fn chain(path: &Path) -> Result<Vec<CertificateDer<'static>>, Error> {
    let pem = read(path)?;
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    let found = certificates.ok().filter(|found| !found.is_empty());
    found.ok_or_else(|| Error::Pem { path: path.to_owned(), what: "certificate" })
}

/// The private key in a file that others cannot read.
pub(super) fn key(path: &Path) -> Result<PrivateKeyDer<'static>, Error> {
    let pem = secret::read(path)?;
    PrivateKeyDer::from_pem_slice(pem.expose().as_bytes())
        .map_err(|_| Error::Pem { path: path.to_owned(), what: "private key" })
}

/// The authorities in a file: several while one replaces another.
pub(super) fn roots(path: &Path) -> Result<RootCertStore, Error> {
    with(RootCertStore::empty(), path)
}

/// The public authorities, compiled in, and those in a file.
pub(super) fn public_roots(extra_ca: Option<&Path>) -> Result<RootCertStore, Error> {
    let public = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    match extra_ca {
        Some(path) => with(public, path),
        None => Ok(public),
    }
}

fn with(mut roots: RootCertStore, path: &Path) -> Result<RootCertStore, Error> {
    let (path, source) = (path.to_owned(), Unreadable::Form);
    let added = chain(&path)?.into_iter().try_for_each(|certificate| roots.add(certificate));
    added.map(|()| roots).map_err(|_| Error::Certificate { path, source })
}

fn read(path: &Path) -> Result<Vec<u8>, Error> {
    let cannot = |source: io::Error| Error::File { path: path.to_owned(), source };
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(cannot)?;
    file.take(BYTES_MAX + 1).read_to_end(&mut bytes).map_err(cannot)?;
    if bytes.len() as u64 > BYTES_MAX {
        return Err(Error::TooLarge { path: path.to_owned(), bytes_max: BYTES_MAX });
    }
    Ok(bytes)
}
