//! Artifacts by their digest, in a local folder that the members share. An artifact is shown only when it is whole and
//! has its digest, and is never held in memory.

use std::io::ErrorKind;
use std::path::Path as FilePath;

use bytes::Bytes;
use deploy_service::private;
use futures_util::stream::BoxStream;
use futures_util::{Stream, StreamExt as _};
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{ObjectStoreExt as _, WriteMultipart};
use proto_types::Digest;
use registry_api::{Problem, field};
use sha2::Digest as _;
use tokio::sync::Semaphore;

use crate::random;

/// Parts under way at once within one upload; each is `PART_BYTES` long.
const PARTS_MAX: usize = 2;

/// Large enough for few system calls, small enough for many uploads.
const PART_BYTES: usize = 1 << 20;

/// The object store and its bounds.
#[derive(Debug)]
pub(crate) struct Artifacts {
    store: LocalFileSystem,
    bytes_max: usize,
    uploads: Semaphore,
}

/// A stored artifact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stored {
    pub(crate) digest: Digest,
    pub(crate) bytes: u64,
}

impl Artifacts {
    /// Opens the folder, or makes it.
    pub(crate) fn open(
        folder: &FilePath,
        bytes_max: usize,
        uploads_max: usize,
    ) -> Result<Self, std::io::Error> {
        private::folder(folder)?;
        let store = LocalFileSystem::new_with_prefix(folder)?.with_fsync(true);
        Ok(Self { store, bytes_max, uploads: Semaphore::new(uploads_max) })
    }

    /// Stores what the stream brings. Until it is whole it lies under a name of its own.
    pub(crate) async fn put(
        &self,
        mut chunks: impl Stream<Item = Result<Bytes, Problem>> + Unpin,
    ) -> Result<Stored, Problem> {
        let _seat = self.uploads.try_acquire().map_err(|_| busy())?;
        let incoming = Path::from(format!("incoming/{}", random::token()?));
        let upload = self.store.put_multipart(&incoming).await.map_err(failed)?;
        let mut writer = WriteMultipart::new_with_chunk_size(upload, PART_BYTES);
        let received = self.receive(&mut chunks, &mut writer).await;
        let stored = match received {
            Ok(stored) => stored,
            Err(problem) => {
                if let Err(error) = writer.abort().await {
                    tracing::warn!(%error, "an upload was given up, and its rest stays");
                }
                return Err(problem);
            }
        };
        let kept = match writer.finish().await {
            Ok(_) => self.store.rename(&incoming, &place(&stored.digest)).await,
            Err(error) => Err(error),
        };
        if let Err(error) = kept {
            self.discard(&incoming).await;
            return Err(failed(error));
        }
        Ok(stored)
    }

    /// Takes away what an upload left that could not be kept: the file itself, and the one that the store makes it of, which
    /// it forgets when the last write fails.
    async fn discard(&self, incoming: &Path) {
        let Ok(whole) = self.store.path_to_filesystem(incoming) else { return };
        let mut part = whole.clone().into_os_string();
        part.push("#1");
        for path in [whole, part.into()] {
            match tokio::fs::remove_file(&path).await {
                Err(error) if error.kind() != ErrorKind::NotFound => {
                    tracing::warn!(path = %path.display(), %error, "the rest of an upload stays");
                }
                _ => {}
            }
        }
    }

    async fn receive(
        &self,
        chunks: &mut (impl Stream<Item = Result<Bytes, Problem>> + Unpin),
        writer: &mut WriteMultipart,
    ) -> Result<Stored, Problem> {
        let mut hasher = sha2::Sha256::new();
        let mut received = 0;
        while let Some(chunk) = chunks.next().await {
            let chunk = chunk?;
            received += chunk.len();
            if received > self.bytes_max {
                return Err(field::too_large(received, self.bytes_max));
            }
            hasher.update(&chunk);
            writer.wait_for_capacity(PARTS_MAX).await.map_err(failed)?;
            writer.put(chunk);
        }
        if received == 0 {
            return Err(Problem::argument("bytes", "the artifact is empty"));
        }
        Ok(Stored { digest: Digest(hasher.finalize().into()), bytes: received as u64 })
    }

    /// How large the artifact is.
    pub(crate) async fn size(&self, digest: &Digest) -> Result<u64, Problem> {
        let found = self.store.head(&place(digest)).await;
        found.map(|meta| meta.size).map_err(|error| absent(error, digest))
    }

    /// Whether the artifact is a WebAssembly module or component (core specification, section 5.5.16).
    pub(crate) async fn is_wasm(&self, digest: &Digest) -> Result<bool, Problem> {
        const MAGIC: &[u8] = b"\0asm";
        let begin = self.store.get_range(&place(digest), 0..MAGIC.len() as u64).await;
        begin.map(|begin| begin == MAGIC).map_err(|error| absent(error, digest))
    }

    /// The artifact in chunks.
    pub(crate) async fn get(
        &self,
        digest: &Digest,
    ) -> Result<BoxStream<'static, Result<Bytes, Problem>>, Problem> {
        let found = self.store.get(&place(digest)).await.map_err(|error| absent(error, digest))?;
        Ok(found.into_stream().map(|chunk| chunk.map_err(failed)).boxed())
    }
}

fn place(digest: &Digest) -> Path {
    Path::from(format!("sha256/{}", digest.hex()))
}

fn absent(error: object_store::Error, digest: &Digest) -> Problem {
    match error {
        object_store::Error::NotFound { .. } => Problem::not_found("artifact", &digest.to_string()),
        other => failed(other),
    }
}

fn failed(error: object_store::Error) -> Problem {
    if takes_nothing(&error) {
        tracing::error!(%error, "the disk of the artifacts takes nothing more");
        let code = registry_api::Code::DiskFailed;
        return Problem::new(
            code,
            "the disk of the artifacts takes nothing more; nothing was kept",
        );
    }
    Problem::internal(format_args!("the artifact store: {error}"))
}

/// Whether the cause is that the disk is full or takes no writes.
fn takes_nothing(error: &object_store::Error) -> bool {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if error.downcast_ref::<std::io::Error>().is_some_and(is_full) {
            return true;
        }
        cause = error.source();
    }
    false
}

fn is_full(error: &std::io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::ReadOnlyFilesystem
    )
}

fn busy() -> Problem {
    let code = registry_api::Code::TooManyStreams;
    Problem::new(code, "as many uploads as are allowed are under way")
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use futures_util::stream;

    use super::*;

    fn chunks(parts: &[&'static [u8]]) -> impl Stream<Item = Result<Bytes, Problem>> + Unpin {
        let parts: Vec<_> = parts.iter().map(|part| Ok(Bytes::from_static(part))).collect();
        stream::iter(parts)
    }

    #[tokio::test]
    async fn an_artifact_is_found_under_its_digest_and_nowhere_while_it_is_not_whole() {
        let folder = tempfile::tempdir().unwrap();
        let artifacts = Artifacts::open(folder.path(), 10, 1).unwrap();
        let stored = artifacts.put(chunks(&[b"hello", b" wrld"])).await.unwrap();
        assert_eq!(stored, Stored { digest: Digest::of(b"hello wrld"), bytes: 10 });
        assert_eq!(artifacts.put(chunks(&[b"hello wrld"])).await.unwrap(), stored);
        assert_eq!(artifacts.size(&stored.digest).await.unwrap(), 10);
        let read: Vec<_> = artifacts.get(&stored.digest).await.unwrap().collect().await;
        let read: Vec<u8> = read.into_iter().flat_map(Result::unwrap).collect();
        assert_eq!(read, b"hello wrld");

        let refused = artifacts.put(chunks(&[b"hello", b" world"])).await.unwrap_err();
        assert_eq!(refused.code(), registry_api::Code::BodyTooLarge);
        assert!(!artifacts.is_wasm(&stored.digest).await.unwrap());
        let short = artifacts.put(chunks(&[b"\0a"])).await.unwrap();
        assert!(!artifacts.is_wasm(&short.digest).await.unwrap());
        let wasm = artifacts.put(chunks(&[b"\0asm\x0d\0\x01\0"])).await.unwrap();
        assert!(artifacts.is_wasm(&wasm.digest).await.unwrap());
        let absent = artifacts.size(&Digest::of(b"hello world")).await.unwrap_err();
        assert_eq!(absent.code(), registry_api::Code::NotFound);
        assert!(artifacts.put(chunks(&[])).await.is_err());
    }

    #[test]
    fn a_disk_that_is_full_is_told_as_such_and_another_fault_is_not() {
        let told = |kind: ErrorKind| {
            let source = Box::new(std::io::Error::from(kind));
            failed(object_store::Error::Generic { store: "LocalFileSystem", source })
        };
        for kind in
            [ErrorKind::StorageFull, ErrorKind::QuotaExceeded, ErrorKind::ReadOnlyFilesystem]
        {
            let problem = told(kind);
            assert_eq!(problem.code(), registry_api::Code::DiskFailed, "{kind}");
            assert!(problem.detail().contains("the disk of the artifacts"), "{problem:?}");
        }
        assert_eq!(told(ErrorKind::PermissionDenied).code(), registry_api::Code::Internal);
    }

    #[tokio::test]
    async fn nothing_stays_of_an_upload_that_cannot_be_kept() {
        let folder = tempfile::tempdir().unwrap();
        let artifacts = Artifacts::open(folder.path(), 10, 1).unwrap();
        // No folder can be made of a file, so that the artifact finds no place.
        std::fs::write(folder.path().join("sha256"), "").unwrap();
        assert!(artifacts.put(chunks(&[b"hello"])).await.is_err());
        let incoming = folder.path().join("incoming");
        assert_eq!(std::fs::read_dir(&incoming).unwrap().count(), 0);
        for name in ["token", "token#1"] {
            std::fs::write(incoming.join(name), "half").unwrap();
        }
        artifacts.discard(&Path::from("incoming/token")).await;
        assert_eq!(std::fs::read_dir(&incoming).unwrap().count(), 0);
    }
}
