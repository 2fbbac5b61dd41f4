//! A2A Agent Cards: the bytes as received, and a typed view of them.
//!
//! Decides whether bytes are a card, of which generation, and whether a signature on it holds. Must
//! never re-serialise a card that somebody else has made: the bytes are what is kept and served.

pub mod canonical;
mod coverage;
mod fields;
pub mod hosted;
pub mod jws;
mod members;
mod security;
mod to_v03;
mod v03;
pub mod view;

use serde_json::Value;

pub use self::hosted::{Hosted, hosted};
pub use self::to_v03::{dual, to_v03, to_v03_rest};
pub use self::view::{Capabilities, Extension, Interface, Provider, Skill, View};
pub use crate::pilox::Assurance;
pub use crate::schema::Invalid;

use crate::digest::Digest;
use crate::json;
use crate::schema::{self, Dialect, read};

/// The longest card: what a crawler fetches at most of any descriptor (attack case 25).
pub const LEN_MAX: usize = 256 * 1_024;

/// The generation of the protocol that a card is written for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum CardVersion {
    /// Up to 0.3: `url`, `preferredTransport`, `additionalInterfaces`.
    V03,
    /// 1.0: `supportedInterfaces`. A dual card, which has the members of both, counts as this.
    V10,
}

/// A well-formed card.
#[derive(Debug, Clone, PartialEq)]
pub struct Card {
    bytes: Vec<u8>,
    raw: Value,
    view: View,
}

impl Card {
    /// Reads a card. Members that we do not know are kept and not looked at (they SHOULD be
    /// ignored), but a signature covers them. Numbers may be of any size, except in what is signed.
    ///
    /// # Errors
    /// Too long, not strict JSON, or without what its generation requires: then with all faults.
    pub fn parse(bytes: &[u8]) -> Result<Self, Invalid> {
        schema::bounded(bytes, LEN_MAX)?;
        let raw = json::parse_lossless(bytes)?;
        if is_signed(&raw) {
            canonical::check_numbers(&raw)?;
        }
        let view = match generation(&raw) {
            CardVersion::V10 => read(&raw, Dialect::CARD, view::read_card),
            CardVersion::V03 => read(&raw, Dialect::CARD, v03::read_card),
        };
        Ok(Self { bytes: bytes.to_vec(), view: view.map_err(Invalid::Schema)?, raw })
    }

    /// The card, byte for byte as it was received.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The bytes alone.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// The content address of the bytes.
    #[must_use]
    pub fn digest(&self) -> Digest {
        Digest::of(&self.bytes)
    }

    /// All that was written.
    #[must_use]
    pub fn raw(&self) -> &Value {
        &self.raw
    }

    /// The same, from who needs the card no more.
    #[must_use]
    pub fn into_raw(self) -> Value {
        self.raw
    }

    /// What we read of it, in the terms of 1.0 for both generations.
    #[must_use]
    pub fn view(&self) -> &View {
        &self.view
    }

    /// Whether it carries at least one signature, good or bad.
    #[must_use]
    pub fn is_signed(&self) -> bool {
        is_signed(&self.raw)
    }

    /// JSON pointers to the empty strings, lists and objects, at most
    /// [`schema::FAULTS_MAX`]. A signature in the Python SDK's form does not cover these: such a
    /// card should be refused at registration, or its security taken from elsewhere.
    #[must_use]
    pub fn empty_members(&self) -> Vec<String> {
        canonical::empty_members(&self.raw)
    }

    /// JSON pointers to the empty members that the bytes signed in this form leave out: whoever passes the card on could
    /// have added them.
    #[must_use]
    pub fn uncovered(&self, form: canonical::CanonicalForm) -> Vec<String> {
        coverage::uncovered(&self.raw, self.view.card_version, form)
    }
}

fn is_signed(raw: &Value) -> bool {
    raw.get("signatures").and_then(Value::as_array).is_some_and(|all| !all.is_empty())
}

/// Which generation the members speak of. What is of neither is judged as 1.0.
fn generation(raw: &Value) -> CardVersion {
    let has = |name: &str| raw.get(name).is_some();
    if !has("supportedInterfaces") && (has("url") || has("protocolVersion")) {
        CardVersion::V03
    } else {
        CardVersion::V10
    }
}

#[cfg(test)]
mod tests;
