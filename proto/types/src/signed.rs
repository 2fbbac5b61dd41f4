//! Our own signed documents: one JSON object with its JWS signatures beside its members.
//!
//! Decides what exactly is signed (the domain tag and the canonical form of everything but the
//! signatures) and how many distinct keys vouch for it. Must never give a document of one type the
//! weight of another's signature (attack case 21), nor count one key twice (case 13).
//!
//! Wire form: `{ …members…, "type": T, "signatures": [{"protected": P, "signature": S}, …] }`. Each
//! signature is a JWS in JSON serialisation with detached payload (RFC 7515, 7.2 and appendix F):
//! over `P "." base64url(payload)`, where payload = `"ecumene/" T "\0"` and the RFC 8785 form.

use std::collections::BTreeSet;
use std::ops::Deref;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::digest::Digest;
use crate::id::Kid;
use crate::jose;
use crate::key::{AnyKey, Signer};
use crate::origin::Origin;
use crate::{base64url, json};

mod jws;

use self::jws::Jws;

/// More signatures than any threshold or chain of hops needs, and one of each key and recovery key that may join by one
/// document, with that of who lets them; bounds the verifications that one document can cause.
pub const SIGNATURES_MAX: usize = 24;

/// A document that is signed whole. It must serialise to an object without the members `type` and
/// `signatures`, which belong to the envelope around it.
pub trait Document: Serialize + DeserializeOwned {
    /// The value of `type`, and the domain that separates its signatures from all others.
    const TYPE: &'static str;

    /// Whether keys join by it. Then each of them signs it too, also one for ES256, which signs no
    /// other document.
    const KEYS_JOIN: bool = false;

    /// Who says so.
    fn issuer(&self) -> &Origin;
}

/// A well-formed signed document of which nothing is verified yet.
#[derive(Debug, Clone)]
pub struct Signed<T> {
    document: T,
    /// As received, or as first printed.
    bytes: Vec<u8>,
    /// The RFC 8785 form without the signatures.
    canonical: Vec<u8>,
    signatures: Vec<Jws>,
}

/// A document that enough distinct keys have signed. Only [`Signed::verify`] makes one.
#[derive(Debug, Clone)]
pub struct Verified<T> {
    document: T,
    bytes: Vec<u8>,
    digest: Digest,
    document_digest: Digest,
    signers: Vec<Kid>,
}

/// Why a signed document is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Not strict JSON, or not the document's shape.
    #[error("not a strict JSON document of this kind")]
    Json(#[from] json::Error),
    /// JSON, but not an object.
    #[error("not an object")]
    NotAnObject,
    /// `type` is missing or names another type.
    #[error("the type is not {expected:?}")]
    WrongType {
        /// The type that was asked for.
        expected: &'static str,
    },
    /// `signatures` is not a list of 1 to 24 `{protected, signature}`.
    #[error("signatures is not a list of 1 to {SIGNATURES_MAX} signatures")]
    Signatures,
    /// The protected header of a signature is refused.
    #[error("the header of signature {at} is refused")]
    Header {
        /// Its position.
        at: usize,
        /// Why.
        #[source]
        source: jose::Error,
    },
    /// The header of a signature has no `kid`, or has a `typ`, which is not ours to read.
    #[error("the header of signature {at} is not exactly alg and kid")]
    HeaderMembers {
        /// Its position.
        at: usize,
    },
    /// A signature is not 64 bytes in canonical base64url.
    #[error("signature {at} is not 64 bytes in canonical base64url")]
    SignatureText {
        /// Its position.
        at: usize,
    },
    /// A signature by a known key does not verify: the document is damaged or forged.
    #[error("the signature by {kid} does not verify")]
    BadSignature {
        /// The key's name.
        kid: Kid,
    },
    /// Not enough distinct known keys have signed.
    #[error("{found} known keys have signed, {needed} are needed")]
    Threshold {
        /// Distinct known keys with a valid signature.
        found: usize,
        /// How many are asked for; 0 is never met.
        needed: usize,
    },
}

impl<T: Document> Signed<T> {
    /// Reads the wire form.
    ///
    /// # Errors
    /// Anything but [`Error::BadSignature`] and [`Error::Threshold`].
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        let Value::Object(mut members) = json::parse(bytes)? else {
            return Err(Error::NotAnObject);
        };
        if members.get("type").and_then(Value::as_str) != Some(T::TYPE) {
            return Err(Error::WrongType { expected: T::TYPE });
        }
        let texts = members.remove("signatures").ok_or(Error::Signatures)?;
        let signatures = jws::parse(texts, T::KEYS_JOIN)?;
        let mut whole = Value::Object(members);
        let canonical = json::canonical(&whole);
        whole.as_object_mut().and_then(|members| members.remove("type"));
        let document = json::shaped(whole)?;
        Ok(Self { document, bytes: bytes.to_vec(), canonical, signatures })
    }

    /// Signs with each key under its name. The result's bytes are the canonical form of the whole.
    ///
    /// # Errors
    /// No key or too many, or the document breaks the rules of [`Document`] or holds an unsafe
    /// number or a tree that is too deep.
    pub fn sign<S: Signer + ?Sized>(document: T, keys: &[(Kid, &S)]) -> Result<Self, Error> {
        let mut whole = serde_json::to_value(document)
            .map_err(|error| json::Error::Shape { reason: error.to_string() })?;
        let members = whole.as_object_mut().ok_or(Error::NotAnObject)?;
        members.insert("type".to_owned(), T::TYPE.into());
        let payload = payload::<T>(&json::canonical(&whole));
        let texts: Vec<_> = keys.iter().map(|(kid, key)| jws::sign(kid, *key, &payload)).collect();
        whole["signatures"] = texts.into();
        // What we publish passes what we demand: one path makes a Signed.
        Self::parse(&json::canonical(&whole))
    }

    /// The document, of which nothing is verified: good for finding keys, no more.
    #[must_use]
    pub fn unverified(&self) -> &T {
        &self.document
    }

    /// The names under which it claims to be signed.
    pub fn kids(&self) -> impl Iterator<Item = &Kid> {
        self.signatures.iter().map(|jws| &jws.kid)
    }

    /// The digest of the canonical form without signatures: names the document, verified or not.
    #[must_use]
    pub fn document_digest(&self) -> Digest {
        Digest::of(&self.canonical)
    }

    /// The wire form, as it was received.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Checks that at least `threshold` distinct keys have signed, out of those that `keys` knows
    /// for the issuer. Signatures by unknown names are passed over: a reader need not know every
    /// co-signer. A wrong signature under a known name refuses the whole.
    ///
    /// # Errors
    /// [`Error::BadSignature`] or [`Error::Threshold`].
    pub fn verify<K: Into<AnyKey>>(
        self,
        keys: &impl Fn(&Kid) -> Option<K>,
        threshold: usize,
    ) -> Result<Verified<T>, Error> {
        let payload = payload::<T>(&self.canonical);
        let mut signers = BTreeSet::new();
        let mut vouching = BTreeSet::new();
        for jws in &self.signatures {
            let Some(key) = keys(&jws.kid) else { continue };
            let (key, input): (AnyKey, _) = (key.into(), jws.input(&payload));
            if jws.alg != key.algorithm() || key.verify(&input, &jws.signature).is_err() {
                return Err(Error::BadSignature { kid: jws.kid.clone() });
            }
            vouching.insert(key);
            signers.insert(jws.kid.clone());
        }
        if threshold == 0 || vouching.len() < threshold {
            return Err(Error::Threshold { found: vouching.len(), needed: threshold });
        }
        Ok(Verified {
            document: self.document,
            digest: Digest::of(&self.bytes),
            document_digest: Digest::of(&self.canonical),
            bytes: self.bytes,
            signers: signers.into_iter().collect(),
        })
    }
}

impl<T> Verified<T> {
    /// The wire form, byte for byte as it was verified.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The digest of [`Verified::bytes`]: the content address under which they are kept.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// The digest of the canonical form without signatures: the same however it was printed and
    /// whoever has co-signed. This is what `prev` of a successor names.
    #[must_use]
    pub fn document_digest(&self) -> Digest {
        self.document_digest
    }

    /// The names of the known keys that have signed, in order.
    #[must_use]
    pub fn signers(&self) -> &[Kid] {
        &self.signers
    }
}

impl<T> Deref for Verified<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.document
    }
}

fn payload<T: Document>(canonical: &[u8]) -> String {
    let tagged = [b"ecumene/", T::TYPE.as_bytes(), b"\0", canonical].concat();
    base64url::encode(&tagged)
}

#[cfg(test)]
mod tests;
