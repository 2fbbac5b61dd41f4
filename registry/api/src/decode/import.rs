//! Entries from another registry. Their signatures are judged by our own enrolled keys, as any publisher's: what is
//! signed by keys that only the other registry knows is self-asserted or unsigned to us.

use proto_types::card::{Assurance, Card};
use proto_types::pilox::record;
use proto_types::{Digest, Origin};
use registry_core::command::{FederationCommand, Import, ImportedRecord};
use registry_core::entry::{ImportKind, Source};
use registry_core::search::Document;
use registry_core::view::View;
use serde_json::Value;

use super::Put;
use crate::authority::HandleNamespace;
use crate::problem::{Code, Problem};

/// Reads a record that a partner gave, as `import` says without its entry; with all that the record says.
///
/// # Errors
/// `malformed-json`, `invalid-document`, `bad-proof`; `conflict` if it is another handle's.
pub fn record(document: &[u8], import: Import, view: &dyn View) -> Result<(Put, Value), Problem> {
    let parsed = record::parse(document)?;
    if parsed.handle != import.handle {
        return Err(Problem::new(Code::Conflict, "the record is another handle's"));
    }
    let (assurance, owner) = super::record::worth(&parsed, view)?;
    let kept = parsed.document(document);
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
    let read = (vec![parsed.agent_card_url.clone()], super::search::of_record(&parsed));
    Ok((put(&kept, import, entry, read, view)?, parsed.into_raw()))
}

/// Reads a card that a partner gave, with the owner that it names; with all that the card says. A signature by a key that is
/// enrolled here counts; any other is none to us.
///
/// # Errors
/// `malformed-json`, `invalid-document`.
pub fn card(
    document: &[u8],
    claimed: Option<&Origin>,
    import: Import,
    view: &dyn View,
) -> Result<(Put, Value), Problem> {
    let card = Card::parse(document)?;
    let signer = claimed.and_then(|origin| {
        let kid = super::card::signer(&card, origin, view).ok()?;
        Some((origin.clone(), kid))
    });
    let entry = ImportedRecord {
        digest: card.digest(),
        assurance: if signer.is_some() { Assurance::Enrolled } else { Assurance::Unsigned },
        owner: signer,
        public: true,
        updated_at: Default::default(),
        valid_until: None,
        ttl_s: None,
        agent_card_url: String::new(),
    };
    let read = (super::card::urls(&card), super::search::of_card(card.view()));
    Ok((put(document, import, entry, read, view)?, card.into_raw()))
}

/// The body, the entry and what a search reads in it, with all that admission looks at. `card_urls` is where its card is, or
/// its agent answers, and `words` what a search finds it by.
fn put(
    document: &[u8],
    import: Import,
    entry: ImportedRecord,
    (card_urls, words): (Vec<String>, Document),
    view: &dyn View,
) -> Result<Put, Problem> {
    let (kind, handle, digest) = (import.kind, import.handle.clone(), entry.digest);
    let (assurance, owner) = (entry.assurance, entry.owner.clone().map(|(origin, _)| origin));
    let import = Import { entry: Some(entry), ..import };
    let command = FederationCommand::Import(Box::new(import)).into();
    let source = match kind {
        ImportKind::Record => Source::Record,
        ImportKind::Card => Source::Card,
    };
    let searched = (source, handle.clone(), words);
    let proposal = super::with_document((document, digest), command, searched)?;
    let policy = HandleNamespace::of(&handle, view)?.terms.policy;
    Ok(Put {
        kind: kind.as_str(),
        handle,
        digest,
        card_urls,
        assurance,
        owner,
        caller: None,
        policy,
        proposal,
    })
}
