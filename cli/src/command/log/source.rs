//! Where a log is read: a registry, or a folder that was copied from one, for which no network is used.

use std::collections::BTreeMap;
use std::path::PathBuf;

use bytes::Bytes;
use http::Method;
use proto_types::Digest;
use proto_types::metadata::LOG_PROOF_KEY;
use proto_types::path::encode;
use proto_types::tlog::{Rows, TilePath};

use crate::client::Profile;
use crate::failure::Failure;
use crate::http_call::{Call, ask};

/// Where checkpoint and tiles are.
pub(super) enum Source {
    /// The profile of its members.
    Registry(Profile),
    Folder(PathBuf),
}

/// What a proof can be of.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    Record,
    Card,
}

impl Kind {
    /// As the log calls it; its documents are below the plural.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Record => "record",
            Self::Card => "card",
        }
    }
}

/// An entry of the directory.
pub(super) struct Named {
    pub(super) kind: Kind,
    pub(super) handle: String,
}

impl Source {
    /// A URL is a registry; everything else is a folder.
    pub(super) fn parse(text: &str, profile: &Profile) -> Self {
        match text.starts_with("http://") || text.starts_with("https://") {
            true => Self::Registry(profile.of(vec![text.trim_end_matches('/').to_owned()])),
            false => Self::Folder(PathBuf::from(text)),
        }
    }

    pub(super) async fn checkpoint(&self) -> Result<Vec<u8>, Failure> {
        self.read("checkpoint").await
    }

    /// The bytes of a tile. In a folder a full tile serves for a part of it.
    pub(super) async fn tile(&self, path: &TilePath) -> Result<Vec<u8>, Failure> {
        self.read(&format!("tile/{path}")).await
    }

    async fn read(&self, path: &str) -> Result<Vec<u8>, Failure> {
        match self {
            Self::Registry(profile) => {
                Ok(get(profile, format!("/{path}")).await?.into_body().into())
            }
            Self::Folder(folder) => {
                let path = folder.join(path);
                let unread = |why| Failure::internal(format!("{}: {why}", path.display()));
                std::fs::read(&path).map_err(unread)
            }
        }
    }
}

async fn get(profile: &Profile, path: String) -> Result<http::Response<Bytes>, Failure> {
    ask(profile, Call { method: Method::GET, url: path, bearer: None, body: Vec::new() }).await
}

/// Its document, and its proof as the header has it.
pub(super) async fn document(
    profile: &Profile,
    named: &Named,
) -> Result<(Vec<u8>, String), Failure> {
    let (kind, handle) = (named.kind.word(), encode(&named.handle));
    let answer = get(profile, format!("/v1/{kind}s/{handle}?proof=true")).await?;
    let proof = answer.headers().get(LOG_PROOF_KEY);
    let proof = proof.and_then(|value| value.to_str().ok()).map(str::to_owned);
    let proof = proof.ok_or_else(|| {
        Failure::internal(format!("the {kind} {} comes without a proof", named.handle))
    })?;
    Ok((answer.into_body().into(), proof))
}

/// The rows of a tree of one size, as far as their tiles were fetched.
pub(super) struct Tiles {
    size: u64,
    kept: BTreeMap<TilePath, Vec<Digest>>,
}

/// A tile that has to be fetched first.
pub(super) struct Missing(pub(super) TilePath);

impl Tiles {
    pub(super) fn of(size: u64) -> Self {
        Self { size, kept: BTreeMap::new() }
    }

    /// Works on the rows, fetching what it turns out to need. Each round fetches a tile, so there are
    /// as many rounds as tiles.
    pub(super) async fn work<T>(
        &mut self,
        source: &Source,
        work: impl Fn(&Self) -> Result<T, Missing>,
    ) -> Result<T, Failure> {
        loop {
            match work(self) {
                Ok(done) => return Ok(done),
                Err(Missing(path)) => {
                    let bytes = source.tile(&path).await?;
                    let (hashes, rest) = bytes.as_chunks::<32>();
                    if !rest.is_empty() || hashes.len() != usize::from(path.width) {
                        let why = format!("tile/{path} has {} bytes", bytes.len());
                        return Err(Failure::internal(why));
                    }
                    let hashes = hashes.iter().map(|hash| Digest(*hash)).collect();
                    self.kept.insert(path, hashes);
                }
            }
        }
    }
}

impl Rows for Tiles {
    type Error = Missing;

    fn row(&self, level: u8, first: u64, count: usize) -> Result<Vec<Digest>, Missing> {
        let path = TilePath::of(level, first, self.size).expect("a proof stays within its tree");
        let tile = self.kept.get(&path).ok_or(Missing(path))?;
        let from = (first % 256) as usize;
        Ok(tile[from..from + count].to_vec())
    }
}
