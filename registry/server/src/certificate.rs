//! Principals by certificate: how a verified identity reaches the calls, and whom it stands for.
//!
//! The registry's own state says what an identity is worth: the certificate of a gateway or node that is not registered,
//! or of a peer that is not active, is nobody's. An identity is never taken from a request: the header in which it
//! travels inside is removed from what a client sends.

use axum::body::Body;
use deploy_service::ClientIdentity;
use deploy_service::tls::{Identity, Role};
use http::{HeaderName, HeaderValue, Request};
use proto_types::{GatewayId, NodeId, Origin};
use registry_api::identity::PeerCaller;
use registry_api::{Code, Principal, Problem};
use registry_core::entry::PeerStatus;
use registry_core::query;
use registry_core::view::View;

/// Where calls find the identity. Both protocols hand headers to their calls, and not all hand on
/// extensions.
pub(crate) const HEADER: &str = "ecumene-client-identity";

/// Puts what the listener has verified into the header, in place of whatever the client put there.
pub(crate) fn carry(request: &mut Request<Body>) {
    let name = HeaderName::from_static(HEADER);
    request.headers_mut().remove(&name);
    if let Some(identity) = request.extensions().get::<ClientIdentity>() {
        let value = HeaderValue::try_from(identity.to_string())
            .expect("identities are ASCII: their parser says so");
        request.headers_mut().insert(name, value);
    }
}

/// What [`carry`] has put there.
pub(crate) fn carried(value: Option<&str>) -> Option<Identity> {
    value?.parse().ok()
}

/// Whom an identity stands for, by what is registered in this state.
pub(crate) fn principal(identity: &Identity, view: &dyn View) -> Result<Principal, Problem> {
    let known = match identity.role() {
        Role::Operator => Some(Principal::Operator),
        Role::Gateway => match GatewayId::parse(&identity.id()) {
            Ok(id) => query::gateway(view, &id)?.map(|_| Principal::Gateway(id)),
            Err(_) => None,
        },
        Role::Node => match NodeId::parse(&identity.id()) {
            Ok(id) => query::node(view, &id)?.map(|_| Principal::Node(id)),
            Err(_) => None,
        },
        Role::Peer => match identity.id().parse() {
            Ok(origin) => peer(origin, view)?,
            Err(_) => None,
        },
        // Members ask each other nothing that is not for everybody; the transport of
        // consensus checks their own calls.
        Role::Registry => None,
    };
    Ok(known.unwrap_or(Principal::Anonymous))
}

/// A peer that is enrolled and active; its certificate takes the place of a token.
fn peer(origin: Origin, view: &dyn View) -> Result<Option<Principal>, Problem> {
    let known = query::peer(view, &origin)?;
    let acts = known.is_some_and(|peer| peer.status == PeerStatus::Active);
    Ok(acts.then_some(Principal::Peer(PeerCaller { origin, token: None })))
}

/// Whether a member that lags behind may not know yet whom the identity stands for.
pub(crate) fn may_be_new(identity: &Identity) -> bool {
    matches!(identity.role(), Role::Gateway | Role::Node | Role::Peer)
}

/// Holds if a certificate and another credential of one request are of one principal.
///
/// # Errors
/// `unauthenticated` if they are of two.
pub(crate) fn agree(identity: &Identity, shown: &Principal) -> Result<(), Problem> {
    let agrees = match shown {
        Principal::Operator => identity.role() == Role::Operator,
        Principal::Gateway(id) => identity.role() == Role::Gateway && identity.id() == id.as_str(),
        Principal::Node(id) => identity.role() == Role::Node && identity.id() == id.as_str(),
        // A peer shows by a token who it is; its certificate may say no other name.
        Principal::Peer(peer) => {
            identity.role() == Role::Peer && identity.id() == peer.origin.as_str()
        }
        // Neither says who calls: what a token of an instance may write, no certificate speaks of.
        Principal::Anonymous | Principal::Instance(_) => true,
    };
    if agrees {
        return Ok(());
    }
    let why = "certificate and credential are of two principals";
    Err(Problem::new(Code::Unauthenticated, why))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn what_a_client_writes_into_the_header_is_thrown_away() {
        let forged = "spiffe://a/operator/root";
        let mut request = Request::builder()
            .header(HEADER, forged)
            .header("Ecumene-Client-Identity", forged)
            .body(Body::empty())
            .unwrap();
        carry(&mut request);
        assert!(!request.headers().contains_key(HEADER));
    }

    #[test]
    fn two_principals_in_one_request_do_not_agree() {
        let identity = |path: &str| format!("spiffe://a/{path}").parse::<Identity>().unwrap();
        let gateway = Principal::Gateway(GatewayId::parse("g1").unwrap());
        let node = Principal::Node(NodeId::parse("g1").unwrap());
        for (path, shown, agrees) in [
            ("operator/alice", &Principal::Operator, true),
            ("gateway/g1", &gateway, true),
            ("gateway/g1", &Principal::Anonymous, true),
            ("gateway/g2", &gateway, false),
            ("node/g1", &gateway, false),
            ("gateway/g1", &node, false),
            ("node/g1", &node, true),
            ("registry/1", &Principal::Operator, false),
            ("peer/https/b.example", &gateway, false),
        ] {
            assert_eq!(agree(&identity(path), shown).is_ok(), agrees, "{path} {shown:?}");
        }
    }
}
