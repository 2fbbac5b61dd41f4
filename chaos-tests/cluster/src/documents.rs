//! Documents as peers would make them: Pilox records and A2A cards, signed.
//! It must never make one that its own parser refuses: tests of bad documents write theirs out.

use anyhow::Result;
use proto_types::card::jws;
use proto_types::path::encode;
use proto_types::pilox::proof;
use proto_types::{WallMs, json};
use serde_json::{Value, json};

use crate::peer::Peer;

/// A Pilox record of about 1 KB, signed by `peer`.
///
/// # Errors
/// A member is not one that a record may have.
pub fn record(peer: &Peer, handle: &str, updated_at: WallMs) -> Result<Vec<u8>> {
    let origin = &peer.origin;
    let record = json!({
        "schema": "pilox-registry-record-v1",
        "handle": handle,
        "updatedAt": updated_at.to_rfc3339(),
        "agentCardUrl": format!("{origin}/agents/{}/.well-known/agent-card.json", encode(handle)),
        "meshDescriptorUrl": format!("{origin}/.well-known/pilox-mesh.json"),
        "capabilities": ["a2a-jsonrpc", "tasks"],
        "documentationUrl": format!("{origin}/docs/{}", "x".repeat(400)),
    });
    let signed = proof::sign(&record, origin, &peer.kid, &peer.key)?;
    Ok(json::canonical(signed.raw()))
}

/// An A2A card of an agent of this peer, signed by it.
///
/// # Errors
/// A member is not one that a card may have.
pub fn card(peer: &Peer, name: &str) -> Result<Vec<u8>> {
    let mut card = reached_at(peer);
    card["name"] = name.into();
    Ok(jws::sign(&card, &peer.kid, &peer.key)?.into_bytes())
}

/// The same in this version, unsigned.
#[must_use]
pub fn plain_card(peer: &Peer, version: &str) -> Vec<u8> {
    let mut card = reached_at(peer);
    card["version"] = version.into();
    card.to_string().into_bytes()
}

fn reached_at(peer: &Peer) -> Value {
    let mut card = text_agent();
    card["supportedInterfaces"] = json!([{
        "url": format!("{}/rpc", peer.origin),
        "protocolBinding": "JSONRPC",
        "protocolVersion": "1.0",
    }]);
    card["capabilities"] = json!({ "streaming": true });
    card["defaultInputModes"] = json!(["text/plain"]);
    card["defaultOutputModes"] = json!(["text/plain"]);
    card
}

/// What a hosted text agent says of itself when it is deployed.
#[must_use]
pub fn text_agent() -> Value {
    json!({
        "name": "Text statistics",
        "description": "Counts characters, words and sentences of a text and finds its keywords.",
        "version": "1.0.0",
        "skills": [{
            "id": "text-statistics",
            "name": "Text statistics",
            "description": "Statistics and keywords of a plain text.",
            "tags": ["text", "statistics", "keywords"],
        }],
    })
}
