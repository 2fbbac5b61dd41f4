//! The proof of a registry record: Ed25519 over four of its members, by a key in the record.
//!
//! Decides whether the proof holds, with Pilox's reasons. Must never say more than that: the key is
//! self-asserted, and the other members are not signed.

use serde_json::{Value, json};

use super::key_from_hex;
use super::record::{self, Invalid, ParsedRecord};
use crate::id::Kid;
use crate::json;
use crate::key::{PublicKey, SecretKey};
use crate::origin::Origin;
use crate::pilox::Brand;

/// The members that the proof covers.
const SIGNED: [&str; 4] = ["schema", "handle", "updatedAt", "agentCardUrl"];

/// What a record's proof amounts to.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "one a record, looked at once and not kept")]
pub enum ProofState {
    /// No proof, or one without a signature.
    Absent,
    /// It holds. Raise it to `enrolled` only if the key is an enrolled key of the handle's owner.
    SelfAsserted {
        /// The key's name in the record.
        kid: Kid,
        /// The key.
        key: PublicKey,
    },
}

/// Why a proof is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// `type` is that of neither brand.
    #[error("the proof is of an unknown type")]
    UnsupportedProofType,
    /// No `signingKid`.
    #[error("the proof names no key")]
    MissingSigningKid,
    /// No `publicKeys.ed25519`.
    #[error("the record has no keys")]
    MissingEd25519PublicKeys,
    /// `signingKid` is not among them.
    #[error("the proof names a key that the record does not have")]
    SigningKidNotInPublicKeys,
    /// The key is not canonical, or of small or mixed order: nothing it signs proves anything.
    #[error("the key is not one that we accept")]
    BadKey,
    /// The signature is not one of these members by this key.
    #[error("the signature does not verify")]
    BadSignature,
}

impl ProofError {
    /// The reason code of the Pilox verifier; for a key that Pilox's library would choke on, the
    /// code that it gives then.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::UnsupportedProofType => "unsupported_proof_type",
            Self::MissingSigningKid => "missing_signing_kid",
            Self::MissingEd25519PublicKeys => "missing_ed25519_public_keys",
            Self::SigningKidNotInPublicKeys => "signing_kid_not_in_public_keys",
            Self::BadKey => "verify_error",
            Self::BadSignature => "bad_signature",
        }
    }
}

/// Verifies the proof of a record, if it has one.
///
/// # Errors
/// It has one that does not hold; the checks come in Pilox's order.
pub fn verify(parsed: &ParsedRecord) -> Result<ProofState, ProofError> {
    verify_among(parsed, &[])
}

/// As [`verify`]; a key that is one of these, which were checked when they were enrolled, is not
/// checked again. That is most of the cost of reading it.
///
/// # Errors
/// As [`verify`].
pub fn verify_among(
    parsed: &ParsedRecord,
    enrolled: &[PublicKey],
) -> Result<ProofState, ProofError> {
    let Some(proof) = &parsed.proof else { return Ok(ProofState::Absent) };
    let Some(sig_hex) = &proof.sig_hex else { return Ok(ProofState::Absent) };
    let kind = proof.kind.as_deref().unwrap_or_default();
    if Brand::of(kind, Brand::record_proof_type).is_none() {
        return Err(ProofError::UnsupportedProofType);
    }
    let kid = proof.signing_kid.as_deref().filter(|kid| !kid.trim().is_empty());
    let kid = kid.ok_or(ProofError::MissingSigningKid)?;
    let keys = parsed.ed25519_keys.as_deref().ok_or(ProofError::MissingEd25519PublicKeys)?;
    // Of two keys of one name the first counts, as it does for Pilox.
    let named = keys.iter().find(|key| key.kid.as_str() == kid);
    let named = named.ok_or(ProofError::SigningKidNotInPublicKeys)?;
    let known = enrolled.iter().find(|key| is_hex_of(key, &named.public_key_hex));
    let key = known.copied().or_else(|| key_from_hex(&named.public_key_hex));
    let key = key.ok_or(ProofError::BadKey)?;
    let signature = hex::decode(sig_hex).map_err(|_| ProofError::BadSignature)?;
    key.verify(&signed_bytes(parsed.raw()), &signature).map_err(|_| ProofError::BadSignature)?;
    Ok(ProofState::SelfAsserted { kid: named.kid.clone(), key })
}

/// Whether the record says nothing beyond what its proof covers, which `key` has made: the signed members, that key alone,
/// and the proof itself.
#[must_use]
pub fn covers_all(parsed: &ParsedRecord, key: &PublicKey) -> bool {
    let only = |value: &Value, known: &[&str]| {
        value.as_object().is_some_and(|it| it.keys().all(|name| known.contains(&name.as_str())))
    };
    let raw = parsed.raw();
    let members = [&SIGNED[..], &["publicKeys", "proof"]].concat();
    let keys = parsed.ed25519_keys.as_deref().unwrap_or_default();
    only(raw, &members)
        && only(&raw["proof"], &["type", "signer", "signingKid", "sigHex"])
        && matches!(keys, [own] if is_hex_of(key, &own.public_key_hex))
}

/// Signs a record, replacing its proof, and puts the key among its keys. The result's raw value is
/// what to publish.
///
/// # Errors
/// Not a record, once it is signed.
pub fn sign(
    record: &Value,
    signer: &Origin,
    kid: &Kid,
    key: &SecretKey,
) -> Result<ParsedRecord, Invalid> {
    let mut whole = record.clone();
    let brand = whole["schema"].as_str().and_then(|name| Brand::of(name, Brand::record_schema));
    // A document without a known schema is refused by `parse` below, whatever the proof says.
    let brand = brand.unwrap_or(Brand::Pilox);
    let signature = hex::encode(key.sign(&signed_bytes(&whole)));
    if let Some(members) = whole.as_object_mut() {
        add_key(members.entry("publicKeys").or_insert_with(|| json!({})), kid, &key.public());
        let proof = json!({
            "type": brand.record_proof_type(),
            "signer": signer.as_str(),
            "signingKid": kid.as_str(),
            "sigHex": signature,
        });
        members.insert("proof".to_owned(), proof);
    }
    record::parse(&json::canonical(&whole))
}

/// Whether these digits, in either case, are this key.
fn is_hex_of(key: &PublicKey, digits: &str) -> bool {
    let mut bytes = [0; 32];
    hex::decode_to_slice(digits, &mut bytes).is_ok() && bytes == *key.as_bytes()
}

/// The canonical JSON of the members that are signed, as they are encoded.
fn signed_bytes(raw: &Value) -> Vec<u8> {
    let member = |name: &str| Some((name.to_owned(), raw.get(name)?.clone()));
    json::canonical(&Value::Object(SIGNED.into_iter().filter_map(member).collect()))
}

fn add_key(public_keys: &mut Value, kid: &Kid, key: &PublicKey) {
    let Some(public_keys) = public_keys.as_object_mut() else { return };
    let keys = public_keys.entry("ed25519").or_insert_with(|| json!([]));
    let Some(keys) = keys.as_array_mut() else { return };
    keys.retain(|known| known["kid"] != kid.as_str());
    keys.push(json!({ "kid": kid.as_str(), "publicKeyHex": key.to_hex() }));
}
