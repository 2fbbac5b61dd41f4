//! Entries that another registry gives us.
//!
//! It decides what their signatures are worth here, by our own enrolled keys, as for any publisher.
//! It must never take the other registry's word for it: what is signed by keys that only it knows
//! is self-asserted or unsigned to us.

use proto_types::card::{Assurance, Card};
use proto_types::pilox::record;
use proto_types::{Digest, Origin};
use registry_core::command::{Command, Foreign, Import, ImportedRecord};
use registry_core::entry::{ImportKind, Source};
use registry_core::search::Document;
use registry_core::view::View;

use super::Put;
use crate::problem::{Code, Problem};

/// Reads a record that a partner gave, as `import` says without its entry.
///
/// # Errors
/// `malformed-json`, `invalid-document`, `bad-proof`; `conflict` if it is another handle's.
pub fn record(document: &[u8], import: Import, view: &dyn View) -> Result<Put, Problem> {
    let parsed = record::parse(document).map_err(|invalid| super::card::refused(&invalid))?;
    if parsed.handle != import.handle {
        return Err(Problem::new(Code::Conflict, "the record is another handle's"));
    }
    let (assurance, owner) = super::record::worth(&parsed, view)?;
    let entry = ImportedRecord {
        digest: Digest::of(document),
        assurance,
        owner,
        public: true,
        updated_at: parsed.updated_at,
        valid_until: parsed.valid_until,
        ttl_s: parsed.ttl_s.map(u64::from),
        agent_card_url: parsed.agent_card_url.clone(),
    };
    let urls = vec![parsed.agent_card_url.clone()];
    put(document, import, entry, (urls, super::search::of_record(&parsed)))
}

/// Reads a card that a partner gave, with the owner that it names. A signature by a key that is
/// enrolled here counts; any other is none to us.
///
/// # Errors
/// `malformed-json`, `invalid-document`.
pub fn card(
    document: &[u8],
    claimed: Option<&Origin>,
    import: Import,
    view: &dyn View,
) -> Result<Put, Problem> {
    let card = Card::parse(document).map_err(|invalid| super::card::refused(&invalid))?;
    let signer = claimed.and_then(|origin| {
        let kid = super::card::signer(&card, origin, view).ok()?;
        Some((origin.clone(), kid))
    });
    let entry = ImportedRecord {
        digest: Digest::of(document),
        assurance: if signer.is_some() { Assurance::Enrolled } else { Assurance::Unsigned },
        owner: signer,
        public: true,
        updated_at: Default::default(),
        valid_until: None,
        ttl_s: None,
        agent_card_url: String::new(),
    };
    put(document, import, entry, (super::card::urls(&card), super::search::of_card(card.view())))
}

/// The body, the entry and what a search reads in it, with all that admission looks at.
fn put(
    document: &[u8],
    import: Import,
    entry: ImportedRecord,
    (card_urls, words): (Vec<String>, Document),
) -> Result<Put, Problem> {
    let (kind, handle) = (import.kind, import.handle.clone());
    let (assurance, owner) = (entry.assurance, entry.owner.clone().map(|(origin, _)| origin));
    let proposal = super::with_body(document, |_| {
        Command::from(Foreign::Import(Box::new(Import { entry: Some(entry), ..import })))
    })?;
    let source = match kind {
        ImportKind::Record => Source::Record,
        ImportKind::Card => Source::Card,
    };
    let read = (document, words);
    let proposal = super::search::with_document(proposal, source, handle.clone(), read);
    let document = document.to_vec();
    let kind = kind.as_str();
    Ok(Put { kind, handle, document, card_urls, assurance, owner, caller: None, proposal })
}
