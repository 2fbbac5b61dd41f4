//! What members show each other: the secret that a cluster shares, and off loopback each its own certificate too.
//! The secret must never be printed, nor compared in a time that tells how much of a guess was right (security case 35).
//! A call must never be answered by the secret alone where certificates are in use (case 40), nor be read before.

use deploy_service::tls::{Connector, Role};
use deploy_service::{Claim, ClientIdentity};
use proto_types::Digest;
use tonic::metadata::{Ascii, MetadataMap, MetadataValue};
use tonic::service::Interceptor;
use tonic::{Extensions, Request, Status};

use crate::Error;

const HEADER: &str = "authorization";

/// Shorter secrets can be guessed; 16 characters of base64 carry 96 bits.
const LENGTH_MIN: usize = 16;

/// The cluster's secret, sent as `authorization: Bearer` with every call.
#[derive(Clone)]
pub struct ClusterSecret {
    header: MetadataValue<Ascii>,
    digest: Digest,
}

impl ClusterSecret {
    /// A secret of at least 16 visible ASCII characters.
    ///
    /// # Errors
    /// It is shorter, or has other characters.
    pub fn new(secret: &str) -> Result<Self, Error> {
        if secret.len() < LENGTH_MIN || !secret.bytes().all(|byte| byte.is_ascii_graphic()) {
            let why = format!("the cluster secret needs {LENGTH_MIN} or more visible characters");
            return Err(Error::Config(why));
        }
        let value = format!("Bearer {secret}");
        let digest = Digest::of(value.as_bytes());
        let mut header = MetadataValue::try_from(value)
            .map_err(|_| Error::Config("the cluster secret is no header value".to_owned()))?;
        header.set_sensitive(true);
        Ok(Self { header, digest })
    }

    pub(crate) fn sign(&self, metadata: &mut MetadataMap) {
        metadata.insert(HEADER, self.header.clone());
    }

    pub(crate) fn admits(&self, metadata: &MetadataMap) -> bool {
        let Some(header) = metadata.get(HEADER) else { return false };
        // Digests have one length, whatever was sent.
        Digest::of(header.as_encoded_bytes()).same_secret(&self.digest)
    }
}

impl std::fmt::Debug for ClusterSecret {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("ClusterSecret")
    }
}

/// What a member shows the others, and demands of them.
#[derive(Clone, Debug)]
pub struct Credentials {
    secret: ClusterSecret,
    mutual: Option<Mutual>,
}

/// Certificates in both directions.
#[derive(Clone, Debug)]
struct Mutual {
    connector: Connector,
    domain: String,
}

impl From<ClusterSecret> for Credentials {
    /// The secret alone, in clear text on loopback.
    fn from(secret: ClusterSecret) -> Self {
        Self { secret, mutual: None }
    }
}

impl Credentials {
    /// The secret, and TLS with the certificate that `connector` shows.
    ///
    /// # Errors
    /// That certificate is not the one of member `id`.
    pub fn mutual(id: u64, secret: ClusterSecret, connector: Connector) -> Result<Self, Error> {
        let own = connector.identity();
        let own = own.filter(|own| own.role() == Role::Registry && own.id() == id.to_string());
        let Some(own) = own else {
            let why = format!("the certificate does not name member {id} (.../registry/{id})");
            return Err(Error::Config(why));
        };
        let domain = own.domain().to_owned();
        Ok(Self { secret, mutual: Some(Mutual { connector, domain }) })
    }

    pub(crate) fn sign(&self, metadata: &mut MetadataMap) {
        self.secret.sign(metadata);
    }

    /// How member `to` is called; it has to prove that it is this member.
    pub(crate) fn connector(&self, to: u64) -> Connector {
        let mutual = self.mutual.as_ref().map(|mutual| mutual.connector.clone());
        mutual.map_or_else(Connector::plain, |connector| connector.to_one(Role::Registry, to))
    }

    /// Whether a call is one of a member.
    pub(crate) fn admits(&self, metadata: &MetadataMap, extensions: &Extensions) -> bool {
        let proved = self.mutual.as_ref().is_none_or(|mutual| {
            let caller = extensions.get::<ClientIdentity>();
            caller.is_some_and(|caller| {
                caller.role() == Role::Registry && caller.domain() == mutual.domain
            })
        });
        proved && self.secret.admits(metadata)
    }
}

/// Lets in calls of members alone, by what stands before their messages.
#[derive(Clone, Debug)]
pub struct MembersOnly(pub(crate) Credentials);

impl Interceptor for MembersOnly {
    fn call(&mut self, request: Request<()>) -> Result<Request<()>, Status> {
        if !self.0.admits(request.metadata(), request.extensions()) {
            return Err(Status::unauthenticated("not a member of this cluster"));
        }
        if let Some(claim) = request.extensions().get::<Claim>() {
            claim.prove_system();
        }
        Ok(request)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn only_the_same_secret_is_admitted() {
        let secret = ClusterSecret::new("0123456789abcdef").unwrap();
        let mut metadata = MetadataMap::new();
        assert!(!secret.admits(&metadata));
        ClusterSecret::new("0123456789abcdeF").unwrap().sign(&mut metadata);
        assert!(!secret.admits(&metadata));
        secret.sign(&mut metadata);
        assert!(secret.admits(&metadata));
        metadata.insert(HEADER, "0123456789abcdef".parse().unwrap());
        assert!(!secret.admits(&metadata));
    }

    #[test]
    fn short_or_unprintable_secrets_are_refused() {
        for secret in ["", "0123456789abcde", "0123456789abcde\n", "0123456789 abcdef"] {
            assert!(ClusterSecret::new(secret).is_err(), "{secret:?}");
        }
        assert!(!format!("{:?}", ClusterSecret::new("0123456789abcdef").unwrap()).contains("0123"));
    }
}
