//! The signature under a list of handles, `catalogProof`.
//!
//! Decides whether a list is the one that a registry has signed. Must never trust the key that the
//! proof carries: the caller says which key it expects.

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::Brand;
use crate::id::Kid;
use crate::json;
use crate::key::{PublicKey, SecretKey};
use crate::time::WallMs;

/// What is signed names this schema in both brands.
pub const SCHEMA: &str = "hive-registry-catalog-v1";

/// `catalogProof` of `GET /v1/records`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CatalogProof {
    /// `<brand>-registry-catalog-ed25519-v1`.
    #[serde(rename = "type")]
    pub kind: String,
    /// When, as it is signed: a text, so that no reader reformats it.
    pub issued_at: String,
    /// The name of the registry's key.
    pub signing_kid: String,
    /// 128 hexadecimal digits.
    pub sig_hex: String,
    /// The key, as the registry says itself.
    pub public_key_hex: String,
}

/// Why a catalog proof is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// `type` is that of neither brand.
    #[error("the proof is of an unknown type")]
    UnsupportedProofType,
    /// `issuedAt` is not RFC 3339.
    #[error("the time of issue is not RFC 3339")]
    IssuedAt,
    /// Not a list of these handles by this key.
    #[error("the signature does not verify")]
    BadSignature,
}

impl CatalogProof {
    /// Signs a list of handles, in whatever order it is.
    #[must_use]
    pub fn sign<H: AsRef<str>>(
        brand: Brand,
        handles: &[H],
        issued_at: WallMs,
        kid: &Kid,
        key: &SecretKey,
    ) -> Self {
        let issued_at = issued_at.to_rfc3339();
        let message = signed_bytes(handles, &issued_at);
        Self {
            kind: brand.catalog_proof_type().to_owned(),
            issued_at,
            signing_kid: kid.as_str().to_owned(),
            sig_hex: hex::encode(key.sign(&message)),
            public_key_hex: key.public().to_hex(),
        }
    }

    /// Checks the proof against a key that the caller has from elsewhere, and gives the time of
    /// issue. Whether that is recent enough is the caller's question.
    ///
    /// # Errors
    /// See [`enum@Error`].
    pub fn verify<H: AsRef<str>>(&self, handles: &[H], key: &PublicKey) -> Result<WallMs, Error> {
        Brand::of(&self.kind, Brand::catalog_proof_type).ok_or(Error::UnsupportedProofType)?;
        let issued_at = WallMs::parse_rfc3339(&self.issued_at).map_err(|_| Error::IssuedAt)?;
        let signature = hex::decode(&self.sig_hex).map_err(|_| Error::BadSignature)?;
        let message = signed_bytes(handles, &self.issued_at);
        key.verify(&message, &signature).map_err(|_| Error::BadSignature)?;
        Ok(issued_at)
    }
}

fn signed_bytes<H: AsRef<str>>(handles: &[H], issued_at: &str) -> Vec<u8> {
    let mut sorted: Vec<&str> = handles.iter().map(AsRef::as_ref).collect();
    // By UTF-16 code unit, which is how ECMAScript sorts.
    sorted.sort_by(|a, b| a.encode_utf16().cmp(b.encode_utf16()));
    json::canonical(&json!({ "schema": SCHEMA, "handles": sorted, "issuedAt": issued_at }))
}
