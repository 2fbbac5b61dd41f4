//! The claims of a federation token: their types, and what they must say to us now.
//!
//! Decides audience, times and the binding to one request. Must never compare audiences in any way
//! but as normal origins, and never forgive more than the stated skew (attack cases 7, 8, 9).

use serde::Serialize;
use serde_json::{Map, Value};

use super::{Kind, Refusal};
use crate::base64url;
use crate::digest::Digest;
use crate::id::{Jti, Nonce};
use crate::json::{self, INTEGER_MAX};
use crate::origin::Origin;
use crate::time::WallMs;

/// The only subject: a peer speaking for itself.
const SUBJECT: &str = "federation-peer";

/// The longest `htm`. The longest registered method, `UPDATEREDIRECTREF`, has 17 letters.
const METHOD_LEN_MAX: usize = 32;

/// What the issuer says. Times are in seconds since the epoch, as in a JWT.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Claims {
    /// Which of the two kinds it is; in the header, not in the claims.
    #[serde(skip)]
    pub kind: Kind,
    /// The sender.
    pub iss: Origin,
    /// Always `federation-peer`.
    pub sub: Subject,
    /// The single-use name.
    pub jti: Jti,
    /// Issued at.
    pub iat: u64,
    /// Expires at, itself excluded.
    pub exp: u64,
    /// The receiver.
    pub aud: Origin,
    /// Not valid before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nbf: Option<u64>,
    /// From the receiver's `Federation-Nonce` header.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nonce: Option<Nonce>,
    /// The HTTP method that it is good for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub htm: Option<String>,
    /// The URL, without query and fragment, that it is good for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub htu: Option<String>,
    /// The SHA-256 of the body that it is good for; base64url in the token.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "base64url_digest")]
    pub bd: Option<Digest>,
}

/// The subject of every federation token.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub enum Subject {
    /// A peer speaking for itself.
    #[default]
    #[serde(rename = "federation-peer")]
    FederationPeer,
}

impl Claims {
    /// The claims of a plain token (`Kind::Plain`), issued at `iat` for `life_s` seconds.
    #[must_use]
    pub fn plain(iss: Origin, aud: Origin, jti: Jti, iat: u64, life_s: u64) -> Self {
        Self {
            kind: Kind::Plain,
            iss,
            sub: Subject::FederationPeer,
            jti,
            iat,
            exp: iat.saturating_add(life_s),
            aud,
            nbf: None,
            nonce: None,
            htm: None,
            htu: None,
            bd: None,
        }
    }

    pub(super) fn parse(kind: Kind, bytes: &[u8]) -> Result<Self, Refusal> {
        let Ok(Value::Object(members)) = json::parse(bytes) else {
            return Err(Refusal::ClaimsJson);
        };
        Self::of(kind, &members)
    }

    pub(super) fn of(kind: Kind, members: &Map<String, Value>) -> Result<Self, Refusal> {
        let known = |name: &String| KNOWN.contains(&name.as_str());
        if kind == Kind::Bound && !members.keys().all(known) {
            return Err(Refusal::ClaimUnknown);
        }
        let claims = Self {
            kind,
            iss: read(members, "iss", origin)?,
            sub: subject(members)?,
            jti: read(members, "jti", |value| Jti::parse(value.as_str()?).ok())?,
            iat: read(members, "iat", seconds)?,
            exp: read(members, "exp", seconds)?,
            aud: read(members, "aud", origin)?,
            nbf: read_optional(members, "nbf", seconds)?,
            nonce: read_optional(members, "nonce", |value| Nonce::parse(value.as_str()?).ok())?,
            htm: read_optional(members, "htm", method)?,
            htu: read_optional(members, "htu", url)?,
            bd: read_optional(members, "bd", body_digest)?,
        };
        claims.missing_binding().map_or(Ok(()), |name| Err(Refusal::ClaimMissing { name }))?;
        Ok(claims)
    }

    /// The claim without which a bound token would fit more than one request. The nonce is not
    /// among them: its absence has an answer of its own, in [`Claims::check`].
    fn missing_binding(&self) -> Option<&'static str> {
        let present =
            [("htm", self.htm.is_some()), ("htu", self.htu.is_some()), ("bd", self.bd.is_some())];
        let missing = present.into_iter().find(|(_, present)| !present);
        missing.filter(|_| self.kind == Kind::Bound).map(|(name, _)| name)
    }

    /// Whether the token is for `aud` and for `now`: audience, then `exp`, `nbf` and `iat` with the
    /// skew of its kind, then its length of life, then that a bound token has a nonce at all.
    ///
    /// # Errors
    /// The first that does not hold.
    pub fn check(&self, aud: &Origin, now: WallMs) -> Result<(), Refusal> {
        self.check_living(aud, now, 0)
    }

    /// The same for an issuer whose plain tokens an operator lets live for this long, if that is more.
    ///
    /// # Errors
    /// As [`Claims::check`].
    pub fn check_living(&self, aud: &Origin, now: WallMs, allowed_s: u64) -> Result<(), Refusal> {
        if self.aud != *aud {
            return Err(Refusal::Audience);
        }
        let allowed_s = if self.kind == Kind::Plain { allowed_s.min(super::LIFE_S_MAX) } else { 0 };
        let (skew, max_s) = (self.kind.skew_ms(), self.kind.life_s_max().max(allowed_s));
        let end = WallMs::from_secs(self.exp).plus_ms(skew);
        if now >= end {
            return Err(Refusal::Expired { late_ms: now.since(end) });
        }
        let early = |at: u64| WallMs::from_secs(at).since(now.plus_ms(skew));
        let early_ms = early(self.nbf.unwrap_or(0));
        if early_ms > 0 {
            return Err(Refusal::NotYetValid { early_ms });
        }
        let early_ms = early(self.iat);
        if early_ms > 0 {
            return Err(Refusal::IssuedAhead { early_ms });
        }
        let life_s = self.exp.saturating_sub(self.iat);
        if !(1..=max_s).contains(&life_s) {
            return Err(Refusal::Lifetime { life_s, max_s });
        }
        if self.kind == Kind::Bound && self.nonce.is_none() {
            return Err(Refusal::NonceMissing);
        }
        Ok(())
    }

    /// Whether the token is for this request. Binding claims that a plain token states hold too.
    /// `url` is what the client asked for, without query and fragment.
    ///
    /// # Errors
    /// The first that does not hold: method, URL, body.
    pub fn check_request(&self, method: &str, url: &str, body: &Digest) -> Result<(), Refusal> {
        if self.htm.as_deref().is_some_and(|stated| stated != method) {
            return Err(Refusal::Method);
        }
        if self.htu.as_deref().is_some_and(|stated| stated != url) {
            return Err(Refusal::Url);
        }
        if self.bd.is_some_and(|stated| stated != *body) {
            return Err(Refusal::Body);
        }
        Ok(())
    }

    /// What is remembered when the token is spent: SHA-256(iss, 0, jti). Never the signature, of
    /// which one token may have several, nor `jti` alone, which another issuer may choose too.
    #[must_use]
    pub fn replay_key(&self) -> Digest {
        Digest::of_parts(&[self.iss.as_str().as_bytes(), &[0], self.jti.as_str().as_bytes()])
    }

    /// Until when the replay key must be remembered: no check passes from then on.
    #[must_use]
    pub fn dead_at(&self) -> WallMs {
        WallMs::from_secs(self.exp).plus_ms(self.kind.skew_ms())
    }
}

const KNOWN: [&str; 11] =
    ["iss", "sub", "aud", "jti", "iat", "exp", "nbf", "nonce", "htm", "htu", "bd"];

fn read<T>(
    members: &Map<String, Value>,
    name: &'static str,
    parse: impl Fn(&Value) -> Option<T>,
) -> Result<T, Refusal> {
    read_optional(members, name, parse)?.ok_or(Refusal::ClaimMissing { name })
}

fn read_optional<T>(
    members: &Map<String, Value>,
    name: &'static str,
    parse: impl Fn(&Value) -> Option<T>,
) -> Result<Option<T>, Refusal> {
    let Some(value) = members.get(name) else { return Ok(None) };
    parse(value).map(Some).ok_or(Refusal::ClaimMalformed { name })
}

/// A string in the normal form: an array of audiences is refused, whatever is in it.
fn origin(value: &Value) -> Option<Origin> {
    Origin::parse(value.as_str()?).ok()
}

fn subject(members: &Map<String, Value>) -> Result<Subject, Refusal> {
    match members.get("sub") {
        None => Err(Refusal::ClaimMissing { name: "sub" }),
        Some(sub) if sub == SUBJECT => Ok(Subject::FederationPeer),
        Some(_) => Err(Refusal::Subject),
    }
}

/// Whole seconds. RFC 7519 allows fractions, which nobody needs and two readers round differently.
fn seconds(value: &Value) -> Option<u64> {
    value.as_u64().filter(|secs| *secs <= INTEGER_MAX)
}

fn method(value: &Value) -> Option<String> {
    let text = value.as_str()?;
    let plain = (1..=METHOD_LEN_MAX).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'-');
    plain.then(|| text.to_owned())
}

fn url(value: &Value) -> Option<String> {
    let text = value.as_str()?;
    let plain = crate::manifest::is_url(text) && !text.contains(['?', '#']);
    plain.then(|| text.to_owned())
}

fn body_digest(value: &Value) -> Option<Digest> {
    base64url::decode_array(value.as_str()?).ok().map(Digest)
}

fn base64url_digest<S: serde::Serializer>(bd: &Option<Digest>, to: S) -> Result<S::Ok, S::Error> {
    bd.map(|digest| base64url::encode(digest.as_bytes())).serialize(to)
}
