//! What an operator asks about peers, and of them as this instance.
//!
//! Decides with which token a peer is called: one that names it, lives shortly and is sent once. Must never call anybody for
//! whoever has not shown the operator's token, nor log a token; which peer is meant and where it is, `gateway-core` decides.

mod flow;
mod proxy;
mod wan;

use std::sync::Arc;
use std::time::Instant;

use axum::response::Response;
use futures_util::{StreamExt as _, stream};
use gateway_core::federation::{self, Probed, Standing, mesh};
use gateway_core::gcra::Quota;
use gateway_core::{CallError, Failure, push};
use http::{HeaderName, HeaderValue, StatusCode};
use proto_types::token::{Claims, mint};
use proto_types::{Jti, Origin, PublicKey, SecretKey};

use crate::agents::Tagged;
use crate::config::Config;
use crate::gateway::Gateway;
use crate::{clock, descriptor, reply, secrets};

pub(crate) use self::proxy::proxy;
pub(crate) use self::wan::wan_head;

/// How long a token for a peer lives, in seconds. It is sent at once: the rest is for clocks that differ.
const TOKEN_LIFE_S: u64 = 120;
/// Peers that one look goes to: as many as Pilox federates with by default. More would outlast whoever waits for them.
const PROBES_MAX: usize = 512;
/// Peers that are looked at at once. Arbitrary.
const PROBES_AT_ONCE: usize = 32;

/// Without a key nobody is called.
const NO_KEY: Failure = Failure::Call(CallError::NoFederationKey);

/// As whom peers are called, and what they are told of this instance.
pub(crate) struct Federation {
    /// The descriptors under the older name and the newer one, if they are served.
    pub(crate) descriptors: [Option<Tagged>; 2],
    /// The keys by which what this instance signs is verified.
    pub(crate) jwks: Tagged,
    /// Descriptors of others, told to whoever asks.
    bootstrap: Vec<String>,
    key: Option<(Arc<SecretKey>, PublicKey)>,
    /// Where peers read the token: each brand of Pilox has its own header, and a gateway of ours knows both.
    token_header: &'static str,
}

impl Federation {
    /// With the key of this instance, if it has one; in the words of the brand that it shows.
    pub(crate) fn new(config: &Config, own: &Origin, key: Option<Arc<SecretKey>>) -> Self {
        let token_header = match config.brand_pilox {
            true => "X-Pilox-Federation-JWT",
            false => "X-Hive-Federation-JWT",
        };
        let key = key.map(|key| {
            let public = key.public();
            (key, public)
        });
        let public = key.as_ref().map(|(_, public)| public);
        let descriptors = descriptor::served(config, own, public);
        let bootstrap = config.bootstrap_descriptor_urls.clone();
        let jwks = Tagged::new(&push::jwks(public));
        Self { descriptors, jwks, bootstrap, key, token_header }
    }

    /// Whether peers can be called at all.
    pub(crate) fn check(&self) -> Result<(), Failure> {
        if self.key.is_some() { Ok(()) } else { Err(NO_KEY) }
    }

    /// The key of this instance, for what it signs.
    pub(crate) fn signing_key(&self) -> Option<&SecretKey> {
        self.key.as_ref().map(|(key, _)| &**key)
    }

    /// The public half of the key.
    pub(crate) fn public_key(&self) -> Option<&PublicKey> {
        self.key.as_ref().map(|(_, public)| public)
    }

    /// A fresh token from this instance to a peer, and the header that carries it.
    fn token(&self, own: &Origin, peer: &Origin) -> Result<(HeaderName, HeaderValue), Failure> {
        let (key, _) = self.key.as_ref().ok_or(NO_KEY)?;
        let jti = Jti::parse(&secrets::random()).expect("43 characters of base64url are a name");
        let now = clock::wall().secs();
        let claims = Claims::plain(own.clone(), peer.clone(), jti, now, TOKEN_LIFE_S);
        let token = HeaderValue::try_from(mint(&claims, None, key));
        let mut token = token.expect("a token is of base64url and dots");
        token.set_sensitive(true);
        let header = HeaderName::try_from(self.token_header).expect("a header of Pilox is one");
        Ok((header, token))
    }
}

/// The peers that may be called.
pub(crate) fn directory(gateway: &Gateway) -> Result<Response, Failure> {
    check_fresh(gateway)?;
    let peers = gateway.cache.peers.load();
    let said = federation::directory(&peers, &gateway.admission.audience);
    Ok(reply::json(StatusCode::OK, &said))
}

/// How this gateway federates; with a look at each peer's card if that is asked for.
pub(crate) async fn status(gateway: &Gateway, is_probe: bool) -> Result<Response, Failure> {
    check_fresh(gateway)?;
    let probed = match is_probe {
        true => Some(probe_all(gateway).await?),
        false => None,
    };
    let peers = gateway.cache.peers.load();
    let said = federation::status(standing(gateway), &peers, probed.as_deref());
    Ok(reply::json(StatusCode::OK, &said))
}

/// How A2A is spoken here.
pub(crate) fn a2a_status(gateway: &Gateway) -> Result<Response, Failure> {
    check_fresh(gateway)?;
    let (peers, bootstrap) = (gateway.cache.peers.load(), &gateway.federation.bootstrap);
    Ok(reply::json(StatusCode::OK, &mesh::a2a_status(standing(gateway), &peers, bootstrap)))
}

/// How peers answer, if they are looked at; nothing is kept of it.
pub(crate) async fn peer_health(gateway: &Gateway, is_probe: bool) -> Result<Response, Failure> {
    check_fresh(gateway)?;
    let probed = match is_probe {
        true => Some(probe_all(gateway).await?),
        false => None,
    };
    let probed = probed.as_deref().map(|probed| (probed, clock::wall()));
    let peers = gateway.cache.peers.load();
    let said = mesh::peer_health(&peers, &gateway.admission.audience, probed);
    Ok(reply::json(StatusCode::OK, &said))
}

fn standing(gateway: &Gateway) -> Standing<'_> {
    Standing {
        own: &gateway.admission.audience,
        key: gateway.federation.public_key(),
        token_header: gateway.federation.token_header,
        token_life_s: TOKEN_LIFE_S,
        quota: quota(gateway),
        is_fenced: !gateway.fixed.federation_networks.is_empty(),
    }
}

/// A look at peers, unless this gateway stops meanwhile.
async fn probe_all(gateway: &Gateway) -> Result<Vec<Probed>, Failure> {
    tokio::select! {
        () = gateway.leaving() => Err(Failure::Stopping),
        probed = probe(gateway) => Ok(probed),
    }
}

fn quota(gateway: &Gateway) -> Quota {
    gateway.live.load().bounds.peer_quota()
}

/// Looks at the cards of the first peers. What a peer says of itself is not read.
async fn probe(gateway: &Gateway) -> Vec<Probed> {
    let peers = gateway.cache.peers.load_full();
    let own = &gateway.admission.audience;
    let origins: Vec<Origin> =
        federation::callable(&peers, own).take(PROBES_MAX).cloned().collect();
    drop(peers);
    let looks = stream::iter(origins).map(|origin| probe_one(gateway, origin));
    looks.buffered(PROBES_AT_ONCE).collect().await
}

async fn probe_one(gateway: &Gateway, origin: Origin) -> Probed {
    let since = Instant::now();
    let answer = gateway.upstreams.card_status(&origin).await;
    let answer = answer.map(|status| status.as_u16()).map_err(|error| error.word());
    let latency_ms = u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX);
    Probed { origin, answer, latency_ms }
}

/// Who is a peer is not told by a cache that nobody confirms.
fn check_fresh(gateway: &Gateway) -> Result<(), Failure> {
    if gateway.cache.is_fresh() { Ok(()) } else { Err(Failure::RegistryAway) }
}
