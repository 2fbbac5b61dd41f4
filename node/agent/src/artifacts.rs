//! Artifacts on the node's own disk, by digest. It decides what is kept; it must never hand out bytes that do not
//! have the digest that was asked for.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use proto_types::Digest;

use crate::registry::Registry;

/// Larger artifacts are refused by the registry too.
const BYTES_MAX: usize = 64 << 20;

/// A folder of artifacts, filled from the registry.
#[derive(Clone)]
pub(crate) struct Artifacts {
    folder: PathBuf,
    registry: Arc<Registry>,
}

impl Artifacts {
    /// Opens the folder.
    pub(crate) fn open(state_dir: &Path, registry: Arc<Registry>) -> std::io::Result<Self> {
        let folder = state_dir.join("artifacts");
        std::fs::create_dir_all(&folder)?;
        Ok(Self { folder, registry })
    }

    /// The bytes of an artifact, from disk or from the registry.
    ///
    /// # Errors
    /// Why it cannot be had, in words for an operator.
    pub(crate) async fn bytes(&self, digest: &Digest) -> Result<Vec<u8>, String> {
        let path = self.folder.join(digest.to_string().trim_start_matches("sha256:"));
        if let Ok(bytes) = tokio::fs::read(&path).await {
            if Digest::of(&bytes) == *digest {
                return Ok(bytes);
            }
            tracing::warn!(%digest, "an artifact on disk is damaged; it is fetched again");
        }
        let fetched = self.registry.artifact(&digest.to_string(), BYTES_MAX).await;
        let bytes = fetched
            .map_err(|status| format!("the artifact cannot be fetched: {}", status.message()))?;
        if Digest::of(&bytes) != *digest {
            return Err(format!("the registry sent other bytes than {digest}"));
        }
        self.keep(&path, &bytes).await;
        Ok(bytes)
    }

    /// A failure to keep costs another fetch, no more.
    async fn keep(&self, path: &Path, bytes: &[u8]) {
        let aside = path.with_extension(uuid::Uuid::now_v7().to_string());
        let kept = match tokio::fs::write(&aside, bytes).await {
            Ok(()) => tokio::fs::rename(&aside, path).await,
            Err(error) => Err(error),
        };
        if let Err(error) = kept {
            tracing::warn!(%error, "an artifact cannot be kept on disk");
        }
    }
}
