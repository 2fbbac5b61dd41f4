//! The bytes of a call become a proposal: what a request means, and who may make it. Every document is verified with keys
//! that the view holds, never with a key that it brings along, and a caller never chooses the assurance of what it
//! publishes.
//!
//! Where nothing else is said, a function that takes the caller refuses as `Principal::require` does, and what makes no sense
//! in the request as `invalid-argument`.

pub mod agent;
pub mod card;
pub mod conduct;
pub mod envelope;
pub mod fleet;
pub mod import;
pub mod instance;
pub mod manifest;
pub mod member;
pub mod namespace;
pub mod operation;
pub mod partner;
pub mod peer;
pub mod policy;
pub mod precondition;
pub mod push;
pub mod record;
pub mod search;
pub mod shares;
pub mod task;
pub mod token;

pub use self::precondition::Conditions;
use proto_types::card::Assurance;
use proto_types::outcome::OUTCOME_BYTES_MAX;
use proto_types::{Digest, Handle, Origin, json};
use registry_core::command::{Command, Proposal, PutBody};
use registry_core::entry::{Policy, Source, Visibility};
use registry_core::search::{Document, PutSearch};

use crate::field;
use crate::problem::{Code, Problem};

/// Bodies that one `PutBody` may hold: 1 MiB.
pub const BODY_BYTES_MAX: usize = 1 << 20;

// An outcome is kept as one body.
const _: () = assert!(OUTCOME_BYTES_MAX <= BODY_BYTES_MAX);

/// A record or card that may be proposed, with all that admission looks at beside what it says.
#[derive(Clone, Debug, PartialEq)]
pub struct Put {
    /// `record` or `card`.
    pub kind: &'static str,
    /// Its name.
    pub handle: Handle,
    /// Of the bytes that are kept: those that were received, or the record with its members' proper
    /// names.
    pub digest: Digest,
    /// The URLs at which the card is, or the agent answers.
    pub card_urls: Vec<String>,
    /// What it is worth.
    pub assurance: Assurance,
    /// The peer whose enrolled key has signed it.
    pub owner: Option<Origin>,
    /// The peer that calls.
    pub caller: Option<Origin>,
    /// What its namespace demands of it.
    pub policy: Policy,
    /// The body and the entry, with the caller's token.
    pub proposal: Proposal,
}

/// Who may see an entry, if the caller says so; empty is not said.
///
/// # Errors
/// `invalid-argument`.
pub fn visibility(text: &str) -> Result<Option<Visibility>, Problem> {
    field::optional("visibility", text)
}

/// The problem of a text that is not strict JSON.
pub fn not_json(error: &json::Error) -> Problem {
    let code = match error {
        json::Error::Shape { .. } => Code::InvalidDocument,
        _ => Code::MalformedJson,
    };
    Problem::new(code, error)
}

/// A proposal of one command.
fn one(command: Command) -> Proposal {
    Proposal { commands: vec![command] }
}

/// A body and the command that names it, committed together or not at all.
fn with_body(bytes: &[u8], command: impl FnOnce(Digest) -> Command) -> Result<Proposal, Problem> {
    let digest = field::body("document", bytes, BODY_BYTES_MAX)?;
    Ok(Proposal { commands: vec![put_body(bytes), command(digest)] })
}

/// A body with its digest, the command that names it, and what a search reads in it, of an entry of this kind and name:
/// committed together or not at all.
fn with_document(
    (bytes, digest): (&[u8], Digest),
    command: Command,
    (source, handle, document): (Source, Handle, Document),
) -> Result<Proposal, Problem> {
    field::bounded("document", bytes, BODY_BYTES_MAX)?;
    let search = Command::PutSearch(PutSearch { source, handle, digest, document });
    Ok(Proposal { commands: vec![put_body(bytes), command, search] })
}

fn put_body(bytes: &[u8]) -> Command {
    Command::PutBody(PutBody { bytes: bytes.to_vec() })
}
