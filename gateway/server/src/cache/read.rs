//! How a message of the registry becomes a peer or an agent. One entry that cannot be read must never stop the others: it is
//! left out and logged.

use std::sync::Arc;

use bytes::Bytes;
use gateway_core::{Key, Peer};
use proto_types::card::{Card, CardVersion};
use proto_types::manifest::KeyUse;
use proto_types::peer::PeerStatus;
use proto_types::visibility::Scope;
use proto_types::{Handle, Kid, Namespace, Origin, Revision, Upstream, WallMs, json, upstream};
use proto_wire::registry::v1 as wire;
use serde_json::Value;

use crate::agents::{Backend, Deployed};

/// The peers of a page of the registry's list. Of use outside only to who measures it.
pub fn read_peers(list: &wire::PeerList) -> impl Iterator<Item = Peer> {
    list.peers.iter().filter_map(read_peer)
}

pub(super) fn read_peer(peer: &wire::Peer) -> Option<Peer> {
    let origin = Origin::parse(&peer.origin).ok();
    let signs = |key: &&wire::Key| key.usage.is_empty() || key.usage == KeyUse::Signing.as_str();
    let keys: Option<Vec<_>> = peer.keys.iter().filter(signs).map(read_key).collect();
    match (origin, keys) {
        (Some(origin), Some(keys)) => {
            let active = peer.status == PeerStatus::Active.as_str();
            let mut read = Peer::new(origin, active, keys, Revision(peer.revision));
            read.token_life_s_max = peer.token_life_s_max.into();
            Some(read)
        }
        _ => {
            tracing::error!(origin = peer.origin, "the registry holds a peer that cannot be read");
            None
        }
    }
}

/// A key in its form; whether it is one that may be verified with is found out when it is.
fn read_key(key: &wire::Key) -> Option<Key> {
    let mut bytes = [0; 32];
    hex::decode_to_slice(&key.public_key_hex, &mut bytes).ok()?;
    let mut read = Key::unchecked(Kid::parse(&key.kid).ok()?, bytes);
    read.not_before = WallMs(key.not_before_ms);
    if key.not_after_ms > 0 {
        read.not_after = WallMs(key.not_after_ms);
    }
    Some(read)
}

/// One whose audience or upstream is not understood is left out like one that cannot be read: nobody could call it.
pub(super) fn read_agent(agent: &wire::Agent) -> Option<Deployed> {
    let read = || {
        let Ok(Value::Object(words)) = json::parse_lossless(&agent.card) else { return None };
        let scope = Scope {
            visibility: agent.visibility.parse().ok()?,
            namespace: Namespace::parse(&agent.namespace).ok()?,
            owner: None,
        };
        let (handle, revision) = (Handle::parse(&agent.handle).ok()?, Revision(agent.revision));
        let changed_at = (agent.changed_at_ms > 0).then_some(WallMs(agent.changed_at_ms));
        let backend = read_backend(agent)?;
        let signed = matches!(backend, Backend::Attached(_)).then(|| read_signed(&agent.card));
        let signed = signed.flatten();
        Some(Deployed { handle, revision, changed_at, scope, words, backend, signed })
    };
    let deployed = read();
    if deployed.is_none() {
        tracing::error!(handle = agent.handle, "the registry holds an agent that cannot be read");
    }
    deployed
}

fn read_backend(agent: &wire::Agent) -> Option<Backend> {
    let Some(told) = &agent.upstream else { return Some(Backend::Hosted) };
    match read_upstream(told) {
        Ok(upstream) => Some(Backend::Attached(Arc::new(upstream))),
        Err(error) => {
            tracing::error!(handle = agent.handle, %error, "an upstream is not understood");
            None
        }
    }
}

fn read_upstream(told: &wire::Upstream) -> Result<Upstream, upstream::Error> {
    Upstream::parse(&told.urls, &told.binding, &told.version, &told.tenant)
}

/// The bytes of a card that is signed, and for which generation it is written. A copy: a slice would hold the page that it
/// came in.
fn read_signed(card: &[u8]) -> Option<(CardVersion, Bytes)> {
    let card = Card::parse(card).ok().filter(Card::is_signed)?;
    Some((card.view().card_version, card.into_bytes().into()))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use proto_types::SecretKey;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_key_for_es256_is_no_key_for_tokens_and_hides_none() {
        let own = SecretKey::from_seed(&[1; 32]).public();
        // The key of RFC 7515, appendix A.3.
        let x = "7fcdce2770f6c45d4183cbee6fdb4b7b580733357be9ef13bacf6e3c7bd15445";
        let y = "c7f144cd1bbd9b7e872cdfedb9eeb9f4b3695d6ea90b24ad8a4623288588e5ad";
        let key = |kid: &str, public_key_hex, usage: &str| wire::Key {
            kid: kid.into(),
            public_key_hex,
            usage: usage.into(),
            ..wire::Key::default()
        };
        let peer = wire::Peer {
            origin: "https://a.example".into(),
            status: "active".into(),
            keys: vec![key("es", format!("04{x}{y}"), "card"), key("k1", own.to_hex(), "signing")],
            ..wire::Peer::default()
        };
        let read = read_peer(&peer).unwrap();
        let keys: Vec<_> = read.keys_for(None, WallMs(1)).collect();
        assert_eq!(keys, [&own]);
    }

    #[test]
    fn an_agent_whose_upstream_is_not_understood_is_no_hosted_one() {
        let agent = |binding: &str, signatures: Value| wire::Agent {
            handle: "far".into(),
            namespace: "acme".into(),
            visibility: "public".into(),
            card: card(signatures).to_string().into(),
            upstream: Some(wire::Upstream {
                urls: vec!["http://a.example/rpc".into()],
                binding: binding.into(),
                version: "0.3".into(),
                ..wire::Upstream::default()
            }),
            ..wire::Agent::default()
        };
        assert!(read_agent(&agent("GRPC", json!([]))).is_none());
        let plain = read_agent(&agent("JSONRPC", json!([]))).unwrap();
        assert!(matches!(plain.backend, Backend::Attached(_)) && plain.signed.is_none());
        let signature = json!([{"protected": "e30", "signature": "AA"}]);
        let signed = agent("JSONRPC", signature);
        let (version, card) = read_agent(&signed).unwrap().signed.unwrap();
        assert_eq!((version, &card), (CardVersion::V03, &signed.card));
        let hosted = read_agent(&wire::Agent { upstream: None, ..signed }).unwrap();
        assert!(matches!(hosted.backend, Backend::Hosted) && hosted.signed.is_none());
    }

    fn card(signatures: Value) -> Value {
        json!({
            "name": "Far", "description": "d", "version": "1", "protocolVersion": "0.3.0",
            "url": "http://a.example/rpc", "capabilities": {}, "signatures": signatures,
            "defaultInputModes": ["text/plain"], "defaultOutputModes": ["text/plain"],
            "skills": [{"id": "s", "name": "S", "description": "d", "tags": ["t"]}],
        })
    }

    #[test]
    fn a_peer_of_a_page_that_cannot_be_read_hides_no_other() {
        let key = |public_key_hex: &str| wire::Key {
            kid: "k1".into(),
            public_key_hex: public_key_hex.into(),
            ..wire::Key::default()
        };
        let peer = |name: &str, key: wire::Key| wire::Peer {
            origin: format!("https://{name}.example"),
            status: "active".into(),
            keys: vec![key],
            ..wire::Peer::default()
        };
        let own = SecretKey::from_seed(&[1; 32]).public().to_hex();
        let peers = vec![
            peer("a", key(&own)),
            peer("b", key(&own[1..])),
            peer("c", key("zz")),
            peer("D", key(&own)),
            peer("e", key(&own)),
        ];
        let list = wire::PeerList { peers, ..wire::PeerList::default() };
        let read: Vec<_> = read_peers(&list).map(|peer| peer.origin.to_string()).collect();
        assert_eq!(read, ["https://a.example", "https://e.example"]);
    }
}
