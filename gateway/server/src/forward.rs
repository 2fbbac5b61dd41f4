//! Envelopes for peers: taken in here, and handed on to where they live.
//!
//! Decides which envelopes go on, and which peers may bring those of others. Must never hand one on that was here before, nor to
//! a peer that may not act; the work is that of `webhooks.rs`.

use gateway_core::hops::{HOPS, Hops};
use gateway_core::{Failure, Forbidden, Permit};
use http::header::{CONTENT_TYPE, USER_AGENT};
use http::{HeaderMap, HeaderName, HeaderValue, Uri};
use proto_types::Origin;
use proto_types::pilox::envelope::Envelope;
use proto_wire::registry::v1 as wire;

use crate::config::Envelopes;
use crate::envelopes::{ORDERING_KEY, TRACEPARENT};
use crate::federation::wan_head;
use crate::gateway::Gateway;
use crate::onward;
use crate::upstream::{AGENT, JSON};

/// To whom envelopes are handed on, and from whom they are taken.
#[derive(Debug)]
pub(crate) struct Carriage {
    forward: Vec<Origin>,
    accept_from: Vec<Origin>,
}

impl Carriage {
    pub(crate) fn new(envelopes: &Envelopes) -> Self {
        let checked = "config.rs refuses what is no origin";
        let (forward, accept_from) = (envelopes.peers(), envelopes.carriers());
        Self { forward: forward.expect(checked), accept_from: accept_from.expect(checked) }
    }

    /// The peers that envelopes are handed on to.
    pub(crate) fn forward(&self) -> &[Origin] {
        &self.forward
    }

    /// The peer that this envelope is handed on to, if there is one.
    pub(crate) fn next<'e>(&self, envelope: &'e Envelope, own: &Origin) -> Option<&'e Origin> {
        let target = envelope.target_origin.as_ref();
        target.filter(|target| *target != own && self.forward.contains(*target))
    }
}

/// Whether a caller may bring what this source has sent: its own, or another peer's if the operator lets it. A peer that may not
/// act is not heard through others either.
///
/// # Errors
/// [`Forbidden::ForeignSource`].
pub(crate) fn check_source(
    gateway: &Gateway,
    permit: &Permit,
    source: &Origin,
) -> Result<(), Failure> {
    let caller = &permit.peer.origin;
    let is_own = source == caller;
    let may_act = || gateway.cache.peers.load().find(source).is_some_and(|peer| peer.active);
    let is_carried = || gateway.fixed.carriage.accept_from.contains(caller) && may_act();
    match is_own || is_carried() {
        true => Ok(()),
        false => Err(Failure::Forbidden(Forbidden::ForeignSource)),
    }
}

/// Where an envelope has been, this instance included if it goes on from here.
///
/// # Errors
/// It was here before, has passed too many instances, or does not say properly which.
pub(crate) fn hops(
    gateway: &Gateway,
    headers: &HeaderMap,
    envelope: &Envelope,
) -> Result<Vec<String>, Failure> {
    let own = &gateway.admission.audience;
    let lines = headers.get_all(HOPS).into_iter().map(HeaderValue::as_bytes);
    let been = Hops::parse(lines)?;
    let been = match gateway.fixed.carriage.next(envelope, own) {
        Some(_) => been.through(own, gateway.upstreams.hops_max())?,
        None => been,
    };
    Ok(been.iter().map(|origin| origin.as_str().to_owned()).collect())
}

/// Whether a peer may act, as far as this gateway knows for sure.
pub(crate) fn is_callable(gateway: &Gateway, peer: &Origin) -> bool {
    let is_active = || gateway.cache.peers.load().find(peer).is_some_and(|peer| peer.active);
    gateway.cache.is_fresh() && is_active()
}

/// The URL and the headers of an envelope that is handed on; or why it cannot be, as the operator reads it.
pub(crate) async fn head(
    gateway: &Gateway,
    peer: &Origin,
    leased: &wire::LeasedEnvelope,
) -> Result<(Uri, HeaderMap), String> {
    if !is_callable(gateway, peer) {
        return Err("the peer may not act".to_owned());
    }
    let head = wan_head(gateway, peer).await;
    let (uri, (name, token)) = head.map_err(|failure| failure.reply().message.into_owned())?;
    let mut headers = HeaderMap::new();
    headers.insert(USER_AGENT, AGENT);
    headers.insert(CONTENT_TYPE, JSON);
    headers.insert(name, token);
    let said = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    onward::write(&mut headers, TRACEPARENT, said(&leased.traceparent));
    onward::write(&mut headers, ORDERING_KEY, said(&leased.ordering_key));
    onward::write(&mut headers, HeaderName::from_static(HOPS), said(&leased.hops.join(", ")));
    Ok((uri, headers))
}
