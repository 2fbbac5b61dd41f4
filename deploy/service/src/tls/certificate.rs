//! One certificate, read: whom it names, from when and until when.
//!
//! It decides what a certificate of ours looks like. It must never be taken for verification:
//! rustls verifies before anything here is believed.

use std::{
    net::IpAddr,
    path::Path,
    time::{Duration, SystemTime},
};

use rustls::pki_types::CertificateDer;
use x509_parser::{
    certificate::X509Certificate, extensions::GeneralName, prelude::FromDer, time::ASN1Time,
};

use super::{Error, Identity, Unreadable, files};

/// What stands in a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// Whom it names, if it carries one of our identities.
    pub identity: Option<Identity>,
    /// Its subject, as a distinguished name.
    pub subject: String,
    /// Who signed it, as a distinguished name.
    pub issuer: String,
    /// Its serial number in hexadecimal digits.
    pub serial: String,
    /// Host names that it stands for.
    pub names: Vec<String>,
    /// Addresses that it stands for.
    pub addresses: Vec<IpAddr>,
    /// The trust domain that it signs for, if it is an authority of ours.
    pub authority_of: Option<String>,
    /// Whether it may sign others.
    pub is_authority: bool,
    /// Since when it counts.
    pub not_before: SystemTime,
    /// Until when.
    pub not_after: SystemTime,
}

impl Certificate {
    /// Reads a certificate.
    ///
    /// # Errors
    /// Every [`Unreadable`].
    pub fn read(der: &CertificateDer<'_>) -> Result<Self, Unreadable> {
        let (_, parsed) = X509Certificate::from_der(der).map_err(|_| Unreadable::Form)?;
        let names = parsed.subject_alternative_name().map_err(|_| Unreadable::Form)?;
        let names = names.map(|names| names.value.general_names.as_slice()).unwrap_or_default();
        let uri = only_uri(names)?;
        let is_authority = parsed.is_ca();
        // An authority's URI is its trust domain alone (X509-SVID 4.1).
        let domain = uri.and_then(|uri| uri.strip_prefix("spiffe://")).map(str::to_owned);
        let identity = match is_authority {
            true => None,
            false => uri.map(str::parse).transpose()?,
        };
        Ok(Self {
            identity,
            subject: parsed.subject().to_string(),
            issuer: parsed.issuer().to_string(),
            serial: parsed.raw_serial_as_string(),
            names: names.iter().filter_map(dns_name).collect(),
            addresses: names.iter().filter_map(address).collect(),
            authority_of: domain.filter(|_| is_authority),
            is_authority,
            not_before: time(parsed.validity().not_before),
            not_after: time(parsed.validity().not_after),
        })
    }
}

/// The certificates in a PEM file, in their order.
///
/// # Errors
/// The file cannot be read, or holds something else.
pub fn chain_of(path: &Path) -> Result<Vec<Certificate>, Error> {
    let unreadable = |source| Error::Certificate { path: path.to_owned(), source };
    let chain = files::chain(path)?;
    chain.iter().map(|der| Certificate::read(der).map_err(unreadable)).collect()
}

fn only_uri<'a>(names: &[GeneralName<'a>]) -> Result<Option<&'a str>, Unreadable> {
    let uris = names.iter().filter_map(|name| match name {
        GeneralName::URI(uri) => Some(*uri),
        _ => None,
    });
    let uris: Vec<_> = uris.collect();
    match uris[..] {
        [] => Ok(None),
        [one] => Ok(Some(one)),
        _ => Err(Unreadable::Uris(uris.len())),
    }
}

fn dns_name(name: &GeneralName<'_>) -> Option<String> {
    match name {
        GeneralName::DNSName(name) => Some((*name).to_owned()),
        _ => None,
    }
}

fn address(name: &GeneralName<'_>) -> Option<IpAddr> {
    let GeneralName::IPAddress(bytes) = name else { return None };
    let v4 = <[u8; 4]>::try_from(*bytes).map(IpAddr::from).ok();
    v4.or_else(|| <[u8; 16]>::try_from(*bytes).map(IpAddr::from).ok())
}

/// Times before 1970 count as 1970.
fn time(time: ASN1Time) -> SystemTime {
    let seconds = u64::try_from(time.timestamp()).unwrap_or(0);
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}
