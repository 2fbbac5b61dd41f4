//! The secrets that some peers share with this gateway, as its files have them.
//!
//! Decides which are refused: whoever can guess one, or has that of another, speaks for a peer. Must never let one be printed;
//! what a token that is signed with one is worth, `gateway-core` decides.

use std::sync::atomic::{AtomicU64, Ordering};

use deploy_service::secret;
use gateway_core::shared::{SECRET_LEN_MIN, SharedSecrets};
use gateway_core::{Credential, Denial, Peers, Permit, admit};
use proto_types::{Digest, WallMs};

use crate::Error;
use crate::config::Config;

/// The peers that the operator has named, and how often one of them was let in so.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    secrets: SharedSecrets,
    /// Tokens that held.
    pub(crate) admitted: AtomicU64,
}

impl Shared {
    /// Reads their secrets.
    pub(crate) fn open(config: &Config) -> Result<Self, Error> {
        let (mut secrets, mut known) = (Vec::new(), Vec::new());
        for stated in &config.hs256_peers {
            let (setting, path) = ("hs256_peers", stated.secret_file.clone());
            let (peer, secret) = (stated.read()?, secret::read(&path)?);
            if secret.expose().len() < SECRET_LEN_MIN {
                return Err(Error::ShortSecret { setting, path, bytes_min: SECRET_LEN_MIN });
            }
            let digest = Digest::of(secret.expose().as_bytes());
            if known.iter().any(|known: &Digest| known.same_secret(&digest)) {
                return Err(Error::SharedSecret { setting, path });
            }
            known.push(digest);
            tracing::warn!(%peer, "tokens of this peer may be signed with a shared secret (HS256)");
            secrets.push((peer, secret.expose().to_owned()));
        }
        Ok(Self { secrets: SharedSecrets::new(secrets), admitted: AtomicU64::new(0) })
    }

    /// As [`SharedSecrets::admit`]; what is let in is counted and named.
    pub(crate) fn admit(
        &self,
        (peers, config): (&Peers, &admit::Config),
        credential: Credential<'_>,
        now: WallMs,
    ) -> Option<Result<Permit, Denial>> {
        let admitted = self.secrets.admit(peers, config, credential, now)?;
        if let Ok(permit) = &admitted {
            self.admitted.fetch_add(1, Ordering::Relaxed);
            tracing::debug!(peer = %permit.peer.origin, alg = "hs256", "a token holds");
        }
        Some(admitted)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::config::Hs256Peer;

    fn open(secrets: &[&str]) -> Result<Shared, Error> {
        let folder = tempfile::tempdir().unwrap();
        let peers = secrets.iter().enumerate().map(|(at, secret)| {
            let secret_file = folder.path().join(at.to_string());
            std::fs::write(&secret_file, secret).unwrap();
            std::fs::set_permissions(&secret_file, std::fs::Permissions::from_mode(0o600)).unwrap();
            Hs256Peer { origin: format!("https://p{at}.example"), secret_file }
        });
        Shared::open(&Config { hs256_peers: peers.collect(), ..Config::default() })
    }

    #[test]
    fn a_secret_has_32_bytes_at_least_and_is_no_other_peers() {
        let (one, two) = ("a".repeat(32), "b".repeat(32));
        assert!(open(&[&one, &two]).is_ok());
        let short = open(&[&one, &two[1..]]);
        assert!(matches!(short, Err(Error::ShortSecret { setting: "hs256_peers", .. })));
        let twice = open(&[&one, &one]);
        assert!(matches!(twice, Err(Error::SharedSecret { setting: "hs256_peers", .. })));
        assert!(open(&[]).unwrap().secrets.is_empty());
    }
}
