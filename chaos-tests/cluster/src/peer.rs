//! A peer as another platform would be it: a key, an origin, tokens, A2A calls.
//! It must never use a token twice unless a test asks for just that.

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result};
use proto_types::id::Jti;
use proto_types::path::encode;
use proto_types::token::{Claims, Kind, mint};
use proto_types::{Digest, Kid, Nonce, Origin, SecretKey, base64url};
use proto_wire::registry::v1 as wire;
use serde_json::{Value, json};

use crate::clients::Operator;
use crate::web::{self, Answer};

/// Where the peer's key is when the command line needs it, and the SDK.
pub struct Peer {
    /// Its name.
    pub origin: Origin,
    /// Its key's name.
    pub kid: Kid,
    /// Its key.
    pub key: SecretKey,
    seed: [u8; 32],
}

impl Peer {
    /// A peer with a fresh key.
    ///
    /// # Errors
    /// `origin` is none.
    pub fn new(origin: &str) -> Result<Self> {
        Self::from_seed(origin, rand::random())
    }

    /// A peer with the key of this seed.
    ///
    /// # Errors
    /// `origin` is none.
    pub fn from_seed(origin: &str, seed: [u8; 32]) -> Result<Self> {
        let kid = Kid::parse("k1")?;
        Ok(Self { origin: Origin::parse(origin)?, kid, key: SecretKey::from_seed(&seed), seed })
    }

    /// Writes the key as the command line reads it: a private JWK, mode 0600.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn write_key(&self, path: &Path) -> Result<()> {
        use std::os::unix::fs::PermissionsExt;
        let x = base64url::encode(self.key.public().as_bytes());
        let d = base64url::encode(&self.seed);
        let jwk =
            json!({ "kty": "OKP", "crv": "Ed25519", "kid": self.kid.as_str(), "x": x, "d": d });
        std::fs::write(path, jwk.to_string())?;
        Ok(std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?)
    }

    /// Enrols it, by the operator.
    ///
    /// # Errors
    /// The registry refuses.
    pub async fn enrol(&self, operator: &Operator) -> Result<()> {
        let message = format!("ecumene/enrolment\0{}\0{}", self.origin, self.kid);
        let request = wire::EnrolPeerRequest {
            origin: self.origin.to_string(),
            keys: vec![wire::Key {
                kid: self.kid.to_string(),
                public_key_hex: self.key.public().to_hex(),
                ..Default::default()
            }],
            join_token: String::new(),
            proofs: vec![self.key.sign(message.as_bytes()).to_vec().into()],
            ..Default::default()
        };
        operator.directory.clone().enrol_peer(request).await.context("the peer is not enrolled")?;
        Ok(())
    }

    /// A fresh token for one request to `audience`.
    ///
    /// # Errors
    /// `audience` is no origin.
    pub fn token(&self, audience: &str) -> Result<String> {
        self.token_of(audience, 60)
    }

    /// The same that lives for so many seconds: 300 at most.
    ///
    /// # Errors
    /// `audience` is no origin.
    pub fn token_of(&self, audience: &str, life_s: u64) -> Result<String> {
        let now = now_ms() / 1_000;
        let jti = Jti::parse(&uuid::Uuid::now_v7().to_string())?;
        let claims = Claims::plain(self.origin.clone(), Origin::parse(audience)?, jti, now, life_s);
        Ok(mint(&claims, Some(&self.kid), &self.key))
    }

    /// A fresh token for one POST of this body to a path of `audience`, bound to a nonce that it has given.
    ///
    /// # Errors
    /// `audience` is no origin, or the nonce none.
    pub fn bound_token(
        &self,
        audience: &str,
        nonce: &str,
        path: &str,
        body: &[u8],
    ) -> Result<String> {
        let jti = Jti::parse(&uuid::Uuid::now_v7().to_string())?;
        let (own, now) = (self.origin.clone(), now_ms() / 1_000);
        let claims = Claims {
            kind: Kind::Bound,
            nonce: Some(Nonce::parse(nonce)?),
            htm: Some("POST".to_owned()),
            htu: Some(format!("{audience}{path}")),
            bd: Some(Digest::of(body)),
            ..Claims::plain(own, Origin::parse(audience)?, jti, now, 60)
        };
        Ok(mint(&claims, Some(&self.kid), &self.key))
    }

    /// One JSON-RPC call to an agent of a gateway, with a fresh token.
    ///
    /// # Errors
    /// Nobody answers in time.
    pub async fn rpc(
        &self,
        gateway: &str,
        agent: &str,
        method: &str,
        params: Value,
    ) -> Result<Answer> {
        let body = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
        let token = self.token(gateway)?;
        web::post(&format!("{gateway}/agents/{}", encode(agent)), Some(&token), &body).await
    }

    /// SendMessage to an agent of a gateway, with a fresh token, as a part of this trace.
    ///
    /// # Errors
    /// Nobody answers in time.
    pub async fn traced(
        &self,
        gateway: &str,
        agent: &str,
        params: Value,
        traceparent: &str,
    ) -> Result<Answer> {
        let body = json!({ "jsonrpc": "2.0", "id": 1, "method": "SendMessage", "params": params });
        let (url, token) = (format!("{gateway}/agents/{}", encode(agent)), self.token(gateway)?);
        web::post_traced(&url, &token, &body, traceparent).await
    }
}

/// The wall clock, in milliseconds.
#[must_use]
pub fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// The parameters of SendMessage with one text and, maybe, a work factor for the text agent.
#[must_use]
pub fn message(text: &str, repeat: Option<u32>) -> Value {
    let mut parts = vec![json!({ "text": text })];
    parts.extend(repeat.map(|repeat| json!({ "data": { "repeat": repeat } })));
    json!({ "message": { "messageId": uuid::Uuid::now_v7().to_string(), "role": "ROLE_USER", "parts": parts } })
}
