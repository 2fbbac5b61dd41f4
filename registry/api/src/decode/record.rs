//! Directory records in the Pilox format: what the proof is worth, and who may publish. A key is somebody's only if it is
//! enrolled: only an enrolled key of the peer that the proof names makes that peer the owner. What the proof does not
//! cover counts as the owner's word only if the owner itself brings it.

use std::borrow::Cow;

use proto_types::pilox::Assurance;
use proto_types::pilox::proof::{self, ProofError, ProofState};
use proto_types::pilox::record::{self, Invalid, ParsedRecord};
use proto_types::{Digest, Handle, Kid, Origin};
use registry_core::command::{Command, DeleteRecord, Proposal, PutRecord};
use registry_core::entry::{PeerEntry, PeerStatus, Policy, Scoped as _, Source, Visibility};
use registry_core::query;
use registry_core::view::View;
use serde_json::Value;

use super::Put;
use crate::authority::{self, WriteRequest};
use crate::field;
use crate::identity::{Principal, Role};
use crate::problem::{Code, Problem};

/// What a caller asks for the record that it brings.
#[derive(Clone, Copy, Debug, Default)]
pub struct Terms {
    /// Who may see it.
    pub visibility: Option<Visibility>,
}

/// Whose record it is, and what its proof is worth.
struct Ownership {
    assurance: Assurance,
    owner: Option<(Origin, Kid)>,
}

/// A record to publish, as far as no state is needed to read it.
#[derive(Debug)]
pub struct Parsed<'a> {
    record: ParsedRecord,
    /// The bytes that are kept.
    kept: Cow<'a, [u8]>,
    /// Of these.
    digest: Digest,
}

impl<'a> Parsed<'a> {
    /// What it says.
    #[must_use]
    pub fn raw(&self) -> &Value {
        self.record.raw()
    }

    /// The bytes that are kept of it, from who needs the record no more.
    #[must_use]
    pub fn into_kept(self) -> Cow<'a, [u8]> {
        self.kept
    }
}

/// Reads a record to publish.
///
/// # Errors
/// [`Invalid`], as a problem `malformed-json`, `invalid-document` or `body-too-large`.
pub fn parse(document: &[u8]) -> Result<Parsed<'_>, Invalid> {
    let record = record::parse(document)?;
    let kept = record.document(document);
    let digest = Digest::of(&kept);
    Ok(Parsed { record, kept, digest })
}

/// The write of a record by this caller, judged by this state.
///
/// # Errors
/// `bad-proof`; `unauthenticated` or `permission-denied` if neither the caller nor the signature has authority.
pub fn authorize(
    parsed: &Parsed<'_>,
    caller: &Principal,
    terms: Terms,
    view: &dyn View,
) -> Result<Put, Problem> {
    let Parsed { record, kept, digest } = parsed;
    let ownership = ownership(record, caller.peer(), view)?;
    let owner = ownership.owner.as_ref().map(|(origin, _)| origin.clone());
    let (vouched, policy) = check(caller, &record.handle, owner.as_ref(), (terms, view))?;
    let assurance = ownership.assurance;
    let command = command(record, ownership, (terms.visibility, vouched), *digest);
    let searched = (Source::Record, record.handle.clone(), super::search::of_record(record));
    let proposal = super::with_document((&**kept, *digest), command, searched)?;
    Ok(Put {
        kind: "record",
        handle: record.handle.clone(),
        digest: *digest,
        card_urls: vec![record.agent_card_url.clone()],
        assurance,
        owner,
        caller: caller.peer().cloned(),
        policy,
        proposal: caller.with_token_spend(proposal),
    })
}

fn command(
    parsed: &ParsedRecord,
    ownership: Ownership,
    (visibility, vouched): (Option<Visibility>, bool),
    digest: Digest,
) -> Command {
    Command::PutRecord(PutRecord {
        handle: parsed.handle.clone(),
        digest,
        updated_at: parsed.updated_at,
        valid_until: parsed.valid_until,
        ttl_s: parsed.ttl_s.map(u64::from),
        agent_card_url: parsed.agent_card_url.clone(),
        assurance: ownership.assurance,
        owner: ownership.owner,
        if_match: None,
        visibility,
        vouched,
    })
}

/// Who has authority over the handle: whether it is the caller's own, and what the handle's namespace demands; a hidden record
/// answers a condition as none would.
fn check(
    caller: &Principal,
    handle: &Handle,
    signer: Option<&Origin>,
    (terms, view): (Terms, &dyn View),
) -> Result<(bool, Policy), Problem> {
    let kept = query::record(view, handle)?.filter(|record| record.digest.is_some());
    let kept = kept.map(|record| record.scope());
    let visibility = terms.visibility;
    let request = WriteRequest { caller, signer, handle, visibility, kept: kept.as_ref() };
    let namespace = authority::check(&request, view)?;
    Ok((authority::has_say(&request, &namespace), namespace.terms.policy))
}

/// Reads a request to delete a record: the operator's, its owner's, or an owner's of its namespace.
///
/// # Errors
/// `unauthenticated`, `permission-denied`, `invalid-argument`; `not-found` for what the caller does
/// not see.
pub fn delete(caller: &Principal, handle: &str, view: &dyn View) -> Result<Proposal, Problem> {
    caller.require(&[Role::Operator, Role::Peer, Role::Instance])?;
    let handle: Handle = field::read("handle", handle)?;
    if let Principal::Instance(tenant) = caller {
        authority::check_own(tenant, &handle)?;
    }
    let seen = query::record_seen(view, &caller.viewer(view)?, &handle)?;
    let (record, _) = seen.ok_or_else(|| Problem::not_found("record", handle.as_str()))?;
    let by = authority::check_delete(caller, &handle, &record.scope(), view)?;
    Ok(caller.with_token_spend(super::one(Command::DeleteRecord(DeleteRecord {
        handle,
        if_match: None,
        by,
    }))))
}

/// What a record's proof is worth, and whose key made it if the key is enrolled here.
///
/// # Errors
/// `bad-proof`.
pub(super) fn worth(
    parsed: &ParsedRecord,
    view: &dyn View,
) -> Result<(Assurance, Option<(Origin, Kid)>), Problem> {
    let ownership = ownership(parsed, None, view)?;
    Ok((ownership.assurance, ownership.owner))
}

fn ownership(
    parsed: &ParsedRecord,
    brought_by: Option<&Origin>,
    view: &dyn View,
) -> Result<Ownership, Problem> {
    let peer = named_signer(parsed, view)?;
    let keys = peer.iter().flat_map(|peer| &peer.keys);
    let keys: Vec<_> = keys.filter_map(|enrolled| enrolled.public_key.ed25519()).collect();
    let key = match proof::verify_among(parsed, &keys).map_err(bad_proof)? {
        ProofState::Absent => {
            return Ok(Ownership { assurance: Assurance::Unsigned, owner: None });
        }
        ProofState::SelfAsserted { key, .. } => key,
    };
    let enrolled = peer.and_then(|peer| {
        let enrolled = peer.keys.into_iter().find(|enrolled| enrolled.signing() == Some(key))?;
        Some((peer.origin, enrolled.kid))
    });
    let vouched =
        |owner: &(Origin, Kid)| brought_by == Some(&owner.0) || proof::covers_all(parsed, &key);
    let assurance = match &enrolled {
        Some(owner) if vouched(owner) => Assurance::Enrolled,
        _ => Assurance::SelfAsserted,
    };
    Ok(Ownership { assurance, owner: enrolled })
}

/// The active peer that the proof names.
fn named_signer(parsed: &ParsedRecord, view: &dyn View) -> Result<Option<PeerEntry>, Problem> {
    let signer = parsed.proof.as_ref().and_then(|proof| proof.signer.as_deref());
    let origin = signer.and_then(|signer| Origin::of_url(signer).ok());
    let peer = origin.map(|origin| query::peer(view, &origin)).transpose()?.flatten();
    Ok(peer.filter(|peer| peer.status == PeerStatus::Active))
}

fn bad_proof(error: ProofError) -> Problem {
    Problem::new(Code::BadProof, error).with("reason", error.code())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use proto_types::{SecretKey, Stamp, WallMs};
    use registry_core::command::EnrolPeer;
    use registry_core::entry::{Approval, EnrolledKey};
    use registry_core::view::Memory;
    use serde_json::json;

    use super::*;

    const PEER: &str = "https://a.example";

    fn put(
        caller: &Principal,
        document: &[u8],
        terms: Terms,
        view: &Memory,
    ) -> Result<Put, Problem> {
        authorize(&parse(document)?, caller, terms, view)
    }

    fn enrolled(key: &SecretKey) -> Memory {
        let mut view = Memory::default();
        let command = Command::EnrolPeer(EnrolPeer {
            origin: PEER.parse().unwrap(),
            keys: vec![EnrolledKey::new("k9".parse().unwrap(), key.public())],
            approval: Approval::Operator,
        });
        let change = registry_core::apply(&view, Stamp { now: WallMs(1) }, &command).unwrap();
        view.commit(&change.writes);
        view
    }

    fn signed(signer: &str, key: &SecretKey) -> Vec<u8> {
        let record = json!({
            "schema": "pilox-registry-record-v1",
            "handle": "urn:pilox:agent:0001",
            "updatedAt": "2026-03-20T12:00:00Z",
            "agentCardUrl": "https://a.example/.well-known/agent-card.json",
        });
        let (signer, kid) = (signer.parse().unwrap(), "k1".parse().unwrap());
        let parsed = proof::sign(&record, &signer, &kid, key).unwrap();
        parsed.raw().to_string().into_bytes()
    }

    #[test]
    fn a_key_is_enrolled_only_for_the_peer_that_enrolled_it() {
        let (own, other) = (SecretKey::from_seed(&[1; 32]), SecretKey::from_seed(&[2; 32]));
        let view = enrolled(&own);
        let worth = |signer, key| {
            let put =
                put(&Principal::Operator, &signed(signer, key), Terms::default(), &view).unwrap();
            put.assurance
        };
        assert_eq!(worth("https://a.example", &own), Assurance::Enrolled);
        assert_eq!(worth("https://a.example", &other), Assurance::SelfAsserted);
        assert_eq!(worth("https://b.example", &own), Assurance::SelfAsserted);
    }

    #[test]
    fn what_a_proof_does_not_cover_is_enrolled_only_if_its_owner_brings_it() {
        let own = SecretKey::from_seed(&[1; 32]);
        let view = enrolled(&own);
        let with = |members: Value| {
            let mut record: Value = serde_json::from_slice(&signed(PEER, &own)).unwrap();
            for (name, value) in members.as_object().unwrap() {
                record[name] = value.clone();
            }
            record.to_string().into_bytes()
        };
        let key = json!({ "kid": "k2", "publicKeyHex": "00".repeat(32) });
        let mut two_keys = json!({ "publicKeys": { "ed25519": [key] } });
        let first: Value = serde_json::from_slice(&signed(PEER, &own)).unwrap();
        let first = first["publicKeys"]["ed25519"][0].clone();
        two_keys["publicKeys"]["ed25519"].as_array_mut().unwrap().insert(0, first);
        let mut proof: Value = serde_json::from_slice(&signed(PEER, &own)).unwrap();
        proof["proof"]["note"] = json!("x");
        let caller = |origin: &str| {
            let (origin, token) = (origin.parse().unwrap(), None);
            Principal::Peer(crate::identity::PeerCaller { origin, token })
        };
        for members in [
            json!({ "capabilities": ["pay"] }),
            json!({ "controllerDid": "did:web:evil.example" }),
            json!({ "meshDescriptorUrl": "https://evil.example/mesh.json" }),
            json!({ "validUntil": "2030-01-01T00:00:00Z" }),
            json!({ "proof": proof["proof"] }),
            two_keys,
        ] {
            let document = with(members);
            let worth = |caller: &Principal| {
                let put = put(caller, &document, Terms::default(), &view).unwrap();
                (put.assurance, put.owner.map(String::from))
            };
            let owned = |assurance| (assurance, Some(PEER.to_owned()));
            for stranger in [Principal::Anonymous, Principal::Operator, caller("https://b.example")]
            {
                assert_eq!(worth(&stranger), owned(Assurance::SelfAsserted), "{stranger:?}");
            }
            assert_eq!(worth(&caller(PEER)), owned(Assurance::Enrolled));
        }
    }

    #[test]
    fn without_authority_nothing_is_published() {
        let (own, other) = (SecretKey::from_seed(&[1; 32]), SecretKey::from_seed(&[2; 32]));
        let view = enrolled(&own);
        let anonymous = |key| {
            let document = signed("https://a.example", key);
            put(&Principal::Anonymous, &document, Terms::default(), &view)
                .map_err(|p| p.code())
                .map(drop)
        };
        assert_eq!(anonymous(&own), Ok(()));
        assert_eq!(anonymous(&other), Err(Code::Unauthenticated));
    }

    #[test]
    fn faults_are_told_with_their_places() {
        let refused =
            put(&Principal::Operator, b"{}", Terms::default(), &Memory::default()).unwrap_err();
        assert_eq!(refused.code(), Code::InvalidDocument);
        let json: Value = serde_json::from_slice(&refused.to_json()).unwrap();
        assert!(json["errors"].as_array().unwrap().len() >= 4, "{json}");
        let twice = b"{\"a\":1,\"a\":2}";
        let refused = put(&Principal::Operator, twice, Terms::default(), &Memory::default());
        assert_eq!(refused.unwrap_err().code(), Code::MalformedJson);
    }
}
