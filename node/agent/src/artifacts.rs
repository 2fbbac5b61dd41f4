//! Artifacts on the node's own disk, by digest. It decides what is kept; it must never hand out bytes that do not
//! have the digest that was asked for.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use deploy_service::atomic_file;
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
        atomic_file::clear(&folder)?;
        Ok(Self { folder, registry })
    }

    /// The bytes of an artifact, from disk or from the registry.
    ///
    /// # Errors
    /// Why it cannot be had, in words for an operator.
    pub(crate) async fn bytes(&self, digest: &Digest) -> Result<Vec<u8>, String> {
        let path = self.folder.join(digest.hex());
        if let Some(bytes) = kept(&path, digest).await {
            return Ok(bytes);
        }
        let fetched = self.registry.artifact(&digest.to_string(), BYTES_MAX).await;
        let bytes = fetched.map_err(|status| {
            let (code, why) = (status.code(), status.message());
            format!("the artifact {digest} cannot be fetched: {code:?}: {why}")
        })?;
        if Digest::of(&bytes) != *digest {
            return Err(format!("the registry sent other bytes than {digest}"));
        }
        keep(&path, digest, &bytes).await;
        Ok(bytes)
    }
}

/// The bytes on disk, if they are there and sound.
async fn kept(path: &Path, digest: &Digest) -> Option<Vec<u8>> {
    let why = match tokio::fs::read(path).await {
        Ok(bytes) if Digest::of(&bytes) == *digest => return Some(bytes),
        Ok(_) => "it is damaged".to_owned(),
        Err(error) if error.kind() == ErrorKind::NotFound => return None,
        Err(error) => error.to_string(),
    };
    let path = path.display();
    tracing::warn!(artifact = %digest, %path, why, "an artifact on disk cannot be used: it is fetched again");
    None
}

/// A failure to keep costs another fetch, no more: nothing is left of it.
async fn keep(path: &Path, digest: &Digest, bytes: &[u8]) {
    let aside = path.with_extension(uuid::Uuid::now_v7().to_string());
    let kept = match tokio::fs::write(&aside, bytes).await {
        Ok(()) => tokio::fs::rename(&aside, path).await,
        Err(error) => Err(error),
    };
    if let Err(error) = kept {
        let path = path.display();
        tracing::warn!(artifact = %digest, %path, %error, "an artifact cannot be kept on disk: it will be fetched again");
        // It may not even be there.
        let _ = tokio::fs::remove_file(&aside).await;
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_artifact_is_kept_whole_or_leaves_nothing_behind() {
        let folder = tempfile::tempdir().unwrap();
        let digest = Digest::of(b"bytes");
        let path = folder.path().join(digest.hex());
        keep(&path, &digest, b"bytes").await;
        assert_eq!(kept(&path, &digest).await.unwrap(), b"bytes");
        std::fs::remove_file(&path).unwrap();
        // A folder of that name: the last step fails, as each would on a full disk.
        std::fs::create_dir(&path).unwrap();
        keep(&path, &digest, b"bytes").await;
        assert_eq!(kept(&path, &digest).await, None);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[tokio::test]
    async fn damaged_bytes_are_not_handed_out() {
        let folder = tempfile::tempdir().unwrap();
        let digest = Digest::of(b"bytes");
        let path = folder.path().join(digest.hex());
        std::fs::write(&path, b"other").unwrap();
        assert_eq!(kept(&path, &digest).await, None);
    }
}
