//! What the gateways of one origin have in common: a key, by which each knows whose tokens a nonce of another binds.
//!
//! Decides which boot this is, and who is told a nonce of it. Must never read a nonce where there is no key, nor have the same
//! boot as another process: two memories would each take a token for new.

mod bound_tokens;
mod others;

use std::net::IpAddr;
use std::sync::{Arc, Once};

use deploy_service::metrics::Figure;
use gateway_core::{Boot, Credential, Denial, FleetKey, Nonces, handed_on, nonce};
use http::{HeaderMap, HeaderName, HeaderValue};
use proto_types::{GatewayId, Origin};

use crate::{clock, secrets};

use self::bound_tokens::BoundTokens;
pub(crate) use self::others::{Others, Outgoing};

const NONCE: HeaderName = HeaderName::from_static(nonce::HEADER);

/// This gateway among those of its origin.
pub(crate) struct Fleet {
    nonces: Option<Arc<Nonces>>,
    /// Those that are bound to this boot.
    pub(crate) tokens: BoundTokens,
    pub(crate) others: Others,
    /// To say once why bound tokens are refused.
    unkeyed: Once,
}

impl Fleet {
    /// Draws the boot. 64 bits tell apart as many starts as there will ever be, and need nothing on disk that could be lost or
    /// copied. No nonce of it was given before, so its memory begins empty.
    pub(crate) fn new(
        key: Option<FleetKey>,
        (origin, id): (&Origin, &GatewayId),
        others: Others,
    ) -> Self {
        let boot = || Boot { gateway: id.clone(), epoch: secrets::draw() };
        let nonces = key.map(|key| Arc::new(Nonces::new(key, origin.clone(), boot())));
        Self { nonces, tokens: BoundTokens::default(), others, unkeyed: Once::new() }
    }

    /// What bound tokens are checked against.
    pub(crate) fn nonces(&self) -> Option<Arc<Nonces>> {
        self.nonces.clone()
    }

    /// From where the client of a request called that another gateway has handed on; `None` if none has.
    pub(crate) fn client(&self, headers: &HeaderMap) -> Option<IpAddr> {
        let (nonces, mark) = (self.nonces.as_ref()?, headers.get(handed_on::HEADER)?);
        let pairs = headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes()));
        let credential = Credential::find(pairs).ok()?;
        handed_on::client(nonces.key(), mark.to_str().ok()?, credential, clock::wall())
    }

    /// The mark of a request that this gateway hands on.
    pub(crate) fn mark(&self, client: IpAddr, credential: Credential<'_>) -> Option<HeaderValue> {
        let key = self.nonces.as_ref()?.key();
        HeaderValue::try_from(handed_on::mark(key, client, credential, clock::wall())).ok()
    }

    /// Tells what the next token may be bound to.
    pub(crate) fn tell_nonce(&self, headers: &mut HeaderMap) {
        let Some(nonces) = &self.nonces else { return };
        let nonce = nonces.issue(clock::wall());
        headers.insert(NONCE, HeaderValue::from_str(nonce.as_str()).expect("a nonce is base64url"));
    }

    /// Takes notice of a token that was refused.
    pub(crate) fn note(&self, denial: &Denial) {
        if *denial == Denial::BoundToken {
            self.unkeyed.call_once(|| {
                tracing::warn!(
                    "fleet_key_file is not set: tokens that are bound to a nonce are refused"
                );
            });
        }
    }

    /// What operators see.
    pub(crate) fn figures(&self) -> [Figure; 4] {
        let kept = self.tokens.remembered() as f64;
        let (spent, others) = (&self.tokens.spent, &self.others);
        [
            Figure::count("bound_tokens_total", "Bound tokens that were spent here.", spent),
            Figure::gauge("bound_tokens_remembered", "Bound tokens that are remembered.", kept),
            Figure::count(
                "handed_on_requests_total",
                "Requests that another gateway was handed, to whom their token is bound.",
                &others.handed_on,
            ),
            Figure::count(
                "handed_on_failures_total",
                "Those of them that it has not answered.",
                &others.unanswered,
            ),
        ]
    }
}
