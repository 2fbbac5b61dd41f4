//! A partner's transparency log: every entry must be in the log, under the agreed key, and the log must only grow.

use std::collections::BTreeMap;

use proto_types::tlog::{
    Breach, Checkpoint, Inclusion, Note, Refused, Rows, TilePath, consistency, follows,
};
use proto_types::{Digest, base64url, json};
use registry_core::epoch::EPOCH_MAX;
use serde::Deserialize;

use super::followed::Followed;
use super::pull_error::PullError;
use super::take::{Offer, Pull};

/// What a registry says of an entry beside its bytes.
#[derive(Debug, Deserialize)]
struct Shown {
    inclusion: Inclusion,
    checkpoint: String,
}

impl Shown {
    fn read(proof: Option<&str>) -> Result<Self, PullError> {
        let shown = proof.and_then(|proof| json::from_strict(&base64url::decode(proof).ok()?).ok());
        shown.ok_or_else(|| PullError::misbehaviour("an entry comes without its proof"))
    }
}

impl Pull {
    /// Looks how far the log is, if there is one; false if the budget is spent before.
    pub(super) async fn follow(&mut self) -> Result<bool, PullError> {
        self.followed = Followed::of(&self.partner)?;
        let Some(followed) = &self.followed else { return Ok(true) };
        let is_known = followed.newest.is_some();
        let Some(fetched) = self.page("/checkpoint", None).await? else { return Ok(false) };
        match fetched.status {
            200 => {
                self.restart(&fetched.body).await?;
                Ok(self.believe(&fetched.body).await?.is_some())
            }
            // Nothing was ever written there.
            404 if !is_known => Ok(true),
            // A member that has just joined has none yet.
            404 => Err(PullError::failed("its log is gone, or a member of it has none yet")),
            other => Err(PullError::Failed(format!("its log: it answered {other}"))),
        }
    }

    /// A log that has begun another cluster epoch, and has signed that, is another history: it is followed from here.
    async fn restart(&mut self, bytes: &[u8]) -> Result<(), PullError> {
        let Some(followed) = &mut self.followed else { return Ok(()) };
        let (note, head) = followed.policy.check(bytes).map_err(refused)?;
        let epoch = head.epoch();
        if epoch <= followed.epoch().unwrap_or(self.partner.epoch) {
            return Ok(());
        }
        if epoch > EPOCH_MAX {
            return Err(PullError::failed("its log names a cluster epoch that there cannot be"));
        }
        followed.newest = Some((note, head));
        self.begin_epoch(epoch).await
    }

    /// Holds the entry of this offer against its proof; false if the budget is spent before. What is offered is then
    /// the revision that is proven.
    pub(super) async fn is_proven(
        &mut self,
        offer: &mut Offer,
        digest: Digest,
        proof: Option<&str>,
    ) -> Result<bool, PullError> {
        if self.followed.is_none() {
            return Ok(true);
        }
        let Shown { inclusion, checkpoint } = Shown::read(proof)?;
        let fact = &inclusion.fact;
        let about = (fact.kind.as_str(), fact.id.as_str(), fact.digest);
        if about != (offer.kind.as_str(), offer.handle.as_str(), Some(digest)) {
            return Err(PullError::misbehaviour("an entry's proof is of another entry"));
        }
        let Some(head) = self.believe(checkpoint.as_bytes()).await? else { return Ok(false) };
        let held = inclusion.verify(head.head());
        held.map_err(|_| PullError::misbehaviour("an entry is not in its log"))?;
        // Only its home counts in its own revisions.
        if offer.hops == 1 {
            offer.home_revision = proven_revision(offer.home_revision, fact.revision)?;
        }
        Ok(true)
    }

    /// Believes a checkpoint that is signed, and continues the newest or is continued by it: members
    /// lag behind each other. `None` if the budget is spent before.
    async fn believe(&mut self, bytes: &[u8]) -> Result<Option<Checkpoint>, PullError> {
        let Some(followed) = &self.followed else { return Ok(None) };
        let (note, head) = followed.policy.check(bytes).map_err(refused)?;
        let Some((_, newest)) = followed.newest.clone() else {
            return Ok(Some(self.adopt(note, head)));
        };
        if head.epoch() > newest.epoch() {
            return Err(PullError::failed("it was restored from a backup meanwhile"));
        }
        let (old, new) = match head.size < newest.size {
            true => (&head, &newest),
            false => (&newest, &head),
        };
        let Some(proof) = self.consistency(old.size, new.size).await? else { return Ok(None) };
        follows(old, new, &proof).map_err(|breach| caught(&breach))?;
        if head.size > newest.size {
            return Ok(Some(self.adopt(note, head)));
        }
        Ok(Some(head))
    }

    fn adopt(&mut self, note: Note, head: Checkpoint) -> Checkpoint {
        if let Some(followed) = &mut self.followed {
            followed.newest = Some((note, head.clone()));
        }
        head
    }

    /// The proof from one size to another, made of the partner's tiles; `None` if the budget is spent
    /// before.
    async fn consistency(&mut self, old: u64, new: u64) -> Result<Option<Vec<Digest>>, PullError> {
        let mut tiles = Tiles { size: new, kept: BTreeMap::new() };
        loop {
            let path = match consistency(&tiles, old, new) {
                Ok(proof) => return Ok(Some(proof)),
                Err(Missing(path)) => path,
            };
            let Some(fetched) = self.page(&self.tile(&path), None).await? else {
                return Ok(None);
            };
            self.check_state(&fetched)?;
            let (hashes, rest) = fetched.body.as_chunks::<32>();
            let whole = rest.is_empty() && hashes.len() == usize::from(path.width);
            if fetched.status != 200 || !whole {
                return Err(PullError::failed("a tile of its log is not served"));
            }
            tiles.kept.insert(path, hashes.iter().map(|hash| Digest(*hash)).collect());
        }
    }

    /// Where a tile is. Caches keep it for a year, and after a restore the log has another one there: its epoch is in the
    /// name.
    fn tile(&self, path: &TilePath) -> String {
        match self.partner.epoch {
            0 => format!("/tile/{path}"),
            epoch => format!("/tile/{path}?epoch={epoch}"),
        }
    }
}

/// The revision at home that the proof of an entry says: above the list's, if the same bytes were put again since.
fn proven_revision(listed: u64, proven: u64) -> Result<u64, PullError> {
    match proven < listed {
        true => Err(PullError::failed("an entry's proof is of an older revision than its list")),
        false => Ok(proven),
    }
}

/// What came is no checkpoint, which may be the network's doing, or not one of the agreed log.
fn refused(why: Refused) -> PullError {
    match why {
        Refused::Note(_) | Refused::Checkpoint(_) => PullError::failed("its checkpoint is not one"),
        Refused::UnknownKey { .. }
        | Refused::BadSignature { .. }
        | Refused::Origin { .. }
        | Refused::Unwitnessed { .. } => {
            PullError::misbehaviour("its checkpoint is not signed by the agreed key of its log")
        }
    }
}

fn caught(breach: &Breach) -> PullError {
    PullError::misbehaviour(match breach {
        Breach::EpochFell { .. } | Breach::Shrank { .. } => "its log was taken back",
        Breach::Origin { .. } | Breach::Forked { .. } | Breach::Inconsistent { .. } => {
            "its log shows two histories"
        }
    })
}

/// The rows of a tree of one size, as far as their tiles were fetched.
struct Tiles {
    size: u64,
    kept: BTreeMap<TilePath, Vec<Digest>>,
}

/// A tile that has to be fetched first.
struct Missing(TilePath);

impl Rows for Tiles {
    type Error = Missing;

    fn row(&self, level: u8, first: u64, count: usize) -> Result<Vec<Digest>, Missing> {
        let path = TilePath::of(level, first, self.size).expect("a proof stays within its tree");
        let tile = self.kept.get(&path).ok_or(Missing(path))?;
        let from = (first % proto_types::tlog::TILE_WIDTH) as usize;
        Ok(tile[from..from + count].to_vec())
    }
}
