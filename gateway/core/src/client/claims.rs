//! What the token of an identity provider says of a user (OpenID Connect Core 1.0, section 2; RFC 7519).
//!
//! Decides whose token it says that it is, whom it is for and when it counts. Must never verify a signature, nor be believed
//! before somebody has: the shell does that, with a key of the issuer that the token names.

use proto_types::{TaskOwner, WallMs, base64url, json};
use serde_json::{Map, Value};

use super::Refused;

/// What clocks may differ by.
const LEEWAY_S: u64 = 60;

/// What a token says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claims {
    issuer: String,
    subject: String,
    audiences: Vec<String>,
    expires_s: u64,
    not_before_s: Option<u64>,
}

/// Whose token this says that it is, if it is one at all. Nobody has verified it: good for finding keys, and for nothing else.
#[must_use]
pub fn unverified_issuer(token: &str) -> Option<String> {
    text(&payload(token)?, "iss")
}

fn payload(token: &str) -> Option<Map<String, Value>> {
    let mut parts = token.split('.');
    let (_header, payload) = (parts.next()?, parts.next()?);
    let (_signature, None) = (parts.next()?, parts.next()) else { return None };
    // A text that two readers may read differently is no token.
    match json::parse(&base64url::decode(payload).ok()?).ok()? {
        Value::Object(members) => Some(members),
        _ => None,
    }
}

fn text(members: &Map<String, Value>, name: &str) -> Option<String> {
    members.get(name)?.as_str().map(str::to_owned)
}

impl Claims {
    /// Reads a token whose signature has been verified. `iss`, `sub`, `aud` and `exp` must be there; times are whole seconds.
    ///
    /// # Errors
    /// [`Refused::Form`].
    pub fn of(token: &str) -> Result<Self, Refused> {
        payload(token).and_then(|members| Self::read(&members)).ok_or(Refused::Form)
    }

    fn read(members: &Map<String, Value>) -> Option<Self> {
        let audiences = match members.get("aud")? {
            Value::String(one) => vec![one.clone()],
            Value::Array(several) => {
                let texts = several.iter().map(|one| one.as_str().map(str::to_owned));
                texts.collect::<Option<_>>()?
            }
            _ => return None,
        };
        let not_before_s = match members.get("nbf") {
            None => None,
            Some(stated) => Some(stated.as_u64()?),
        };
        let expires_s = members.get("exp")?.as_u64()?;
        let (issuer, subject) = (text(members, "iss")?, text(members, "sub")?);
        Some(Self { issuer, subject, audiences, expires_s, not_before_s })
    }

    /// Whether it is of this issuer, for this audience, and good now.
    ///
    /// # Errors
    /// The first thing that does not hold.
    pub fn check(&self, issuer: &str, audience: &str, now: WallMs) -> Result<(), Refused> {
        if self.issuer != issuer {
            return Err(Refused::Issuer);
        }
        if !self.audiences.iter().any(|one| one == audience) {
            return Err(Refused::Audience);
        }
        if self.expires_s.saturating_add(LEEWAY_S) <= now.secs() {
            return Err(Refused::Expired);
        }
        match self.not_before_s {
            Some(begin) if begin > now.secs().saturating_add(LEEWAY_S) => Err(Refused::Early),
            _ => Ok(()),
        }
    }

    /// The user as the owner of tasks. No issuer has a `#` in its name, so that no two users have one name.
    ///
    /// # Errors
    /// [`Refused::Subject`]: there is none, it is too long, or it has control characters.
    pub fn owner(&self) -> Result<TaskOwner, Refused> {
        if self.subject.is_empty() || self.issuer.contains('#') {
            return Err(Refused::Subject);
        }
        let owner = TaskOwner::parse(&format!("user:{}#{}", self.issuer, self.subject));
        owner.map_err(|_| Refused::Subject)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use serde_json::json;

    use super::*;

    const ISSUER: &str = "https://idp.example";

    fn token(payload: &str) -> String {
        format!("e30.{}.c2ln", base64url::encode(payload.as_bytes()))
    }

    fn said() -> Value {
        json!({"iss": ISSUER, "sub": "ada", "aud": "gateway", "exp": 1_000})
    }

    fn with(name: &str, value: Value) -> Result<Claims, Refused> {
        let mut said = said();
        said[name] = value;
        Claims::of(&token(&said.to_string()))
    }

    fn check(claims: &Claims, now_s: u64) -> Result<(), Refused> {
        claims.check(ISSUER, "gateway", WallMs::from_secs(now_s))
    }

    #[test]
    fn a_token_is_for_its_audience_and_its_time_give_or_take_a_minute() {
        let claims = with("nbf", json!(500)).unwrap();
        for (now_s, held) in [
            (439, Err(Refused::Early)),
            (440, Ok(())),
            (1_059, Ok(())),
            (1_060, Err(Refused::Expired)),
        ] {
            assert_eq!(check(&claims, now_s), held, "{now_s}");
        }
        let several = with("aud", json!(["other", "gateway"])).unwrap();
        assert_eq!(check(&several, 999), Ok(()));
        for other in [json!("other"), json!([]), json!(["gateway2"])] {
            assert_eq!(check(&with("aud", other).unwrap(), 999), Err(Refused::Audience));
        }
        let foreign = with("iss", json!("https://idp.example/")).unwrap();
        assert_eq!(check(&foreign, 999), Err(Refused::Issuer));
    }

    #[test]
    fn what_is_missing_or_has_two_readings_is_no_token() {
        for name in ["iss", "sub", "aud", "exp"] {
            let mut said = said();
            said.as_object_mut().unwrap().remove(name);
            assert_eq!(Claims::of(&token(&said.to_string())), Err(Refused::Form), "{name}");
        }
        for (name, value) in [
            ("exp", json!("1000")),
            ("exp", json!(-1)),
            ("exp", json!(1.5)),
            ("nbf", json!("now")),
            ("aud", json!([1])),
            ("aud", json!(null)),
            ("sub", json!(7)),
        ] {
            assert_eq!(with(name, value.clone()), Err(Refused::Form), "{name} {value}");
        }
        let twice = r#"{"iss":"https://idp.example","iss":"https://other.example"}"#;
        assert_eq!(unverified_issuer(&token(twice)), None);
        for text in ["", "a", "a.b", "a.b.c", "e30.e30.c2ln.x", "e30.W10.c2ln"] {
            assert_eq!(unverified_issuer(text), None, "{text}");
        }
        assert_eq!(unverified_issuer(&token(&said().to_string())).as_deref(), Some(ISSUER));
    }

    #[test]
    fn a_user_is_named_with_its_issuer_and_a_name_that_could_be_anothers_is_refused() {
        let owner = |sub: &str| with("sub", json!(sub)).unwrap().owner().map(String::from);
        assert_eq!(owner("ada").unwrap(), "user:https://idp.example#ada");
        assert_eq!(owner("a#b").unwrap(), "user:https://idp.example#a#b");
        let longest = "x".repeat(TaskOwner::LEN_MAX - "user:https://idp.example#".len());
        assert!(owner(&longest).is_ok());
        for bad in ["", "a\nb", &format!("{longest}x")] {
            assert_eq!(owner(bad), Err(Refused::Subject), "{bad:?}");
        }
        let split = with("iss", json!("https://idp.example#a")).unwrap();
        assert_eq!(split.owner(), Err(Refused::Subject));
    }
}
