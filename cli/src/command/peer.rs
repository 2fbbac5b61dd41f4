//! `peer enrol|list|revoke`.

use proto_types::Origin;
use proto_wire::registry::v1 as wire;
use serde_json::{Value, json};

use crate::args::PeerVerb;
use crate::client::Profile;
use crate::failure::Failure;
use crate::keyfile;
use crate::output::Output;

pub(crate) async fn run(profile: &Profile, verb: PeerVerb) -> Result<Output, Failure> {
    let mut directory = profile.directory().await?;
    match verb {
        PeerVerb::Enrol { origin, key, join_token } => {
            let request = enrolment(&origin, &key, join_token)?;
            Ok(Output::one(json(&directory.enrol_peer(request).await?.into_inner())))
        }
        PeerVerb::Revoke { origin } => {
            let done =
                directory.revoke_peer(wire::RevokePeerRequest { origin }).await?.into_inner();
            Ok(Output::one(json!({ "revision": done.revision })))
        }
        PeerVerb::List => list(&mut directory).await,
    }
}

fn enrolment(
    origin: &str,
    key: &std::path::Path,
    join_token: Option<String>,
) -> Result<wire::EnrolPeerRequest, Failure> {
    let origin =
        Origin::normalise(origin).map_err(|error| Failure::usage(format!("{origin}: {error}")))?;
    let key = keyfile::read(key)?;
    let message = format!("ecumene/enrolment\0{origin}\0{}", key.kid);
    let proof = key.secret.sign(message.as_bytes()).to_vec();
    let public_key_hex = hex::encode(key.secret.public().as_bytes());
    Ok(wire::EnrolPeerRequest {
        origin: origin.to_string(),
        keys: vec![wire::Key { kid: key.kid.to_string(), public_key_hex }],
        join_token: join_token.unwrap_or_default(),
        proofs: vec![proof.into()],
    })
}

async fn list(directory: &mut crate::client::Directory) -> Result<Output, Failure> {
    let mut peers = Vec::new();
    let mut after = String::new();
    loop {
        let request = wire::ListRequest { after, limit: 1_000, consistency: 0 };
        let page = directory.list_peers(request).await?.into_inner();
        peers.extend(page.peers);
        after = page.next;
        if after.is_empty() {
            break;
        }
    }
    let row = |peer: &wire::Peer| {
        let kids: Vec<_> = peer.keys.iter().map(|key| key.kid.as_str()).collect();
        vec![peer.origin.clone(), peer.status.clone(), kids.join(","), peer.revision.to_string()]
    };
    Ok(Output {
        heads: &["origin", "status", "keys", "revision"],
        rows: peers.iter().map(row).collect(),
        json: peers.iter().map(json).collect(),
    })
}

fn json(peer: &wire::Peer) -> Value {
    let key = |key: &wire::Key| json!({ "kid": key.kid, "publicKeyHex": key.public_key_hex });
    json!({
        "origin": peer.origin,
        "status": peer.status,
        "keys": peer.keys.iter().map(key).collect::<Value>(),
        "enrolledAtMs": peer.enrolled_at_ms,
        "manifestSeq": peer.manifest_seq,
        "revision": peer.revision,
    })
}
