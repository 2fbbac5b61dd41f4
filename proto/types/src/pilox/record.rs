//! The registry record, version 1, in both brands.
//!
//! Decides whether bytes are such a record, and if not, all the reasons. Must never change one: the
//! raw value is kept, and its proof is over the texts as they were written.

mod aliases;
mod details;

use std::borrow::Cow;

use serde_json::Value;

pub use crate::schema::Invalid;

use super::Brand;
use crate::id::{Handle, Kid};
use crate::json;
use crate::path::is_addressable;
use crate::schema::{self, Object, Spot, closed_document};
use crate::time::WallMs;

/// The longest record. The note sets no limit; this is our cap for a descriptor of any kind.
pub const LEN_MAX: usize = 256 * 1_024;

/// The shortest handle that a record may have, in characters.
pub const HANDLE_LEN_MIN: usize = 8;

/// The schema sets no limit on keys; a rotation needs two. Arbitrary.
pub const KEYS_MAX: usize = 64;

const MEMBERS: [&str; 21] = [
    "schema",
    "handle",
    "updatedAt",
    "agentCardUrl",
    "validUntil",
    "ttlSecondsRecommended",
    "meshDescriptorUrl",
    "controllerDid",
    "didDocumentUrl",
    "capabilities",
    "documentationUrl",
    "sourceUrl",
    "version",
    "publishedAt",
    "inputModalities",
    "outputModalities",
    "pricing",
    "buyerInputs",
    "publishAttestation",
    "publicKeys",
    "proof",
];

/// What a record says. The display-only members (`pricing`, `buyerInputs`, `publishAttestation`)
/// are checked and stay in the raw value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Which form of the schema it names.
    pub brand: Brand,
    /// Its name in the directory.
    pub handle: Handle,
    /// By the writer's clock: newer replaces older.
    pub updated_at: WallMs,
    /// Where the A2A card is.
    pub agent_card_url: String,
    /// When it expires.
    pub valid_until: Option<WallMs>,
    /// How long a reader may cache it: 60 to 8,640,000 seconds. It says nothing about expiry.
    pub ttl_s: Option<u32>,
    /// Where the instance's mesh descriptor is.
    pub mesh_descriptor_url: Option<String>,
    /// The controller, `did:method:...`.
    pub controller_did: Option<String>,
    /// Where the controller's DID document is.
    pub did_document_url: Option<String>,
    /// What it can do, at most 64 words.
    pub capabilities: Vec<String>,
    /// For people.
    pub documentation_url: Option<String>,
    /// Where its source is.
    pub source_url: Option<String>,
    /// Its version, in whatever scheme.
    pub version: Option<String>,
    /// When it was first published.
    pub published_at: Option<WallMs>,
    /// What it takes, at most 32 words.
    pub input_modalities: Vec<String>,
    /// What it gives, at most 32 words.
    pub output_modalities: Vec<String>,
    /// The keys that it vouches for itself; `None` where the list is absent, which the verifier
    /// tells apart from an empty one.
    pub ed25519_keys: Option<Vec<RecordKey>>,
    /// The proof, not verified yet.
    pub proof: Option<ProofText>,
}

/// A key as a record encodes it. It may be a key that we refuse.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordKey {
    /// Its name within the record.
    pub kid: Kid,
    /// 64 hexadecimal digits of either case.
    pub public_key_hex: String,
}

/// A proof as a record encodes it. Other members of `proof` are allowed and not read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ProofText {
    /// `type`.
    pub kind: Option<String>,
    /// The URI of who signs.
    pub signer: Option<String>,
    /// The name of the key, among the record's own.
    pub signing_kid: Option<String>,
    /// 128 hexadecimal digits of either case.
    pub sig_hex: Option<String>,
}

/// A record that obeys its schema, with the value it was read from.
#[derive(Debug, Clone, PartialEq)]
pub struct ParsedRecord {
    record: Record,
    raw: Value,
    renamed: bool,
}

/// Reads a record. Members under other names that Pilox tools write get their proper ones.
///
/// # Errors
/// Too long, not strict JSON, or not after the schema: then with all faults.
pub fn parse(bytes: &[u8]) -> Result<ParsedRecord, Invalid> {
    schema::bounded(bytes, LEN_MAX)?;
    let mut raw = json::parse(bytes)?;
    let renamed = aliases::resolve(&mut raw);
    if renamed {
        // It is printed, and the same record must print the same: maps of JSON keep the order of their members in this program.
        raw.sort_all_objects();
    }
    let record = closed_document(&raw, &MEMBERS, read_record).map_err(Invalid::Schema)?;
    Ok(ParsedRecord { record, raw, renamed })
}

impl ParsedRecord {
    /// What it says.
    #[must_use]
    pub fn record(&self) -> &Record {
        &self.record
    }

    /// All that was written.
    #[must_use]
    pub fn raw(&self) -> &Value {
        &self.raw
    }

    /// What is to be kept of it: the bytes as they were received, unless members of it had other names,
    /// which readers do not know.
    #[must_use]
    pub fn document<'a>(&self, received: &'a [u8]) -> Cow<'a, [u8]> {
        match self.renamed {
            true => Cow::Owned(self.raw.to_string().into_bytes()),
            false => Cow::Borrowed(received),
        }
    }

    /// The same, from who needs the record no more.
    #[must_use]
    pub fn into_raw(self) -> Value {
        self.raw
    }
}

impl std::ops::Deref for ParsedRecord {
    type Target = Record;

    fn deref(&self) -> &Record {
        &self.record
    }
}

impl Record {
    /// When it expires: `validUntil`. The recommended TTL is for `Cache-Control` only.
    #[must_use]
    pub fn expires_at(&self) -> Option<WallMs> {
        self.valid_until
    }
}

fn read_record(object: &Object<'_, '_>) -> Option<Record> {
    details::check(object);
    let brand = object.required("schema", |spot| {
        let expected = "hive-registry-record-v1 or pilox-registry-record-v1";
        spot.parsed(expected, |text| Brand::of(text, Brand::record_schema))
    });
    let handle = object.required("handle", read_handle);
    let updated_at = object.required("updatedAt", read_time);
    let agent_card_url = object.required("agentCardUrl", Spot::uri);
    let valid_until = object.optional("validUntil", read_time);
    let ttl_s = object.optional("ttlSecondsRecommended", |spot| spot.integer(60, 8_640_000));
    let mesh_descriptor_url = object.optional("meshDescriptorUrl", Spot::uri);
    let controller_did = object.optional("controllerDid", read_did);
    let did_document_url = object.optional("didDocumentUrl", Spot::uri);
    let capabilities = object.or_default("capabilities", |spot| spot.list((0, 64), read_word));
    let documentation_url = object.optional("documentationUrl", Spot::uri);
    let source_url = object.optional("sourceUrl", Spot::uri);
    let version = object.optional("version", |spot| spot.text_of(1, 128));
    let published_at = object.optional("publishedAt", read_time);
    let input_modalities = object.or_default("inputModalities", read_modalities);
    let output_modalities = object.or_default("outputModalities", read_modalities);
    let ed25519_keys = object.or_default("publicKeys", read_keys);
    let proof = object.optional("proof", read_proof);
    Some(Record {
        brand: brand?,
        handle: handle?,
        updated_at: updated_at?,
        agent_card_url: agent_card_url?,
        valid_until: valid_until?,
        ttl_s: ttl_s?.and_then(|ttl| u32::try_from(ttl).ok()),
        mesh_descriptor_url: mesh_descriptor_url?,
        controller_did: controller_did?,
        did_document_url: did_document_url?,
        capabilities: capabilities?,
        documentation_url: documentation_url?,
        source_url: source_url?,
        version: version?.map(str::to_owned),
        published_at: published_at?,
        input_modalities: input_modalities?,
        output_modalities: output_modalities?,
        ed25519_keys: ed25519_keys?,
        proof: proof?,
    })
}

fn read_handle(spot: Spot<'_, '_>) -> Option<Handle> {
    spot.text_of(HANDLE_LEN_MIN, Handle::LEN_MAX)?;
    spot.parsed("visible ASCII without quotes, backslashes and dot segments", |text| {
        Handle::parse(text).ok().filter(|_| is_addressable(text))
    })
}

fn read_time(spot: Spot<'_, '_>) -> Option<WallMs> {
    spot.parsed("an RFC 3339 time since 1970", |text| WallMs::parse_rfc3339(text).ok())
}

fn read_did(spot: Spot<'_, '_>) -> Option<String> {
    spot.text_of(10, 2_048)?;
    spot.parsed("did:method:...", |text| {
        let (method, id) = text.strip_prefix("did:")?.split_once(':')?;
        let is_method = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        (!method.is_empty() && method.bytes().all(is_method) && !id.is_empty())
            .then(|| text.to_owned())
    })
}

/// `^[a-z0-9][a-z0-9._-]*$`
fn read_word(spot: Spot<'_, '_>) -> Option<String> {
    spot.parsed("a word of a-z, 0-9, '.', '_' and '-'", |text| {
        let is_first = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        let starts = text.bytes().next().is_some_and(is_first);
        let goes_on = text.bytes().all(|byte| is_first(byte) || b"._-".contains(&byte));
        (starts && goes_on).then(|| text.to_owned())
    })
}

fn read_modalities(spot: Spot<'_, '_>) -> Option<Vec<String>> {
    spot.list((0, 32), |item| item.text_of(1, 64).map(str::to_owned))
}

fn read_keys(spot: Spot<'_, '_>) -> Option<Option<Vec<RecordKey>>> {
    let keys = spot.closed_object(&["ed25519"])?;
    keys.optional("ed25519", |spot| spot.list((0, KEYS_MAX), read_key))
}

fn read_key(spot: Spot<'_, '_>) -> Option<RecordKey> {
    let key = spot.closed_object(&["kid", "publicKeyHex"])?;
    let kid = key.required("kid", |spot| {
        spot.text_of(1, Kid::LEN_MAX)?;
        spot.parsed("visible ASCII", |text| Kid::parse(text).ok())
    });
    let public_key_hex = key.required("publicKeyHex", |spot| details::hex(spot, 64));
    Some(RecordKey { kid: kid?, public_key_hex: public_key_hex? })
}

fn read_proof(spot: Spot<'_, '_>) -> Option<ProofText> {
    let proof = spot.object()?;
    let kind = proof.optional("type", Spot::text);
    let signer = proof.optional("signer", Spot::uri);
    let signing_kid = proof.optional("signingKid", |spot| spot.text_of(1, 128));
    let sig_hex = proof.optional("sigHex", |spot| details::hex(spot, 128));
    Some(ProofText {
        kind: kind?.map(str::to_owned),
        signer: signer?,
        signing_kid: signing_kid?.map(str::to_owned),
        sig_hex: sig_hex?,
    })
}

#[cfg(test)]
mod tests;
