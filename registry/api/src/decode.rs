//! From the bytes of a call to a proposal.
//!
//! It decides what a request means, who may make it, and that each document was verified with keys
//! that the view holds. It must never trust a key that a document brings along, and never let a
//! caller choose the assurance of what it publishes.

pub mod agent;
pub mod card;
pub mod envelope;
pub mod fleet;
pub mod import;
pub mod manifest;
pub mod partner;
pub mod peer;
pub mod record;
pub mod task;
pub mod token;

use proto_types::Digest;
use registry_core::command::{Command, Proposal};

use crate::field;
use crate::problem::Problem;

/// Bodies that one `PutBody` may hold: 1 MiB.
pub const BODY_BYTES_MAX: usize = 1 << 20;

/// A proposal of one command.
fn one(command: Command) -> Proposal {
    Proposal { commands: vec![command] }
}

/// A body and the command that names it, committed together or not at all.
fn with_body(bytes: &[u8], command: impl FnOnce(Digest) -> Command) -> Result<Proposal, Problem> {
    let digest = field::body("document", bytes, BODY_BYTES_MAX)?;
    Ok(Proposal { commands: vec![Command::PutBody { bytes: bytes.to_vec() }, command(digest)] })
}
