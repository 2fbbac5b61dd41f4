//! Entries from another registry. Their signatures are judged by our own enrolled keys, as any publisher's: what is
//! signed by keys that only the other registry knows is self-asserted or unsigned to us.

use proto_types::card::{Assurance, Card};
use proto_types::pilox::record;
use proto_types::{Digest, Origin};
use registry_core::command::{Command, FederationCommand, Import, ImportedRecord};
use registry_core::entry::{ImportKind, Source};
use registry_core::search::Document;
use registry_core::view::View;
use serde_json::Value;

use super::Put;
use crate::problem::{Code, Problem};

/// Reads a record that a partner gave, as `import` says without its entry.
///
/// # Errors
/// `malformed-json`, `invalid-document`, `bad-proof`; `conflict` if it is another handle's.
pub fn record(document: &[u8], import: Import, view: &dyn View) -> Result<Put, Problem> {
    let parsed = record::parse(document)?;
    if parsed.handle != import.handle {
        return Err(Problem::new(Code::Conflict, "the record is another handle's"));
    }
    let (assurance, owner) = super::record::worth(&parsed, view)?;
    let kept = parsed.document(document).into_owned();
    let entry = ImportedRecord {
        digest: Digest::of(&kept),
        assurance,
        owner,
        public: true,
        updated_at: parsed.updated_at,
        valid_until: parsed.valid_until,
        ttl_s: parsed.ttl_s.map(u64::from),
        agent_card_url: parsed.agent_card_url.clone(),
    };
    let urls = vec![parsed.agent_card_url.clone()];
    let words = super::search::of_record(&parsed);
    put(&kept, import, entry, Read { urls, words, says: parsed.into_raw() })
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
    let card = Card::parse(document)?;
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
    let (urls, words) = (super::card::urls(&card), super::search::of_card(card.view()));
    put(document, import, entry, Read { urls, words, says: card.into_raw() })
}

/// What was read in a document.
struct Read {
    /// Where its card is, or its agent answers.
    urls: Vec<String>,
    /// What a search finds it by.
    words: Document,
    /// All of it.
    says: Value,
}

/// The body, the entry and what a search reads in it, with all that admission looks at.
fn put(document: &[u8], import: Import, entry: ImportedRecord, read: Read) -> Result<Put, Problem> {
    let (kind, handle) = (import.kind, import.handle.clone());
    let (assurance, digest) = (entry.assurance, entry.digest);
    let owner = entry.owner.clone().map(|(origin, _)| origin);
    let proposal = super::with_body(document, |_| {
        Command::from(FederationCommand::Import(Box::new(Import { entry: Some(entry), ..import })))
    })?;
    let source = match kind {
        ImportKind::Record => Source::Record,
        ImportKind::Card => Source::Card,
    };
    let Read { urls: card_urls, words, says } = read;
    let words = (document, words);
    let proposal = super::search::with_document(proposal, source, handle.clone(), words);
    Ok(Put {
        kind: kind.as_str(),
        handle,
        document: says,
        digest,
        card_urls,
        assurance,
        owner,
        caller: None,
        proposal,
    })
}
