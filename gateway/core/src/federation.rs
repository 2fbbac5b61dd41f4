//! What an operator asks about peers, and of them through this gateway, in the words of Pilox.
//!
//! Decides which peer is meant and where it is called, what is handed on to it, and what the documents say. Must never let a
//! request name a URL: a peer is called at its own origin alone.

pub mod mesh;

use proto_types::a2a::Method;
use proto_types::a2a::rpc::{Id, Refused, Request};
use proto_types::pilox::descriptor::MESH_V2;
use proto_types::schema::Invalid;
use proto_types::token::Kind;
use proto_types::{Origin, PublicKey, Upstream, json};
use serde_json::{Map, Value, json};

use crate::Failure;
use crate::gcra::Quota;
use crate::params::{Faults, fault};
use crate::peers::{Peer, Peers};

/// Where an operator calls a peer.
pub const PROXY: &str = "/api/mesh/federation/proxy/jsonrpc";
/// What peers there are.
pub const DIRECTORY: &str = "/api/mesh/federation/directory";
/// How this gateway federates.
pub const STATUS: &str = "/api/mesh/federation/status";
/// Where every instance of Pilox takes JSON-RPC, and every gateway of ours.
const RPC: &str = "/api/a2a/jsonrpc";
/// As the tokens of peers come in.
const FEDERATED_RPC: &str = "/api/a2a/federated/jsonrpc";
const CARD: &str = "/.well-known/agent-card.json";
const DESCRIPTOR: &str = "/.well-known/pilox-mesh.json";

/// As many peers as an instance of Pilox takes of a list. Those behind them are called by their origin.
pub const PEERS_MAX: usize = 8_192;
/// As many host names as Pilox shows.
const HOSTS_MAX: usize = 16;

/// A call that is handed on to a peer.
#[derive(Clone, Debug, PartialEq)]
pub struct ProxyCall {
    /// Which peer.
    pub peer: PeerName,
    /// The JSON-RPC request, as the peer is sent it.
    pub body: Vec<u8>,
    /// Its id; null for a notification.
    pub id: Id,
    /// Whether it is answered with a stream.
    pub is_stream: bool,
}

/// How a request names a peer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PeerName {
    /// By its place in the directory, which moves with each peer that comes or goes.
    Index(usize),
    /// By its origin.
    Origin(Origin),
}

impl ProxyCall {
    /// Reads `{"peerIndex" | "peer", "rpc"}`, of which `rpc` is one JSON-RPC request, or the text of one. Members that are not
    /// known are passed over, as Pilox does.
    ///
    /// # Errors
    /// [`Failure::NotJson`] or [`Failure::Document`].
    pub fn parse(bytes: &[u8]) -> Result<Self, Failure> {
        let value = json::parse_lossless(bytes);
        let value = value.map_err(|error| Failure::NotJson(Invalid::from(error).faults()))?;
        let Value::Object(mut members) = value else {
            return Err(refused("", "an object with `peerIndex` or `peer`, and `rpc`"));
        };
        members.retain(|_, value| !value.is_null());
        let peer = peer_name(&members)?;
        let body = match members.remove("rpc") {
            Some(Value::String(text)) => text.into_bytes(),
            Some(call) => serde_json::to_vec(&call).expect("a JSON value has string keys only"),
            None => return Err(refused("/rpc", "there")),
        };
        let call = Request::parse(&body).map_err(|error| Failure::Document(of_rpc(error)))?;
        let method = Method::parse(&call.method).map(|(method, _)| method);
        let is_stream =
            matches!(method, Some(Method::SendStreamingMessage | Method::SubscribeToTask));
        Ok(Self { peer, body, id: call.id.unwrap_or(Id::Null), is_stream })
    }
}

fn peer_name(members: &Map<String, Value>) -> Result<PeerName, Failure> {
    match (members.get("peerIndex"), members.get("peer")) {
        (Some(index), None) => {
            let index = index_of(index).map(PeerName::Index);
            index.ok_or_else(|| refused("/peerIndex", "a whole number, 0 or more"))
        }
        (None, Some(origin)) => {
            let origin = origin.as_str().and_then(|text| Origin::normalise(text).ok());
            origin.map(PeerName::Origin).ok_or_else(|| refused("/peer", "an origin"))
        }
        (Some(_), Some(_)) => Err(refused("/peer", "absent where `peerIndex` is there")),
        (None, None) => Err(refused("/peerIndex", "there, or `peer` in its place")),
    }
}

/// Pilox takes the number as a text too.
fn index_of(value: &Value) -> Option<usize> {
    match value {
        Value::Number(number) => number.to_string().parse().ok(),
        Value::String(text) => text.parse().ok(),
        _ => None,
    }
}

fn refused(path: &str, must_be: &'static str) -> Failure {
    Failure::Document(vec![fault(path, must_be)])
}

/// What is wrong with the call inside, by its place in the whole.
fn of_rpc(refused: Refused) -> Faults {
    match refused {
        Refused::NotJson(_) => vec![fault("/rpc", "strict JSON")],
        Refused::Batch => vec![fault("/rpc", "one call: batches are not supported")],
        Refused::Invalid { mut faults, .. } => {
            for fault in &mut faults {
                fault.path.insert_str(0, "/rpc");
            }
            faults
        }
    }
}

impl PeerName {
    /// The origin of the peer, if it is one that may be called.
    ///
    /// # Errors
    /// [`Failure::Document`] if it is not.
    pub fn resolve(&self, peers: &Peers, own: &Origin) -> Result<Origin, Failure> {
        match self {
            Self::Index(index) => {
                let found = callable(peers, own).take(PEERS_MAX).nth(*index);
                found.cloned().ok_or_else(|| refused("/peerIndex", "one of the directory"))
            }
            Self::Origin(origin) => {
                let found = peers.find(origin).filter(|peer| is_callable(peer, own));
                let found = found.map(|peer| peer.origin.clone());
                found.ok_or_else(|| refused("/peer", "the origin of another peer, which may act"))
            }
        }
    }
}

/// The peers that are called from here, in the order of their origins: who may not act may not be asked to either.
pub fn callable<'p>(peers: &'p Peers, own: &'p Origin) -> impl Iterator<Item = &'p Origin> {
    peers.after(None).filter(move |peer| is_callable(peer, own)).map(|peer| &peer.origin)
}

fn is_callable(peer: &Peer, own: &Origin) -> bool {
    peer.active && peer.origin != *own
}

/// Where a peer takes JSON-RPC: as it states itself, or else where every instance of Pilox does. What it states counts at its
/// own origin alone: whoever enrolled it has let in that host and no other.
#[must_use]
pub fn rpc_upstream(peer: &Origin, stated: Option<&str>) -> Upstream {
    let at_home = |url: &&str| Origin::of_url(url).is_ok_and(|origin| origin == *peer);
    let stated = stated.filter(at_home).and_then(upstream);
    let usual = || upstream(&format!("{peer}{RPC}"));
    stated.or_else(usual).expect("an origin with a plain path is the URL of an upstream")
}

fn upstream(url: &str) -> Option<Upstream> {
    Upstream::parse(&[url], "JSONRPC", "1.0", "").ok()
}

/// What the directory says: the peers with the numbers by which the proxy knows them.
#[must_use]
pub fn directory(peers: &Peers, own: &Origin) -> Value {
    let listed = callable(peers, own).take(PEERS_MAX).enumerate().map(|(index, origin)| {
        json!({
            "peerIndex": index, "origin": origin, "hostname": origin.host(),
            "agentCardUrl": format!("{origin}{CARD}"),
        })
    });
    let listed: Vec<Value> = listed.collect();
    let count = callable(peers, own).count();
    let mut said = json!({
        "meshV2": MESH_V2, "federationEnabled": true, "peerCount": count, "peers": listed,
    });
    if count > PEERS_MAX {
        said["truncated"] = json!(true);
    }
    said
}

/// How this gateway federates, as far as anybody may know it who may ask.
#[derive(Clone, Copy, Debug)]
pub struct Standing<'s> {
    /// Its origin.
    pub own: &'s Origin,
    /// The key that it signs tokens with, if it has one.
    pub key: Option<&'s PublicKey>,
    /// The header that it shows them in.
    pub token_header: &'s str,
    /// How long they live, in seconds.
    pub token_life_s: u64,
    /// What a peer may ask of it.
    pub quota: Quota,
    /// Whether peers' tokens are taken from named networks alone.
    pub is_fenced: bool,
}

/// What a look at the card of a peer has found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probed {
    /// Whose.
    pub origin: Origin,
    /// The status of the answer, or why there is none.
    pub answer: Result<u16, &'static str>,
    /// How long it took.
    pub latency_ms: u64,
}

/// What the status says; with what was found of peers, if they were looked at.
#[must_use]
pub fn status(standing: Standing<'_>, peers: &Peers, probed: Option<&[Probed]>) -> Value {
    let mut said = json!({"meshV2": MESH_V2, "federation": federation(standing, peers)});
    if let Some(probed) = probed {
        said["probe"] = probed.iter().map(row).collect();
    }
    said
}

fn federation(standing: Standing<'_>, peers: &Peers) -> Value {
    let hosts: Vec<&str> =
        callable(peers, standing.own).take(HOSTS_MAX).map(Origin::host).collect();
    let count = callable(peers, standing.own).count();
    json!({
        "enabled": true,
        "phase": if standing.key.is_some() { "2.1-transport" } else { "2.0-config" },
        "configuredPeerCount": count,
        "peerHostnames": hosts,
        "sharedSecretConfigured": false,
        "directoryPath": DIRECTORY,
        "federationInboundAllowlistActive": standing.is_fenced,
        "federatedInboundJsonRpcPath": FEDERATED_RPC,
        "jsonRpcProxy": standing.key.map(|key| proxy(standing, key)),
        "wanMesh": {
            "publicDescriptorPath": DESCRIPTOR, "maxPeers": PEERS_MAX,
            "signedManifestConfigured": false, "staticPeerCount": count, "manifestPeerCount": 0,
            "manifestLastSyncOk": null, "manifestIssueCategory": null,
        },
    })
}

fn proxy(standing: Standing<'_>, key: &PublicKey) -> Value {
    json!({
        "path": PROXY,
        "minPiloxRole": "operator",
        "inboundJwtHeader": standing.token_header,
        "inboundSecretHeader": "X-Pilox-Federation-Secret",
        "jwtTtlSeconds": standing.token_life_s,
        "jwtClockSkewLeewaySeconds": Kind::Plain.skew_ms() / 1_000,
        "jwtAudience": standing.own,
        "jwtRequireAudience": true,
        "jwtAlg": "Ed25519",
        "localEd25519PublicKeyHex": key.to_hex(),
        "proxyOperatorTokenRequired": false,
        "proxySendSharedSecret": false,
        "jwtRequireJti": true,
        "inboundAllowLegacySecret": false,
        "rateLimit": rate(standing.quota),
    })
}

fn rate(quota: Quota) -> Value {
    json!({"maxRequests": quota.burst(), "windowMs": quota.window_us() / 1_000})
}

fn row(probed: &Probed) -> Value {
    let Probed { origin, answer, latency_ms } = probed;
    let ok = answer.is_ok_and(|status| (200..300).contains(&status));
    let mut row =
        json!({"origin": origin, "hostname": origin.host(), "ok": ok, "latencyMs": latency_ms});
    match answer {
        Ok(status) => row["statusCode"] = json!(status),
        Err(reason) => row["error"] = json!(reason),
    }
    row
}

#[cfg(test)]
mod tests;
