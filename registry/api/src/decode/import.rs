//! Entries that another registry gives us.
//!
//! It decides what their signatures are worth here, by our own enrolled keys, as for any publisher.
//! It must never take the other registry's word for it: what is signed by keys that only it knows
//! is self-asserted or unsigned to us.

use proto_types::card::{Assurance, Card};
use proto_types::pilox::record;
use proto_types::{Digest, Handle, Origin};
use registry_core::command::ImportedRecord;
use registry_core::view::View;

use crate::problem::{Code, Problem};

/// Reads a record that a partner gave under `handle`.
///
/// # Errors
/// `malformed-json`, `invalid-document`, `bad-proof`; `conflict` if it is another handle's.
pub fn record(
    document: &[u8],
    handle: &Handle,
    public: bool,
    view: &dyn View,
) -> Result<ImportedRecord, Problem> {
    let parsed = record::parse(document).map_err(|invalid| super::card::refused(&invalid))?;
    if parsed.handle != *handle {
        return Err(Problem::new(Code::Conflict, "the record is another handle's"));
    }
    let (assurance, owner) = super::record::worth(&parsed, view)?;
    Ok(ImportedRecord {
        digest: Digest::of(document),
        assurance,
        owner,
        public,
        updated_at: parsed.updated_at,
        valid_until: parsed.valid_until,
        ttl_s: parsed.ttl_s.map(u64::from),
        agent_card_url: parsed.agent_card_url.clone(),
    })
}

/// Reads a card that a partner gave, with the owner that it names. A signature by a key that is
/// enrolled here counts; any other is none to us.
///
/// # Errors
/// `malformed-json`, `invalid-document`.
pub fn card(
    document: &[u8],
    claimed: Option<&Origin>,
    public: bool,
    view: &dyn View,
) -> Result<ImportedRecord, Problem> {
    let card = Card::parse(document).map_err(|invalid| super::card::refused(&invalid))?;
    let signer = claimed.and_then(|origin| {
        let kid = super::card::signer(&card, origin, view).ok()?;
        Some((origin.clone(), kid))
    });
    let assurance = if signer.is_some() { Assurance::Enrolled } else { Assurance::Unsigned };
    Ok(ImportedRecord {
        digest: Digest::of(document),
        assurance,
        owner: signer,
        public,
        updated_at: Default::default(),
        valid_until: None,
        ttl_s: None,
        agent_card_url: String::new(),
    })
}
