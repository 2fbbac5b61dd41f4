//! Where a peer takes envelopes in, and what is shown to it there.
//!
//! Decides by the peer's manifest. Must never send a token to another origin than the one that it is for.

use gateway_core::Failure;
use http::{HeaderName, HeaderValue, Uri};
use proto_types::Origin;

use super::proxy::endpoints;
use crate::gateway::Gateway;

/// Where every instance of Pilox takes them.
const USUAL: &str = "/v1/publish";

/// The URL, and a fresh token in its header. What a peer states counts at its own origin alone: whoever enrolled it has let in that
/// host and no other.
pub(crate) async fn wan_head(
    gateway: &Gateway,
    peer: &Origin,
) -> Result<(Uri, (HeaderName, HeaderValue)), Failure> {
    let stated = endpoints(gateway, peer).await?.and_then(|stated| stated.wan);
    let at_home = |url: &String| Origin::of_url(url).is_ok_and(|origin| origin == *peer);
    let url = stated.filter(at_home).unwrap_or_else(|| format!("{peer}{USUAL}"));
    let uri = Uri::try_from(url).map_err(|_| Failure::UpstreamUnreachable)?;
    Ok((uri, gateway.federation.token(&gateway.admission.audience, peer)?))
}
