//! Tokens that are signed with a secret which both sides know (HS256), as instances of Pilox mint them by default.
//!
//! Decides their form, as strictly as that of others. Must never be read as a token that a key has signed, nor the reverse: the
//! two have no type in common before they are verified. It verifies nothing itself: whoever holds the secrets computes the MAC.

use serde_json::{Map, Value};

use super::{Claims, Kind, LEN_MAX, Refusal, segments};
use crate::base64url;
use crate::jose::Header;
use crate::json;
use crate::origin::Origin;

/// What every instance of Pilox calls itself in a token of this kind.
const PILOX: &str = "pilox-mesh-federation";

/// A well-formed token that says it is signed with a shared secret.
#[derive(Clone)]
pub struct SharedToken {
    issuer: SharedIssuer,
    members: Map<String, Value>,
    /// `header "." claims`: what is signed.
    signed: String,
    mac: [u8; 32],
}

/// Who such a token claims to come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SharedIssuer {
    /// This peer.
    Peer(Origin),
    /// Some instance of Pilox: which one it is, only its secret says.
    Pilox,
}

impl SharedToken {
    /// Reads a token whose header says HS256. `None` for any other text: what is wrong with that, if anything is,
    /// [`Unverified`](super::Unverified) says.
    ///
    /// # Errors
    /// The first thing that is wrong, within.
    pub fn parse(text: &str) -> Option<Result<Self, Refusal>> {
        if text.len() > LEN_MAX {
            return None;
        }
        let (header, _) = text.split_once('.')?;
        let typ = Header::typ_of_hs256(header).ok()?;
        Some(Self::read(text, typ.as_deref()))
    }

    fn read(text: &str, typ: Option<&str>) -> Result<Self, Refusal> {
        let [header, claims, mac] = segments(text)?;
        let claims_json = base64url::decode(claims).map_err(|_| Refusal::Base64)?;
        let mac = base64url::decode(mac).map_err(|_| Refusal::Base64)?;
        if Kind::of_typ(typ)? != Kind::Plain {
            return Err(Refusal::Type);
        }
        let Ok(Value::Object(members)) = json::parse(&claims_json) else {
            return Err(Refusal::ClaimsJson);
        };
        Ok(Self {
            issuer: issuer(&members)?,
            members,
            signed: text[..header.len() + 1 + claims.len()].to_owned(),
            mac: mac.try_into().map_err(|_| Refusal::BadSignature)?,
        })
    }

    /// Who it claims to come from: good for finding the secret, no more.
    #[must_use]
    pub const fn issuer(&self) -> &SharedIssuer {
        &self.issuer
    }

    /// What the MAC is over.
    #[must_use]
    pub fn signed(&self) -> &[u8] {
        self.signed.as_bytes()
    }

    /// HMAC-SHA-256 of it, as the token says.
    #[must_use]
    pub const fn mac(&self) -> &[u8; 32] {
        &self.mac
    }

    /// What it says, once its MAC holds by the secret of this peer: the claims are the peer's then, whatever the token calls it.
    /// Whether they are for us and for now is [`Claims::check`].
    ///
    /// # Errors
    /// The first claim that is wrong.
    pub fn into_claims(self, peer: &Origin) -> Result<Claims, Refusal> {
        let mut members = self.members;
        members.insert("iss".to_owned(), peer.as_str().into());
        Claims::of(Kind::Plain, &members)
    }
}

impl std::fmt::Debug for SharedToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SharedToken({:?})", self.issuer)
    }
}

fn issuer(members: &Map<String, Value>) -> Result<SharedIssuer, Refusal> {
    let malformed = Refusal::ClaimMalformed { name: "iss" };
    match members.get("iss") {
        None => Err(Refusal::ClaimMissing { name: "iss" }),
        Some(Value::String(text)) if text == PILOX => Ok(SharedIssuer::Pilox),
        Some(Value::String(text)) => {
            Origin::parse(text).map(SharedIssuer::Peer).map_err(|_| malformed)
        }
        Some(_) => Err(malformed),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::token::Unverified;

    const HS256: &str = r#"{"alg":"HS256","typ":"JWT"}"#;

    fn token(header: &str, claims: &Value, mac: &[u8]) -> String {
        let [header, claims] =
            [header, &claims.to_string()].map(|it| base64url::encode(it.as_bytes()));
        format!("{header}.{claims}.{}", base64url::encode(mac))
    }

    fn claims(iss: &str) -> Value {
        json!({
            "iss": iss, "sub": "federation-peer", "jti": "j-1", "iat": 10, "exp": 20,
            "aud": "https://b.example",
        })
    }

    #[test]
    fn what_pilox_mints_is_read_and_becomes_the_peers_whose_secret_has_signed_it() {
        let peer = Origin::parse("https://a.example").unwrap();
        for (iss, issuer) in
            [(PILOX, SharedIssuer::Pilox), ("https://a.example", SharedIssuer::Peer(peer.clone()))]
        {
            let text = token(HS256, &claims(iss), &[7; 32]);
            let read = SharedToken::parse(&text).unwrap().unwrap();
            assert_eq!((read.issuer(), read.mac()), (&issuer, &[7; 32]));
            assert_eq!(read.signed(), text.rsplit_once('.').unwrap().0.as_bytes());
            let claims = read.into_claims(&peer).unwrap();
            assert_eq!((&claims.iss, claims.jti.as_str()), (&peer, "j-1"));
            assert!(Unverified::parse(&text).is_err(), "it is no token of a key");
        }
    }

    #[test]
    fn a_token_that_names_another_algorithm_is_none_of_these() {
        for header in [
            r#"{"alg":"EdDSA","typ":"JWT"}"#,
            r#"{"alg":"none","typ":"JWT"}"#,
            r#"{"alg":"hs256","typ":"JWT"}"#,
            r#"{"alg":"HS512","typ":"JWT"}"#,
            r#"{"alg":"HS256","typ":"JWT","jku":"https://x.example"}"#,
            r#"{"alg":"HS256","typ":"JWT","crit":["x"]}"#,
            "{",
        ] {
            assert!(
                SharedToken::parse(&token(header, &claims(PILOX), &[7; 32])).is_none(),
                "{header}"
            );
        }
        for text in ["", "a", "a.b.c"] {
            assert!(SharedToken::parse(text).is_none(), "{text}");
        }
    }

    #[test]
    fn what_is_wrong_within_is_named() {
        let bound = r#"{"alg":"HS256","typ":"ecumene-token+jwt"}"#;
        let mac = [7; 32];
        for (text, refusal) in [
            (token(bound, &claims(PILOX), &mac), Refusal::Type),
            (token(r#"{"alg":"HS256"}"#, &claims(PILOX), &mac), Refusal::Type),
            (token(HS256, &claims(PILOX), &mac[1..]), Refusal::BadSignature),
            (token(HS256, &json!([]), &mac), Refusal::ClaimsJson),
            (token(HS256, &json!({}), &mac), Refusal::ClaimMissing { name: "iss" }),
            (token(HS256, &claims("somebody"), &mac), Refusal::ClaimMalformed { name: "iss" }),
            (format!("{}.x", token(HS256, &claims(PILOX), &mac)), Refusal::Segments),
        ] {
            assert_eq!(SharedToken::parse(&text).unwrap().unwrap_err(), refusal, "{text}");
        }
        let mut open = claims(PILOX);
        open.as_object_mut().unwrap().remove("aud");
        let read = SharedToken::parse(&token(HS256, &open, &mac)).unwrap().unwrap();
        let peer = Origin::parse("https://a.example").unwrap();
        assert_eq!(read.into_claims(&peer), Err(Refusal::ClaimMissing { name: "aud" }));
    }
}
