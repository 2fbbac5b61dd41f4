//! The transparency log as strangers see it: signed heads, tiles, and proofs with what is read.

use http::StatusCode;
use proto_types::tlog::{
    self, Checkpoint, Inclusion, Kind, NoteKey, Policy, Rows, TilePath, verify_consistency,
};
use proto_types::{Digest, base64url};
use proto_wire::registry::v1 as wire;
use serde_json::Value;

use crate::world::{World, eventually, refused, vector_key, vectors};

/// The key of every world's log: it signs with the catalog's key unless told otherwise.
pub(crate) fn policy() -> Policy {
    let key = vector_key("catalog").public();
    Policy::unwitnessed(NoteKey::new("localhost/ecumene-registry", Kind::Log, key).unwrap())
}

/// Publishes the valid records of the vectors; their handles.
pub(crate) async fn publish(world: &World) -> Vec<String> {
    let mut handles = Vec::new();
    for name in ["valid_hive", "valid_pilox"] {
        let record = vectors()["records"][name]["record"].clone();
        let document = serde_json::to_vec(&record).unwrap();
        let answer = world.call(http::Method::POST, "/v1/records", &document).await;
        assert_eq!(answer.status(), StatusCode::CREATED, "{name}");
        handles.push(record["handle"].as_str().unwrap().to_owned());
    }
    handles
}

pub(crate) async fn checkpoint(world: &World) -> Checkpoint {
    let answer = world.get("/checkpoint").await;
    assert_eq!(answer.status(), StatusCode::OK);
    policy().check(answer.body()).unwrap().1
}

/// Row 0 as the tiles have it.
struct Downloaded(Vec<Digest>);

impl Rows for Downloaded {
    type Error = ();

    fn row(&self, level: u8, first: u64, count: usize) -> Result<Vec<Digest>, ()> {
        assert_eq!(level, 0, "a small tree");
        Ok(self.0[first as usize..][..count].to_vec())
    }
}

async fn tile(world: &World, level: Option<u8>, width: u64) -> bytes::Bytes {
    let path = TilePath { level, index: 0, width: u16::try_from(width).unwrap() };
    let answer = world.get(&format!("/tile/{path}")).await;
    assert_eq!(answer.status(), StatusCode::OK, "{path}");
    answer.into_body()
}

#[tokio::test]
async fn what_is_published_is_proven_from_public_tiles() {
    let world = World::start().await;
    // Whoever leads first opens the log, before anything else is written.
    let empty = eventually("the log is open", || async {
        (world.get("/checkpoint").await.status() == StatusCode::OK).then_some(())
    });
    empty.await;
    let handles = publish(&world).await;
    let head = checkpoint(&world).await;
    assert!(head.size >= handles.len() as u64 && head.epoch() == 0);
    let hashes = tile(&world, Some(0), head.size).await;
    let row = hashes.chunks(32).map(|hash| Digest(hash.try_into().unwrap()));
    let tiles = Downloaded(row.collect());
    assert_eq!(tlog::root(&tiles, head.size).unwrap(), head.root);
    let bundle = tile(&world, None, head.size).await;
    let entries = tlog::entries(&bundle).unwrap();
    assert!(entries.iter().zip(&tiles.0).all(|(entry, hash)| tlog::leaf_hash(entry) == *hash));
    for absent in ["0/000", "0/001.p/1", "1/000.p/1", "entries/x001/000", "0/0", "0/..", "x"] {
        let answer = world.get(&format!("/tile/{absent}")).await;
        // What has more than one reading is refused before it is looked up.
        let expected = if absent.ends_with("..") { 400 } else { 404 };
        assert_eq!(answer.status().as_u16(), expected, "{absent}");
    }

    let path = format!("/v1/records/{}", handles[0].replace(':', "%3A").replace('/', "%2F"));
    assert!(!world.get(&path).await.headers().contains_key("ecumene-log-proof"));
    let answer = world.get(&format!("{path}?proof=true")).await;
    let proof = base64url::decode(answer.headers()["ecumene-log-proof"].to_str().unwrap()).unwrap();
    let proof: Value = serde_json::from_slice(&proof).unwrap();
    let inclusion: Inclusion = serde_json::from_value(proof["inclusion"].clone()).unwrap();
    let note = proof["checkpoint"].as_str().unwrap();
    let (_, proven) = policy().check(note.as_bytes()).unwrap();
    assert_eq!(inclusion.verify(proven.head()), Ok(()));
    assert_eq!(inclusion.fact.digest, Some(Digest::of(answer.body())));
    assert_eq!(inclusion.fact.id, handles[0]);
    world.stop().await;
}

#[tokio::test]
async fn the_grpc_service_gives_the_same_proofs() {
    let world = World::start().await;
    let handles = publish(&world).await;
    let before = checkpoint(&world).await;
    world.enrol("https://peer.example", "k", &vector_key("catalog")).await;
    let after = checkpoint(&world).await;
    assert_eq!(after.size, before.size + 1);
    let mut log = world.log();
    let sizes = wire::ConsistencyProofRequest { old_size: before.size, new_size: after.size };
    let proof = log.consistency_proof(sizes).await.unwrap().into_inner().hashes;
    let proof: Vec<Digest> =
        proof.iter().map(|hash| Digest(hash[..].try_into().unwrap())).collect();
    assert_eq!(verify_consistency(before.head(), after.head(), &proof), Ok(()));
    for (kind, id) in [("record", handles[0].as_str()), ("peer", "https://peer.example")] {
        let request = wire::InclusionProofRequest { kind: kind.into(), id: id.into() };
        let found = log.inclusion_proof(request).await.unwrap().into_inner();
        let (_, head) = policy().check(&found.checkpoint).unwrap();
        let inclusion = Inclusion {
            fact: serde_json::from_slice(&found.fact).unwrap(),
            salt: Digest(found.salt[..].try_into().unwrap()),
            index: found.index,
            size: found.size,
            path: found.path.iter().map(|hash| Digest(hash[..].try_into().unwrap())).collect(),
        };
        assert_eq!(inclusion.verify(head.head()), Ok(()));
        assert_eq!(inclusion.fact.kind, kind);
    }
    let ask =
        |kind: &str, id: &str| wire::InclusionProofRequest { kind: kind.into(), id: id.into() };
    let absent = log.inclusion_proof(ask("card", "urn:absent:1")).await;
    refused("an absent card", absent, "not-found");
    refused("no kind", log.inclusion_proof(ask("task", "t")).await, "invalid-argument");
    let sizes = wire::ConsistencyProofRequest { old_size: 2, new_size: 99 };
    refused("a size to come", log.consistency_proof(sizes).await, "invalid-argument");
    world.stop().await;
}

#[tokio::test]
async fn every_member_signs_the_same_head_and_has_the_same_state() {
    let members = World::three().await;
    publish(&members[0]).await;
    let head = crate::world::eventually("one head", || async {
        let mut notes = Vec::new();
        for member in &members {
            notes.push(member.get("/checkpoint").await.into_body());
        }
        notes.windows(2).all(|pair| pair[0] == pair[1]).then(|| notes.remove(0))
    })
    .await;
    assert!(policy().check(&head).unwrap().1.size > 0);
    let mut marks = Vec::new();
    for member in &members {
        let status = member.directory().status(wire::StatusRequest::default()).await.unwrap();
        let status = status.into_inner();
        assert!(status.poisoned.is_empty() && status.state_hash.starts_with("sha256:"));
        marks.push((status.state_since, status.state_index, status.state_hash));
    }
    let same = |mark: &(u64, u64, String)| mark.1 != marks[0].1 || *mark == marks[0];
    assert!(marks.iter().all(same), "{marks:?}");
    for member in members {
        member.stop().await;
    }
}
