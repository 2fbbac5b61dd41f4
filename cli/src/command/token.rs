//! Minting federation tokens for the commands that speak as a peer.
//! It decides ids and times of a token; it must never reuse one: each is good for a single request.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::Method;
use proto_types::id::Jti;
use proto_types::token::{Claims, mint as sign};
use proto_types::{Origin, WallMs};
use serde_json::Value;

use crate::args::TokenArgs;
use crate::client::Profile;
use crate::failure::Failure;
use crate::http_call::{Call, fetch_within};
use crate::keyfile;

/// A gateway has its descriptor at hand. As long as a member has for a read.
const DESCRIPTOR_TIMEOUT: Duration = Duration::from_secs(10);

/// A token for one request to the gateway.
pub(crate) async fn mint(profile: &Profile, args: &TokenArgs) -> Result<String, Failure> {
    let key = keyfile::read(&args.key)?;
    let issuer = args.issuer.clone();
    let audience = match &args.audience {
        Some(audience) => audience.clone(),
        None => audience_of(profile).await?,
    };
    let now = now().secs();
    let jti = Jti::parse(&uuid::Uuid::now_v7().to_string()).map_err(Failure::internal)?;
    let claims = Claims::plain(issuer, audience, jti, now, args.life_seconds);
    Ok(sign(&claims, Some(&key.kid), &key.secret))
}

/// The wall clock.
pub(crate) fn now() -> WallMs {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    WallMs(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

/// What the gateway calls itself in its descriptor.
async fn audience_of(profile: &Profile) -> Result<Origin, Failure> {
    let url = format!("{}/.well-known/pilox-mesh.json", profile.gateway());
    let call = Call { method: Method::GET, url: url.clone(), bearer: None, body: Vec::new() };
    let answer = fetch_within(profile, call, DESCRIPTOR_TIMEOUT).await?;
    let descriptor: Value = serde_json::from_slice(&answer).map_err(Failure::internal)?;
    let named = descriptor.get("instanceOrigin").and_then(Value::as_str);
    let named = named.ok_or_else(|| Failure::internal(format!("{url} has no instanceOrigin")))?;
    Origin::normalise(named)
        .map_err(|error| Failure::internal(format!("{url}: instanceOrigin {named}: {error}")))
}
