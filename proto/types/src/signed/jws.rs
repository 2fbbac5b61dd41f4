//! One signature beside a document: flattened JWS with a detached payload.
//!
//! Decides its form: a header of `alg` and `kid` alone, and 64 bytes. Must never say whose it is.

use serde::Deserialize;
use serde_json::Value;

use super::{Error, SIGNATURES_MAX};
use crate::id::Kid;
use crate::jose::{self, Algorithm, Header};
use crate::key::Signer;
use crate::{base64url, json};

#[derive(Debug, Clone)]
pub(super) struct Jws {
    protected: String,
    pub(super) alg: Algorithm,
    pub(super) kid: Kid,
    pub(super) signature: [u8; 64],
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct JwsText {
    protected: String,
    signature: String,
}

impl Jws {
    /// What was signed.
    pub(super) fn input(&self, payload: &str) -> Vec<u8> {
        signing_input(&self.protected, payload)
    }
}

pub(super) fn sign<S: Signer + ?Sized>(kid: &Kid, key: &S, payload: &str) -> Value {
    let alg = key.public().algorithm();
    let protected = Header { alg, typ: None, kid: Some(kid.clone()) }.encode();
    let signature = base64url::encode(&key.sign(&signing_input(&protected, payload)));
    serde_json::json!({ "protected": protected, "signature": signature })
}

/// Reads the list; by ES256 only of a document by which keys join.
pub(super) fn parse(texts: Value, keys_join: bool) -> Result<Vec<Jws>, Error> {
    let texts: Vec<JwsText> = json::shaped(texts).map_err(|_| Error::Signatures)?;
    if !(1..=SIGNATURES_MAX).contains(&texts.len()) {
        return Err(Error::Signatures);
    }
    let header = if keys_join { Header::parse_any } else { Header::parse };
    texts.into_iter().enumerate().map(|(at, text)| parse_one(at, text, header)).collect()
}

fn parse_one(
    at: usize,
    text: JwsText,
    header: fn(&str) -> Result<Header, jose::Error>,
) -> Result<Jws, Error> {
    let header = header(&text.protected).map_err(|source| Error::Header { at, source })?;
    let Header { alg, typ: None, kid: Some(kid) } = header else {
        return Err(Error::HeaderMembers { at });
    };
    let signature = base64url::decode_array(&text.signature);
    let signature = signature.map_err(|_| Error::SignatureText { at })?;
    Ok(Jws { protected: text.protected, alg, kid, signature })
}

fn signing_input(protected: &str, payload: &str) -> Vec<u8> {
    [protected.as_bytes(), b".", payload.as_bytes()].concat()
}
