//! Signatures on cards: flattened JWS with a detached payload (A2A 1.0, 8.4).
//!
//! Decides whether a key that *we* chose has signed a card, and in which form. Must never fetch or
//! trust a key that the card or its header names: `jku` is read over.

use std::cell::OnceCell;

use serde_json::Value;

use super::canonical::{self, CanonicalForm};
use super::{Card, Invalid, members};
use crate::id::Kid;
use crate::jose::{self, Algorithm, Header};
use crate::key::{AnyKey, Signer};
use crate::schema::{Problem, SchemaError};
use crate::{base64url, json};

/// More signatures than a card needs; each costs up to two verifications. Arbitrary.
pub const SIGNATURES_MAX: usize = 16;

/// `typ` of the headers that we make (8.4.2: SHOULD).
const TYP: &str = "JOSE";

/// Who has signed, and which bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// The name of the key.
    pub kid: Kid,
    /// The key.
    pub key: AnyKey,
    /// [`CanonicalForm::PythonSdk`] only if the two forms of this card differ: it then has empty
    /// members, which nobody has signed.
    pub form: CanonicalForm,
}

/// Why no signature on a card counts.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// There is none.
    #[error("the card is not signed")]
    Unsigned,
    /// There are too many.
    #[error("{found} signatures, but at most {SIGNATURES_MAX} are allowed")]
    TooMany {
        /// How many.
        found: usize,
    },
    /// A key that we know has not signed this card: it is damaged or forged.
    #[error("the signature by {kid} does not verify")]
    BadSignature {
        /// The key's name.
        kid: Kid,
    },
    /// The signature is none of either algorithm. ES256 is r and s, not the DER of X.509.
    #[error("the signature by {kid} is not 64 bytes in base64url")]
    SignatureForm {
        /// The key's name.
        kid: Kid,
    },
    /// A key that we know is of another algorithm than the header says.
    #[error("the header says {alg}, which is not the algorithm of the key {kid}")]
    KeyAlgorithm {
        /// The key's name.
        kid: Kid,
        /// What the header says.
        alg: Algorithm,
    },
    /// No signature is by a key that we know.
    #[error("no signature is by a known key, the first is by {kid}")]
    UnknownKey {
        /// The first name.
        kid: Kid,
    },
    /// No header is one that we accept.
    #[error("the header of signature {at} is refused: {source}")]
    Header {
        /// The first such.
        at: usize,
        /// Why.
        #[source]
        source: jose::Error,
    },
}

/// Why a card is not signed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignError {
    /// It has empty strings, lists or objects: SDKs would not cover them, so that they could be
    /// removed or filled in. The JSON pointers.
    #[error("these members are empty: {}", .0.join(", "))]
    Empty(Vec<String>),
    /// It has members that A2A does not name: SDKs drop them before they verify, so that no signature
    /// that covers them holds there. The JSON pointers.
    #[error("A2A names no such members: {}", .0.join(", "))]
    Unknown(Vec<String>),
    /// It has a number that the signed form cannot hold.
    #[error("the card cannot be signed: {0}")]
    Number(json::Error),
    /// Signed, it is not a card.
    #[error("not a card")]
    Invalid(#[from] Invalid),
}

/// Looks for a signature by a key that `keys` knows under its name. One that holds is enough: a
/// card may carry others, by keys and algorithms that we do not know.
///
/// # Errors
/// None holds; of the reasons the one that says most.
pub fn verify(card: &Card, keys: &dyn Fn(&Kid) -> Option<AnyKey>) -> Result<Verified, Error> {
    let signatures = card.raw()["signatures"].as_array().map_or(&[][..], Vec::as_slice);
    if signatures.is_empty() {
        return Err(Error::Unsigned);
    }
    if signatures.len() > SIGNATURES_MAX {
        return Err(Error::TooMany { found: signatures.len() });
    }
    let payloads = Payloads::of(card);
    let mut refused: Option<Error> = None;
    for (at, signature) in signatures.iter().enumerate() {
        match verify_one(at, signature, &payloads, keys) {
            Ok(verified) => return Ok(verified),
            Err(error) if refused.as_ref().is_none_or(|known| weight(&error) > weight(known)) => {
                refused = Some(error);
            }
            Err(_) => {}
        }
    }
    Err(refused.unwrap_or(Error::Unsigned))
}

/// Signs a card in the specification's form, beside the signatures that it has. The result's bytes
/// are the canonical form of the whole.
///
/// # Errors
/// See [`SignError`].
pub fn sign(card: &Value, kid: &Kid, key: &dyn Signer) -> Result<Card, SignError> {
    let empties = canonical::empty_members(card);
    if !empties.is_empty() {
        return Err(SignError::Empty(empties));
    }
    let version = super::generation(card);
    let unknown = members::unknown(card, version);
    if !unknown.is_empty() {
        return Err(SignError::Unknown(unknown));
    }
    canonical::check_numbers(card).map_err(SignError::Number)?;
    let bytes = canonical::bytes(card, version, CanonicalForm::Rfc8785);
    let (alg, typ) = (key.public().algorithm(), Some(TYP.to_owned()));
    let protected = Header { alg, typ, kid: Some(kid.clone()) }.encode();
    let signature = key.sign(&signing_input(&protected, &base64url::encode(&bytes)));
    let signature = serde_json::json!({
        "protected": protected,
        "signature": base64url::encode(&signature),
    });
    let mut whole = card.clone();
    let members = whole.as_object_mut().ok_or_else(not_an_object)?;
    match members.entry("signatures").or_insert_with(|| Value::Array(Vec::new())) {
        Value::Array(signatures) => signatures.push(signature),
        other => *other = Value::Array(vec![signature]),
    }
    Ok(Card::parse(&json::canonical(&whole))?)
}

fn not_an_object() -> Invalid {
    Invalid::Schema(vec![SchemaError { path: String::new(), problem: Problem::Type("an object") }])
}

/// The base64url payloads to try. Each is made when a known key first needs it, and once for all signatures.
struct Payloads<'a> {
    card: &'a Card,
    specified: OnceCell<String>,
    stripped: OnceCell<Option<String>>,
}

impl<'a> Payloads<'a> {
    const fn of(card: &'a Card) -> Self {
        Self { card, specified: OnceCell::new(), stripped: OnceCell::new() }
    }

    fn make(&self, form: CanonicalForm) -> String {
        let version = self.card.view().card_version;
        base64url::encode(&canonical::bytes(self.card.raw(), version, form))
    }

    /// That of the specification.
    fn specified(&self) -> &str {
        self.specified.get_or_init(|| self.make(CanonicalForm::Rfc8785))
    }

    /// That of the Python SDK; `None` if it is the same.
    fn stripped(&self) -> Option<&str> {
        let made = self.stripped.get_or_init(|| {
            Some(self.make(CanonicalForm::PythonSdk)).filter(|it| it != self.specified())
        });
        made.as_deref()
    }

    /// The first form in which the payload is one that was signed.
    fn signed_form(&self, is_signed: impl Fn(&str) -> bool) -> Option<CanonicalForm> {
        if is_signed(self.specified()) {
            return Some(CanonicalForm::Rfc8785);
        }
        self.stripped().filter(|it| is_signed(it)).map(|_| CanonicalForm::PythonSdk)
    }
}

fn verify_one(
    at: usize,
    signature: &Value,
    payloads: &Payloads<'_>,
    keys: &dyn Fn(&Kid) -> Option<AnyKey>,
) -> Result<Verified, Error> {
    // `Card::parse` has checked that both are texts. The unprotected `header` is not looked at.
    let protected = signature["protected"].as_str().unwrap_or_default();
    let (alg, kid) = read_header(protected).map_err(|source| Error::Header { at, source })?;
    let Some(key) = keys(&kid) else { return Err(Error::UnknownKey { kid }) };
    if alg != key.algorithm() {
        return Err(Error::KeyAlgorithm { kid, alg });
    }
    let value = signature["signature"].as_str().unwrap_or_default();
    let Ok(value) = base64url::decode_array::<64>(value) else {
        return Err(Error::SignatureForm { kid });
    };
    let is_signed = |payload: &str| key.verify(&signing_input(protected, payload), &value).is_ok();
    match payloads.signed_form(is_signed) {
        Some(form) => Ok(Verified { kid, key, form }),
        None => Err(Error::BadSignature { kid }),
    }
}

/// `alg` and `kid` MUST be there; `typ` may be and is only SHOULD be `JOSE`, so any text will do: what is
/// signed is a card by its form, and no token or document of ours has that. `jku` may be there, and is
/// not followed.
fn read_header(protected: &str) -> Result<(Algorithm, Kid), jose::Error> {
    let bytes = base64url::decode(protected).map_err(|_| jose::Error::Base64)?;
    let Value::Object(members) = json::parse(&bytes).map_err(jose::Error::Json)? else {
        return Err(jose::Error::NotAnObject);
    };
    for name in members.keys() {
        match name.as_str() {
            "alg" | "kid" | "typ" | "jku" => {}
            "crit" | "b64" => return Err(jose::Error::Critical),
            "jwk" | "x5u" | "x5c" | "x5t" | "x5t#S256" => return Err(jose::Error::KeyReference),
            _ => return Err(jose::Error::UnknownMember),
        }
    }
    let text = |name: &str| members.get(name).and_then(Value::as_str);
    let alg = text("alg").and_then(Algorithm::named).ok_or(jose::Error::UnknownAlgorithm)?;
    if members.contains_key("typ") && text("typ").is_none() {
        return Err(jose::Error::Type);
    }
    let kid = text("kid").and_then(|kid| Kid::parse(kid).ok()).ok_or(jose::Error::Kid)?;
    Ok((alg, kid))
}

fn signing_input(protected: &str, payload: &str) -> Vec<u8> {
    [protected.as_bytes(), b".", payload.as_bytes()].concat()
}

/// How much an error says: one about a known key most.
fn weight(error: &Error) -> u8 {
    match error {
        Error::Unsigned | Error::TooMany { .. } => 0,
        Error::Header { .. } => 1,
        Error::UnknownKey { .. } => 2,
        Error::BadSignature { .. } | Error::SignatureForm { .. } | Error::KeyAlgorithm { .. } => 3,
    }
}
