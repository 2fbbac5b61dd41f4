//! What a member keeps of its log and beside its state, byte for byte, against a file that is committed: `name hex` a line.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::fs;
use std::path::Path;

use openraft::entry::RaftEntry as _;
use openraft::{BasicNode, EntryPayload};
use proto_types::{Digest, WallMs};
use registry_core::command::{Command, FleetCommand, Proposal};

use super::*;
use crate::batch::{Batch, Payload, encode_proposal};
use crate::machine::StateMark;
use crate::snapshot::{Manifest, Piece};
use crate::types::{Entry, LogId, Membership, SnapshotMeta, Vote};

/// `ECUMENE_BLESS=1` writes the file instead of comparing it.
#[test]
fn what_is_kept_of_the_log_has_the_bytes_that_members_hold() {
    let log_id = LogId::new_term_index(3, 7);
    let (voters, nodes) = (BTreeSet::<u64>::from([1, 2]), nodes());
    let members = openraft::Membership::new(vec![voters], nodes).unwrap();
    let stored = Membership::new(Some(log_id), members.clone());
    let meta = SnapshotMeta { last_log_id: Some(log_id), last_membership: stored.clone() };
    let mut lines = String::new();
    pin(&mut lines, "entry blank", &Entry::new(log_id, EntryPayload::Blank));
    pin(&mut lines, "entry normal", &Entry::new(log_id, EntryPayload::Normal(payload())));
    pin(&mut lines, "entry membership", &Entry::new(log_id, EntryPayload::Membership(members)));
    pin(&mut lines, "vote", &Vote::new(3, 2));
    pin(&mut lines, "vote committed", &Vote::new_committed(3, 2));
    pin(&mut lines, "purged, applied", &log_id);
    pin(&mut lines, "committed", &Some(log_id));
    pin(&mut lines, "committed none", &None::<LogId>);
    pin(&mut lines, "membership", &stored);
    pin(&mut lines, "membership none", &Membership::default());
    pin(&mut lines, "mark", &StateMark { since: 5, index: 7, hash: Digest::of(b"mark") });
    pin(&mut lines, "manifest", &Manifest { meta, files: vec![piece()] });
    let (meta, files) = (SnapshotMeta::default(), Vec::new());
    pin(&mut lines, "manifest empty", &Manifest { meta, files });
    check(&lines);
}

fn nodes() -> BTreeMap<u64, BasicNode> {
    BTreeMap::from([1_u64, 2, 3].map(|id| (id, BasicNode::new(format!("http://member{id}")))))
}

fn payload() -> Payload {
    let proposal = Proposal { commands: vec![Command::Fleet(FleetCommand::CallNodes)] };
    let encoded = encode_proposal(&proposal).unwrap();
    let payload = Payload::join(WallMs(1_234), [encoded.as_slice()].into_iter());
    let batch = Batch { stamp: WallMs(1_234), proposals: vec![proposal] };
    assert_eq!(payload.read().unwrap(), batch);
    payload
}

fn piece() -> Piece {
    let (name, sha256) = ("000012.sst".to_owned(), Digest::of(b"table"));
    Piece { name, bytes: 5, sha256, inode: 9 }
}

fn pin<T>(lines: &mut String, name: &str, value: &T)
where
    T: Serialize + DeserializeOwned + PartialEq + Debug,
{
    let bytes = encode(value).unwrap();
    // As the bytes are those of the file, this reads the file.
    assert_eq!(decode::<T>(&bytes).unwrap(), *value, "{name}");
    let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    lines.push_str(&format!("{name} {digits}\n"));
}

fn check(lines: &str) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let path = folder.join("log.txt");
    if std::env::var_os("ECUMENE_BLESS").is_some() {
        fs::create_dir_all(&folder).unwrap();
        fs::write(&path, lines).unwrap();
    }
    let committed = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == lines,
        "registry/raft/tests/golden/log.txt is not what is kept now, and a line that is there must not change. Where it is \
         new, or the file is not there yet: ECUMENE_BLESS=1 cargo nextest run -p registry-raft --lib what_is_kept. It is:\n\
         {lines}"
    );
}
