//! `peer …`: enrolment, what operators and owners do, and the log.
//!
//! It decides which call a verb is. It must never send a private key.

mod log;
mod manifest;
mod owner;
mod reputation;
mod wait;

use std::time::Duration;

use proto_types::Origin;
use proto_types::peer::PeerStatus;
use proto_wire::registry::v1 as wire;
use proto_wire::{to_json, to_json_without};
use serde_json::Value;

use crate::args::{Decision, Enrolment, PeerVerb, StatusChange};
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
        PeerVerb::Suspend(change) => stand(profile, change, PeerStatus::Suspended).await,
        PeerVerb::Resume(change) => stand(profile, change, PeerStatus::Active).await,
        PeerVerb::Revoke(change) => stand(profile, change, PeerStatus::Revoked).await,
        PeerVerb::Tombstone(change) => stand(profile, change, PeerStatus::Tombstoned).await,
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
    let left = peer(directory, &origin).await.ok().filter(has_left);
    let epoch = left.map_or(0, |peer| peer.epoch + 1);
    let request = wire::EnrolPeerRequest {
        operation: owner::enrolment((origin, epoch), &key, &recovery_key)?.into(),
        join_token: join_token.unwrap_or_default(),
        domain,
        ..Default::default()
    };
    Ok(Output::one(shown(&directory.enrol_peer(request).await?.into_inner())))
}

fn has_left(peer: &wire::Peer) -> bool {
    peer.status == PeerStatus::Tombstoned.as_str()
}

fn done(done: wire::Done) -> Output {
    Output::one(to_json(&done))
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
    profile: &Profile,
    change: StatusChange,
    becomes: PeerStatus,
) -> Result<Output, Failure> {
    let StatusChange { origin, key, reason, wait, wait_seconds } = change;
    let directory = &mut profile.directory()?;
    let output = match key {
        Some(key) => owner::stand(directory, &origin, &key, becomes, reason).await?,
        None => {
            let (origin, standing) = (origin.to_string(), becomes.to_string());
            let request = wire::SetPeerStandingRequest { origin, standing, reason };
            done(directory.set_peer_standing(request).await?.into_inner())
        }
    };
    if !wait {
        return Ok(output);
    }
    // Also where nothing had to be changed: gateways are told of changes alone.
    let revision = peer(directory, &origin).await?.revision;
    let patience = Duration::from_secs(wait_seconds);
    wait::until_applied(profile, (&origin, revision), patience).await
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
    let mut json = to_json_without(request, &["requestedAtMs"]);
    json["keys"] = keys(&request.keys);
    json
}

fn keys(keys: &[wire::Key]) -> Value {
    keys.iter().map(|key| to_json_without(key, &["notBeforeMs", "notAfterMs"])).collect()
}

fn shown(peer: &wire::Peer) -> Value {
    let left_out = ["manifestDigest", "operationDigest", "tokenLifeSMax"];
    let mut json = to_json_without(peer, &left_out);
    json["keys"] = keys(&peer.keys);
    json["recoveryKeys"] = keys(&peer.recovery_keys);
    json["liveness"] = peer.liveness.as_ref().map(|seen| seen.class.as_str()).into();
    json
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(usage: &str) -> wire::Key {
        let (kid, usage) = ("k1".to_owned(), usage.to_owned());
        wire::Key { kid, public_key_hex: "0a".to_owned(), usage, not_before_ms: 1, not_after_ms: 2 }
    }

    #[test]
    fn a_peer_is_shown_with_its_manifest_and_the_class_of_its_liveness() {
        assert_eq!(
            shown(&wire::Peer::default()).to_string(),
            r#"{"domainProven":false,"enrolledAtMs":0,"epoch":0,"keys":[],"liveness":null,"logDigest":"","logIndex":0,"manifest":null,"manifestExpiresAtMs":0,"manifestSeq":0,"movedTo":"","operationSeq":0,"origin":"","recoveryKeys":[],"revision":0,"status":""}"#
        );
        let class = "open".to_owned();
        let peer = wire::Peer {
            origin: "https://a.example".to_owned(),
            keys: vec![key("signing")],
            recovery_keys: vec![key("")],
            manifest: r#"{"seq": 1}"#.into(),
            manifest_digest: "d".to_owned(),
            liveness: Some(wire::Liveness { class, ..Default::default() }),
            ..Default::default()
        };
        assert_eq!(
            shown(&peer).to_string(),
            r#"{"domainProven":false,"enrolledAtMs":0,"epoch":0,"keys":[{"kid":"k1","publicKeyHex":"0a","use":"signing"}],"liveness":"open","logDigest":"","logIndex":0,"manifest":{"seq":1},"manifestExpiresAtMs":0,"manifestSeq":0,"movedTo":"","operationSeq":0,"origin":"https://a.example","recoveryKeys":[{"kid":"k1","publicKeyHex":"0a","use":""}],"revision":0,"status":""}"#
        );
    }

    #[test]
    fn a_request_is_shown_with_the_keys_that_wait() {
        let request =
            wire::PeerRequest { keys: vec![key("card")], requested_at_ms: 1, ..Default::default() };
        assert_eq!(
            waits(&request).to_string(),
            r#"{"domain":false,"expiresAtMs":0,"id":"","keys":[{"kid":"k1","publicKeyHex":"0a","use":"card"}],"origin":""}"#
        );
    }
}
