//! The transparency log as this member shows it: signed checkpoints, and proofs beside what is read. The head of a
//! checkpoint is always of this member's committed state, and a proof goes only to callers that may read the document.
//!
//! 1. `registry-core` makes leaves of what accepted proposals changed and blinds them (`log/apply.rs`).
//! 2. `log/collect.rs` has other clusters cosign our checkpoints; `log/witness.rs` cosigns theirs.
//! 3. `rest/log.rs` serves checkpoint and tiles; reads with `?proof=true` and `grpc/log.rs` serve proofs.
//! 4. `ecumene log verify` checks all of it against a saved checkpoint.

pub(crate) mod collect;
pub(crate) mod witness;

use std::sync::{Arc, Mutex, PoisonError};

use proto_types::SecretKey;
use proto_types::tlog::{self, Checkpoint, Inclusion, Kind, Note, NoteKey, NoteSigner, Policy};
use registry_api::{Code, Problem};
use registry_core::query::{self, LogRows};
use registry_core::table::Entity;
use registry_core::view::View;

use crate::config;

/// What this member needs to show the log and to be a witness of others.
#[derive(Debug)]
pub(crate) struct TransparencyLog {
    signer: NoteSigner,
    /// The key that cosigns other logs; `None` if this cluster is no witness.
    witness: Option<NoteSigner>,
    followed: Vec<NoteKey>,
    /// The newest checkpoint with the cosignatures that it got.
    cosigned: Mutex<Option<Arc<Note>>>,
}

/// Where a thing stands in the log, as of a signed checkpoint.
#[derive(Debug)]
pub(crate) struct Proof {
    pub(crate) inclusion: Inclusion,
    pub(crate) checkpoint: Note,
}

impl TransparencyLog {
    /// The log with these keys.
    pub(crate) fn new(
        config: &config::Log,
        key: SecretKey,
        witness: Option<SecretKey>,
    ) -> Result<Self, config::Contradiction> {
        let unnamed = |_| config::Contradiction::LogOrigin(config.origin.clone());
        let name = config.witness_name.as_ref().unwrap_or(&config.origin);
        let signer = |kind, key| NoteSigner::new(&config.origin, kind, key).map_err(unnamed);
        let cosigner = |key| NoteSigner::new(name, Kind::Witness, key).map_err(unnamed);
        Ok(Self {
            signer: signer(Kind::Log, key)?,
            witness: witness.map(cosigner).transpose()?,
            followed: config.followed.clone(),
            cosigned: Mutex::new(None),
        })
    }

    /// The key that checkpoints are verified with.
    pub(crate) fn key(&self) -> &NoteKey {
        self.signer.key()
    }

    /// The key that this cluster cosigns with, if it is a witness.
    pub(crate) fn witness_key(&self) -> Option<&NoteKey> {
        self.witness.as_ref().map(NoteSigner::key)
    }

    /// The checkpoint of a state, signed by the log alone.
    pub(crate) fn sign(&self, view: &dyn View) -> Result<Note, Problem> {
        let origin = self.key().name();
        let checkpoint = query::checkpoint(view, origin)?.ok_or_else(unopened)?;
        let mut note = Note::new(checkpoint.text());
        note.add(self.signer.sign(note.text(), 0));
        Ok(note)
    }

    /// The checkpoint that is published: the newest that has its cosignatures, or, where nobody
    /// cosigns, the newest there is.
    pub(crate) fn published(&self, view: &dyn View) -> Result<Note, Problem> {
        match self.cosigned() {
            Some(note) => Ok(Note::clone(&note)),
            None => self.sign(view),
        }
    }

    /// The proof for an entry under the published checkpoint; under a newer one, which nobody has
    /// cosigned yet, if the entry is newer.
    pub(crate) fn prove<T: Entity>(&self, view: &dyn View, entry: &T) -> Result<Proof, Problem> {
        let published = self.published(view)?;
        if let Some(inclusion) = query::inclusion(view, entry, size(&published))? {
            return Ok(Proof { inclusion, checkpoint: published });
        }
        let checkpoint = self.sign(view)?;
        let inclusion = query::inclusion(view, entry, size(&checkpoint))?;
        let inclusion = inclusion.ok_or_else(|| {
            Problem::new(Code::NotFound, "the log has no leaf of it: it is older than the log")
        })?;
        Ok(Proof { inclusion, checkpoint })
    }

    fn cosigned(&self) -> Option<Arc<Note>> {
        self.cosigned.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn publish(&self, note: Note) {
        *self.cosigned.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(note));
    }
}

/// The size that a note of ours speaks of.
fn size(note: &Note) -> u64 {
    Checkpoint::parse(note.text()).map_or(0, |checkpoint| checkpoint.size)
}

/// Until the first write there is no log.
pub(crate) fn unopened() -> Problem {
    Problem::new(Code::NotFound, "the transparency log is not open yet: nothing was written")
}

/// The proof between two sizes of the log.
pub(crate) fn consistency(
    view: &dyn View,
    old: u64,
    new: u64,
) -> Result<Vec<proto_types::Digest>, Problem> {
    let (size, _) = query::log_head(view)?.ok_or_else(unopened)?;
    if old > new || new > size {
        return Err(Problem::argument("size", format_args!("0 <= old <= new <= {size}")));
    }
    Ok(tlog::consistency(&LogRows(view), old, new)?)
}

/// A policy that asks for one log's signature.
fn only(key: &NoteKey) -> Policy {
    Policy::unwitnessed(key.clone())
}
