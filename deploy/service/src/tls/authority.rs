//! An authority of a trust domain: made once, it signs the certificates of our processes.
//!
//! It decides what our certificates look like: ECDSA P-256, an identity as the only URI, usable on
//! both sides of a connection, ended before their authority ends. It must never sign another
//! authority (path length 0), nor a certificate without an end.

use std::{
    net::IpAddr,
    time::{Duration, SystemTime},
};

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, SanType,
};
use rustls::pki_types::{CertificateDer, pem::PemObject};

use super::{Certificate, Identity, Unreadable, identity::check_domain};

/// Clocks of the machines of one cluster may differ by so much.
const SKEW: Duration = Duration::from_secs(300);

/// An authority with its key.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
    domain: String,
    until: SystemTime,
}

/// What is asked of an authority.
#[derive(Clone, Debug)]
pub struct Order {
    /// Whom the certificate names.
    pub identity: Identity,
    /// Host names under which its holder is called.
    pub names: Vec<String>,
    /// Addresses under which it is called.
    pub addresses: Vec<IpAddr>,
    /// When it begins to count, but for a few minutes before.
    pub now: SystemTime,
    /// For how long.
    pub validity: Duration,
}

/// A certificate with its private key, in PEM.
pub struct Issued {
    /// The certificate.
    pub cert: String,
    /// The private key.
    pub key: String,
}

/// Why there is no authority, or no certificate.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// The trust domain or identity.
    #[error(transparent)]
    Identity(#[from] super::Malformed),
    /// The authority's certificate is none.
    #[error("the authority's certificate cannot be read")]
    Unreadable(#[from] Unreadable),
    /// The file holds something else than an authority of ours.
    #[error("the certificate is not one of an authority of a trust domain")]
    NotAnAuthority,
    /// An identity of another trust domain.
    #[error("{identity} is not of the trust domain {domain}")]
    OtherDomain {
        /// What was asked for.
        identity: Identity,
        /// The authority's own.
        domain: String,
    },
    /// The certificate would outlive the authority, or the calendar.
    #[error("the certificate would end after its authority")]
    TooLong,
    /// The key does not belong to the certificate, or the parameters are none.
    #[error("the certificate cannot be signed: {0}")]
    Signing(#[from] rcgen::Error),
    /// The file of the authority's key holds the key of another one.
    #[error("the key does not belong to the authority's certificate")]
    OtherKey,
}

impl Authority {
    /// Makes an authority of this trust domain.
    ///
    /// # Errors
    /// The domain has the wrong form, or the time is beyond the calendar.
    pub fn new(domain: &str, now: SystemTime, validity: Duration) -> Result<Self, Refused> {
        check_domain(domain)?;
        let key = KeyPair::generate()?;
        let until = now.checked_add(validity).ok_or(Refused::TooLong)?;
        let mut params = params(&format!("Ecumene authority of {domain}"), now, until);
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.subject_alt_names = vec![SanType::URI(format!("spiffe://{domain}").try_into()?)];
        let pem = params.self_signed(&key)?.pem();
        Ok(Self { issuer: Issuer::new(params, key), pem, domain: domain.to_owned(), until })
    }

    /// Takes an authority up again.
    ///
    /// # Errors
    /// It is none of ours, or the key is of another one.
    pub fn read(cert: &str, key: &str) -> Result<Self, Refused> {
        let der = CertificateDer::from_pem_slice(cert.as_bytes());
        let der = der.map_err(|_| Refused::Unreadable(Unreadable::Form))?;
        let read = Certificate::read(&der)?;
        let domain = read.authority_of.ok_or(Refused::NotAnAuthority)?;
        check_domain(&domain)?;
        let key = KeyPair::from_pem(key)?;
        if !is_of(&key, &der) {
            return Err(Refused::OtherKey);
        }
        let issuer = Issuer::from_ca_cert_der(&der, key)?;
        Ok(Self { issuer, pem: cert.to_owned(), domain, until: read.not_after })
    }

    /// The trust domain that it signs for.
    #[must_use]
    pub fn domain(&self) -> &str {
        &self.domain
    }

    /// Its certificate, in PEM.
    #[must_use]
    pub fn cert(&self) -> &str {
        &self.pem
    }

    /// Its private key, in PEM. Whoever calls this must not log it.
    #[must_use]
    pub fn key(&self) -> String {
        self.issuer.key().serialize_pem()
    }

    /// Signs a certificate with a new key.
    ///
    /// # Errors
    /// Every [`Refused`].
    pub fn issue(&self, order: &Order) -> Result<Issued, Refused> {
        if order.identity.domain() != self.domain {
            let (identity, domain) = (order.identity.clone(), self.domain.clone());
            return Err(Refused::OtherDomain { identity, domain });
        }
        let until = order.now.checked_add(order.validity).filter(|until| *until <= self.until);
        let until = until.ok_or(Refused::TooLong)?;
        let mut params = params(&order.identity.id(), order.now, until);
        params.use_authority_key_identifier_extension = true;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages =
            vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        params.subject_alt_names = vec![SanType::URI(order.identity.to_string().try_into()?)];
        for name in &order.names {
            params.subject_alt_names.push(SanType::DnsName(name.as_str().try_into()?));
        }
        params.subject_alt_names.extend(order.addresses.iter().map(|ip| SanType::IpAddress(*ip)));
        let key = KeyPair::generate()?;
        let cert = params.signed_by(&key, &self.issuer)?.pem();
        Ok(Issued { cert, key: key.serialize_pem() })
    }
}

impl std::fmt::Debug for Authority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Authority").field("domain", &self.domain).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Issued {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Issued").finish_non_exhaustive()
    }
}

fn params(name: &str, now: SystemTime, until: SystemTime) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params.not_before = now.checked_sub(SKEW).unwrap_or(now).into();
    params.not_after = until.into();
    params
}

/// Whether the key is the one that the certificate is about.
fn is_of(key: &KeyPair, certificate: &CertificateDer<'_>) -> bool {
    use x509_parser::prelude::{FromDer, X509Certificate};
    X509Certificate::from_der(certificate)
        .is_ok_and(|(_, read)| &*read.public_key().subject_public_key.data == key.public_key_raw())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    const DAY: Duration = Duration::from_secs(86_400);

    fn order(identity: &str) -> Order {
        Order {
            identity: identity.parse().unwrap(),
            names: vec!["r1.example".to_owned()],
            addresses: vec!["127.0.0.1".parse().unwrap(), "::1".parse().unwrap()],
            now: SystemTime::now(),
            validity: DAY,
        }
    }

    fn read(pem: &str) -> Certificate {
        Certificate::read(&CertificateDer::from_pem_slice(pem.as_bytes()).unwrap()).unwrap()
    }

    #[test]
    fn a_certificate_says_whom_it_names_and_how_it_is_called() {
        let made = Authority::new("a.example", SystemTime::now(), 2 * DAY).unwrap();
        let authority = Authority::read(made.cert(), &made.key()).unwrap();
        let ordered = order("spiffe://a.example/registry/1");
        let issued = read(&authority.issue(&ordered).unwrap().cert);
        assert_eq!(issued.identity.as_ref(), Some(&ordered.identity));
        assert_eq!((&issued.names, &issued.addresses), (&ordered.names, &ordered.addresses));
        assert!(!issued.is_authority && issued.authority_of.is_none());
        let span = issued.not_after.duration_since(issued.not_before).unwrap();
        assert!(span <= DAY + SKEW + Duration::from_secs(1), "{span:?}");
        let own = read(made.cert());
        assert_eq!(own.authority_of.as_deref(), Some("a.example"));
        assert_eq!(own.subject, issued.issuer);
        assert!(own.identity.is_none());
    }

    #[test]
    fn an_authority_refuses_what_is_not_its_own() {
        let now = SystemTime::now();
        let authority = Authority::new("a.example", now, DAY).unwrap();
        let other = authority.issue(&order("spiffe://b.example/registry/1"));
        assert!(matches!(other, Err(Refused::OtherDomain { .. })));
        let long = Order { validity: 2 * DAY, ..order("spiffe://a.example/node/n1") };
        assert!(matches!(authority.issue(&long), Err(Refused::TooLong)));
        assert!(Authority::new("A", now, DAY).is_err());
        let second = Authority::new("a.example", now, DAY).unwrap();
        let mixed = Authority::read(authority.cert(), &second.key());
        assert!(matches!(mixed, Err(Refused::OtherKey)));
        let leaf =
            authority.issue(&Order { validity: DAY / 2, ..order("spiffe://a.example/node/n1") });
        let leaf = leaf.unwrap();
        assert!(matches!(Authority::read(&leaf.cert, &leaf.key), Err(Refused::NotAnAuthority)));
    }
}
