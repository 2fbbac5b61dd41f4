//! Peers that share a secret with this gateway, and the tokens that they sign with it (HS256).
//!
//! Decides whose such a token is: the peer's whose secret it was signed with. Must never take one of a peer that the operator has
//! not named, verify one with a key, nor hold a secret where it could be printed. Everything else of a token is checked as that
//! of any other is (`admit.rs`).

use std::fmt;
use std::sync::Arc;

use hmac::{Hmac, KeyInit as _, Mac as _};
use proto_types::token::{Refusal, SharedIssuer, SharedToken};
use proto_types::{Origin, WallMs};
use sha2::Sha256;

use crate::admit::{Config, Permit};
use crate::credential::Credential;
use crate::denial::Denial;
use crate::peers::Peers;

/// The shortest secret, in bytes: as many as the MAC has (RFC 7518, section 3.2).
pub const SECRET_LEN_MIN: usize = 32;

/// The peers that may, each with its secret; nobody by default.
#[derive(Clone, Debug, Default)]
pub struct SharedSecrets(Vec<SharedSecret>);

#[derive(Clone)]
struct SharedSecret {
    peer: Origin,
    key: Hmac<Sha256>,
}

impl SharedSecrets {
    /// These peers with these secrets, each of [`SECRET_LEN_MIN`] bytes at least and no two the same: the caller has checked it.
    #[must_use]
    pub fn new(secrets: impl IntoIterator<Item = (Origin, String)>) -> Self {
        let secrets = secrets.into_iter().map(|(peer, secret)| {
            let key = Hmac::<Sha256>::new_from_slice(secret.as_bytes());
            SharedSecret { peer, key: key.expect("HMAC takes keys of any length") }
        });
        Self(secrets.collect())
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Checks a credential that says it is signed with a shared secret. `None` for any other, and for one of a peer that is
    /// not named: those are refused where tokens of keys are read, before anything is looked up.
    ///
    /// # Errors
    /// Within: the first thing that does not hold.
    pub fn admit(
        &self,
        peers: &Peers,
        config: &Config,
        credential: Credential<'_>,
        now: WallMs,
    ) -> Option<Result<Permit, Denial>> {
        if self.is_empty() {
            return None;
        }
        let token = match SharedToken::parse(credential.as_str())? {
            Ok(token) => token,
            Err(refusal) => return Some(Err(refusal.into())),
        };
        let may_be = |secret: &&SharedSecret| match token.issuer() {
            SharedIssuer::Peer(origin) => secret.peer == *origin,
            SharedIssuer::Pilox => true,
        };
        let mut candidates = self.0.iter().filter(may_be).peekable();
        candidates.peek()?;
        let signer = candidates.find(|secret| secret.has_signed(&token));
        let signer = signer.map(|secret| secret.peer.clone());
        Some(match signer {
            Some(peer) => permit(peers, config, (&peer, token), now),
            None => Err(Refusal::BadSignature.into()),
        })
    }
}

/// Of a token that this peer's secret has signed.
fn permit(
    peers: &Peers,
    config: &Config,
    (peer, token): (&Origin, SharedToken),
    now: WallMs,
) -> Result<Permit, Denial> {
    let peer = peers.find(peer).ok_or(Denial::IssuerUnknown)?;
    if !peer.active {
        return Err(Denial::IssuerRevoked);
    }
    let claims = token.into_claims(&peer.origin)?;
    claims.check_living(&config.audience, now, peer.token_life_s_max)?;
    Ok(Permit {
        holder: None,
        replay_key: claims.replay_key(),
        remember_until: claims.dead_at(),
        peer: Arc::clone(peer),
        key: None,
        claims,
    })
}

impl SharedSecret {
    /// The comparison takes as long whatever the MAC is.
    fn has_signed(&self, token: &SharedToken) -> bool {
        let mac = self.key.clone().chain_update(token.signed());
        mac.verify_slice(token.mac()).is_ok()
    }
}

impl fmt::Debug for SharedSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SharedSecret({})", self.peer.as_str())
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use proto_types::token::{Claims, mint};
    use proto_types::{Jti, Kid, Revision, SecretKey, base64url};
    use serde_json::json;

    use super::*;
    use crate::admit::admit;
    use crate::peers::{Key, Peer};

    const NOW: WallMs = WallMs::from_secs(1_800_000_000);
    const PILOX: &str = "pilox-mesh-federation";
    const SECRET_A: &str = "0123456789abcdef0123456789abcdef";
    const SECRET_R: &str = "fedcba9876543210fedcba9876543210";

    fn origin(name: &str) -> Origin {
        Origin::parse(&format!("https://{name}.example")).unwrap()
    }

    /// `a` and `c` may act, `r` may not.
    fn peers() -> Peers {
        let key =
            || vec![Key::new(Kid::parse("k1").unwrap(), SecretKey::from_seed(&[1; 32]).public())];
        let peer = |name: &str| Peer::new(origin(name), name != "r", key(), Revision(1));
        Peers::default().replaced(["a", "c", "r"].map(peer))
    }

    fn secrets() -> SharedSecrets {
        SharedSecrets::new(
            [("a", SECRET_A), ("r", SECRET_R)]
                .map(|(name, secret)| (origin(name), secret.to_owned())),
        )
    }

    fn token(iss: &str, secret: &str, more: &[(&str, serde_json::Value)]) -> String {
        let now = NOW.secs();
        let mut claims = json!({
            "iss": iss, "sub": "federation-peer", "jti": "j-1", "iat": now, "exp": now + 300,
            "aud": "https://us.example",
        });
        for (name, value) in more {
            claims[*name] = value.clone();
        }
        let [header, claims] = [r#"{"alg":"HS256","typ":"JWT"}"#, &claims.to_string()]
            .map(|text| base64url::encode(text.as_bytes()));
        let signed = format!("{header}.{claims}");
        let mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
        let mac = mac.chain_update(signed.as_bytes()).finalize().into_bytes();
        format!("{signed}.{}", base64url::encode(&mac))
    }

    fn enter(secrets: &SharedSecrets, token: &str) -> Option<Result<Permit, Denial>> {
        let header = [("x-pilox-federation-jwt", token.as_bytes())];
        let credential = Credential::find(header.into_iter()).unwrap();
        secrets.admit(&peers(), &Config { audience: origin("us"), nonces: None }, credential, NOW)
    }

    fn code(token: &str) -> &'static str {
        enter(&secrets(), token).unwrap().map_or_else(|denial| denial.code(), |_| "ok")
    }

    #[test]
    fn a_token_is_the_peers_whose_secret_has_signed_it_under_its_name_or_that_of_pilox() {
        for iss in [PILOX, "https://a.example"] {
            let permit = enter(&secrets(), &token(iss, SECRET_A, &[])).unwrap().unwrap();
            assert_eq!((&permit.peer.origin, permit.key), (&origin("a"), None));
            let plain = Claims::plain(
                origin("a"),
                origin("us"),
                Jti::parse("j-1").unwrap(),
                NOW.secs(),
                300,
            );
            assert_eq!(permit.replay_key, plain.replay_key(), "as any other token of the peer");
            assert_eq!(permit.remember_until, NOW.plus_ms(360_000));
            assert_eq!(permit.caller().origin(), Some(&origin("a")));
            assert_eq!(permit.caller().check(&peers(), NOW), Ok(()));
        }
    }

    #[test]
    fn everything_else_is_checked_as_of_any_token() {
        let now = NOW.secs();
        for (name, value, refused) in [
            ("aud", json!("https://x.example"), "token_aud"),
            ("exp", json!(now + 301), "token_lifetime"),
            ("exp", json!(now - 61), "token_expired"),
            ("iat", json!(now + 61), "token_issued_ahead"),
            ("sub", json!("user"), "token_sub"),
            ("jti", json!(""), "token_claim_malformed"),
        ] {
            assert_eq!(code(&token(PILOX, SECRET_A, &[(name, value)])), refused, "{name}");
        }
        assert_eq!(code(&token(PILOX, SECRET_R, &[])), "issuer_revoked");
        let suspended = SharedSecrets::new([(origin("x"), SECRET_A.to_owned())]);
        let unknown = enter(&suspended, &token(PILOX, SECRET_A, &[])).unwrap();
        assert_eq!(unknown.unwrap_err(), Denial::IssuerUnknown);
    }

    #[test]
    fn no_secret_speaks_for_another_peer_and_no_key_is_a_secret() {
        let other = "00000000000000000000000000000000";
        assert_eq!(code(&token(PILOX, other, &[])), "token_signature");
        assert_eq!(code(&token("https://a.example", SECRET_R, &[])), "token_signature");
        // Attack case 1: the public key, whose bytes everybody knows.
        let public = SecretKey::from_seed(&[1; 32]).public().to_hex();
        assert_eq!(code(&token("https://a.example", &public, &[])), "token_signature");
        // Of a peer that is not named, and where nobody is: as before.
        assert!(enter(&secrets(), &token("https://c.example", SECRET_A, &[])).is_none());
        assert!(enter(&SharedSecrets::default(), &token(PILOX, SECRET_A, &[])).is_none());
        let claims =
            Claims::plain(origin("a"), origin("us"), Jti::parse("j-2").unwrap(), NOW.secs(), 300);
        let signed = mint(&claims, None, &SecretKey::from_seed(&[1; 32]));
        assert!(enter(&secrets(), &signed).is_none(), "its keys count as ever");
        let header = [("x-pilox-federation-jwt", signed.as_bytes())];
        let credential = Credential::find(header.into_iter()).unwrap();
        assert!(
            admit(&peers(), &Config { audience: origin("us"), nonces: None }, credential, NOW)
                .is_ok()
        );
        assert!(!format!("{:?}", secrets()).contains(SECRET_A));
    }
}
