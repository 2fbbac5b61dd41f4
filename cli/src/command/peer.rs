//! `peer …`: enrolment, what operators and owners do, and the log.
//!
//! It decides which call a verb is. It must never send a private key.

mod log;
mod manifest;
mod owner;
mod reputation;

use proto_types::Origin;
use proto_wire::registry::v1 as wire;
use serde_json::{Value, json};

use crate::args::{Decision, Enrolment, PeerVerb, Standing};
use crate::client::{Directory, Profile};
use crate::failure::Failure;
use crate::output::Output;

use super::pages;

pub(crate) async fn run(profile: &Profile, verb: PeerVerb) -> Result<Output, Failure> {
    if let PeerVerb::DomainRecord { origin, key } = verb {
        return owner::domain_record(&origin, &key);
    }
    let directory = &mut profile.directory()?;
    match verb {
        PeerVerb::Enrol(enrolment) => enrol(directory, enrolment).await,
        PeerVerb::List => list(directory).await,
        PeerVerb::Show { origin } => Ok(Output::one(shown(&peer(directory, &origin).await?))),
        PeerVerb::Reputation { origin, explain } => {
            reputation::show(directory, &origin, explain).await
        }
        PeerVerb::Log { origin, verify } => log::print(directory, &origin, verify).await,
        PeerVerb::Requests => requests(directory).await,
        PeerVerb::Approve(decision) => decide(directory, decision, true).await,
        PeerVerb::Reject(decision) => decide(directory, decision, false).await,
        PeerVerb::ProveDomain { origin } => {
            let request = wire::AskPeerDomainRequest { origin: origin.to_string() };
            Ok(done(directory.ask_peer_domain(request).await?.into_inner()))
        }
        PeerVerb::TokenLife { origin, seconds } => token_life(directory, &origin, seconds).await,
        PeerVerb::Suspend(standing) => stand(directory, standing, "suspended").await,
        PeerVerb::Resume(standing) => stand(directory, standing, "active").await,
        PeerVerb::Revoke(standing) => stand(directory, standing, "revoked").await,
        PeerVerb::Tombstone(standing) => stand(directory, standing, "tombstoned").await,
        PeerVerb::Manifest(statement) => manifest::state(directory, *statement).await,
        other => owner::operate(directory, other).await,
    }
}

async fn token_life(
    directory: &mut Directory,
    origin: &Origin,
    seconds: u32,
) -> Result<Output, Failure> {
    let request = wire::SetPeerTokenLifeRequest { origin: origin.to_string(), seconds };
    Ok(done(directory.set_peer_token_life(request).await?.into_inner()))
}

async fn enrol(directory: &mut Directory, enrolment: Enrolment) -> Result<Output, Failure> {
    let Enrolment { origin, key, recovery_key, join_token, domain } = enrolment;
    // Who has left and comes back continues its own history. Whether it may is the registry's to say.
    let left = peer(directory, &origin).await.ok().filter(|peer| peer.status == "tombstoned");
    let epoch = left.map_or(0, |peer| peer.epoch + 1);
    let request = wire::EnrolPeerRequest {
        operation: owner::enrolment((origin, epoch), &key, &recovery_key)?.into(),
        join_token: join_token.unwrap_or_default(),
        domain,
        ..Default::default()
    };
    Ok(Output::one(shown(&directory.enrol_peer(request).await?.into_inner())))
}

fn done(done: wire::Done) -> Output {
    Output::one(json!({ "revision": done.revision }))
}

async fn peer(directory: &mut Directory, origin: &Origin) -> Result<wire::Peer, Failure> {
    let strong = wire::Consistency::Strong.into();
    let request = wire::GetPeerRequest { origin: origin.to_string(), consistency: strong };
    Ok(directory.get_peer(request).await?.into_inner())
}

async fn decide(
    directory: &mut Directory,
    decision: Decision,
    approve: bool,
) -> Result<Output, Failure> {
    let (origin, id) = (decision.origin.to_string(), decision.id.to_string());
    let request = wire::DecidePeerRequestRequest { origin, id, approve };
    Ok(done(directory.decide_peer_request(request).await?.into_inner()))
}

async fn stand(
    directory: &mut Directory,
    standing: Standing,
    becomes: &str,
) -> Result<Output, Failure> {
    let Standing { origin, key, reason } = standing;
    if let Some(key) = key {
        return owner::stand(directory, &origin, &key, becomes, reason).await;
    }
    let (origin, standing) = (origin.to_string(), becomes.to_owned());
    let request = wire::SetPeerStandingRequest { origin, standing, reason };
    Ok(done(directory.set_peer_standing(request).await?.into_inner()))
}

async fn list(directory: &mut Directory) -> Result<Output, Failure> {
    let peers = pages::all(async |asked| {
        let page = directory.list_peers(asked).await?.into_inner();
        Ok((page.peers, page.next))
    });
    let peers = peers.await?;
    let row = |peer: &wire::Peer| {
        let kids: Vec<_> = peer.keys.iter().map(|key| key.kid.as_str()).collect();
        vec![peer.origin.clone(), peer.status.clone(), kids.join(","), peer.revision.to_string()]
    };
    Ok(Output {
        heads: &["origin", "status", "keys", "revision"],
        rows: peers.iter().map(row).collect(),
        json: peers.iter().map(shown).collect(),
    })
}

async fn requests(directory: &mut Directory) -> Result<Output, Failure> {
    let waiting = pages::all(async |wire::ListRequest { after, limit, .. }| {
        let asked = wire::ListPeerRequestsRequest { after, limit };
        let page = directory.list_peer_requests(asked).await?.into_inner();
        Ok((page.requests, page.next))
    });
    let waiting = waiting.await?;
    Ok(Output {
        heads: &["origin", "id", "keys"],
        rows: waiting.iter().map(row).collect(),
        json: waiting.iter().map(waits).collect(),
    })
}

fn row(request: &wire::PeerRequest) -> Vec<String> {
    let keys = request.keys.iter().map(|key| format!("{}:{}", key.kid, key.public_key_hex));
    let keys: Vec<_> = keys.collect();
    vec![request.origin.clone(), request.id.clone(), keys.join(",")]
}

fn waits(request: &wire::PeerRequest) -> Value {
    json!({
        "origin": request.origin,
        "id": request.id,
        "keys": request.keys.iter().map(key).collect::<Value>(),
        "domain": request.domain,
        "expiresAtMs": request.expires_at_ms,
    })
}

fn key(key: &wire::Key) -> Value {
    json!({ "kid": key.kid, "publicKeyHex": key.public_key_hex, "use": key.usage })
}

fn shown(peer: &wire::Peer) -> Value {
    // Bytes that the registry took in as JSON; a table has a place for it all the same.
    let manifest: Value = serde_json::from_slice(&peer.manifest).unwrap_or_default();
    let liveness = peer.liveness.as_ref().map(|seen| seen.class.as_str());
    json!({
        "origin": peer.origin,
        "status": peer.status,
        "keys": peer.keys.iter().map(key).collect::<Value>(),
        "recoveryKeys": peer.recovery_keys.iter().map(key).collect::<Value>(),
        "enrolledAtMs": peer.enrolled_at_ms,
        "manifestSeq": peer.manifest_seq,
        "manifestExpiresAtMs": peer.manifest_expires_at_ms,
        "manifest": manifest,
        "movedTo": peer.moved_to,
        "liveness": liveness,
        "epoch": peer.epoch,
        "operationSeq": peer.operation_seq,
        "logIndex": peer.log_index,
        "logDigest": peer.log_digest,
        "domainProven": peer.domain_proven,
        "revision": peer.revision,
    })
}
