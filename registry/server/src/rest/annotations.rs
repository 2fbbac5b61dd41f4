//! Headers beside a document: how reachable its agent is, and where it came from. An entry that the caller sees in part
//! has none.

use axum::response::Response;
use http::HeaderValue;
use proto_types::Handle;
use registry_api::{Problem, render};
use registry_core::entry::ImportKind;
use registry_core::query;
use registry_core::view::View;

use super::log::PROOF_HEADER;
use super::parameter::{AGE, CACHE_CONTROL, ETAG, Header, REVISION};

/// How the agent of a record is.
const REACHABILITY: Header = Header {
    name: "ecumene-liveness",
    about: "What the crawler last saw: the class (open, gated, not-speaking, wrong-transport, \
            unreachable or unknown), since when, when it was last seen (both in ms since 1970), \
            and the member that asked. Absent if it never did.",
    schema: r#"{"type":"string","examples":["open; since=1800000000000; seen=1800000360000; prober=1"]}"#,
    required: false,
};

/// Where an entry of another registry came from.
const PROVENANCE: Header = Header {
    name: "ecumene-provenance",
    about: "Of an entry of another registry: the partner that gave it, its home, its revision there, \
            how many registries it is away from home, and when it came (in ms since 1970). Absent \
            for our own.",
    schema: r#"{"type":"string","examples":["north; home=https://north.example; revision=7; hops=1; fetched=1800000000000"]}"#,
    required: false,
};

/// Answers of a record.
pub(super) const RECORD: &[Header] =
    &[ETAG, REVISION, AGE, CACHE_CONTROL, PROOF_HEADER, REACHABILITY, PROVENANCE];

/// Answers of a card.
pub(super) const CARD: &[Header] = &[ETAG, REVISION, AGE, CACHE_CONTROL, PROOF_HEADER, PROVENANCE];

/// Adds what is known of the entry.
pub(super) fn annotate(
    mut response: Response,
    view: &dyn View,
    kind: ImportKind,
    handle: &Handle,
) -> Result<Response, Problem> {
    let liveness = match kind {
        ImportKind::Record => query::reachability(view, handle)?,
        ImportKind::Card => None,
    };
    let provenance = query::provenance(view, kind, handle)?.filter(|kept| kept.digest.is_some());
    let lines = [
        (REACHABILITY.name, liveness.as_ref().map(render::federation::liveness_line)),
        (PROVENANCE.name, provenance.as_ref().map(render::federation::provenance_line)),
    ];
    for (name, line) in lines {
        let Some(line) = line else { continue };
        let line = HeaderValue::try_from(line).expect("names, origins and numbers are ASCII");
        response.headers_mut().insert(name, line);
    }
    Ok(response)
}
