//! The crate seen from outside, on vectors that others have made.

#![expect(clippy::unwrap_used, reason = "tests")]

mod canonical;
mod card;
mod federation_jwt;
mod numbers;
mod pilox;
mod tlog;
mod wycheproof_ed25519;
mod wycheproof_es256;

/// The documents, tokens and canonical forms in Pilox formats.
fn pilox_formats() -> serde_json::Value {
    proto_types::json::parse(include_bytes!("../vectors/pilox-formats.json")).unwrap()
}
