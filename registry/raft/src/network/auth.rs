//! The secret that the members of one cluster share.
//! It must never be printed, nor compared in a time that tells how much of a guess was right (security case 35).

use proto_types::Digest;
use tonic::metadata::{Ascii, MetadataMap, MetadataValue};

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
