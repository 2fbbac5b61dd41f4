//! Verification of folders: no network, and every way in which a log can lie.
#![expect(clippy::unwrap_used, reason = "tests")]

use proto_types::tlog::{Kind, NoteKey, NoteSigner, entry_bundle};
use proto_types::{Digest, SecretKey};
use tempfile::TempDir;

use super::*;
use crate::client::Profile;

fn signer(name: &str, kind: Kind, seed: u8) -> NoteSigner {
    NoteSigner::new(name, kind, SecretKey::from_seed(&[seed; 32])).unwrap()
}

/// A log of a history and a size, as a folder.
fn folder(history: &str, size: u64, epoch: u64) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let entry = |leaf: u64| format!("{} {leaf}", if leaf < 100 { "common" } else { history });
    let entries: Vec<Vec<u8>> = (0..size).map(|leaf| entry(leaf).into_bytes()).collect();
    let mut frontier = Frontier::default();
    let mut rows: Vec<Vec<Digest>> = vec![Vec::new(), Vec::new()];
    for entry in &entries {
        let leaf = tlog::leaf_hash(entry);
        rows[0].push(leaf);
        frontier.append(leaf, |level, _, hash| rows[usize::from(level)].push(hash));
    }
    let write = |path: TilePath, bytes: Vec<u8>| {
        let path = dir.path().join(format!("tile/{path}"));
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    };
    for (level, row) in rows.iter().enumerate() {
        for (index, hashes) in row.chunks(256).enumerate() {
            let tile = TilePath {
                level: Some(u8::try_from(level).unwrap()),
                index: index as u64,
                width: u16::try_from(hashes.len()).unwrap(),
            };
            write(tile, hashes.iter().flat_map(|hash| hash.0).collect());
        }
    }
    for (index, chunk) in entries.chunks(256).enumerate() {
        let width = u16::try_from(chunk.len()).unwrap();
        let tile = TilePath { level: None, index: index as u64, width };
        write(tile, entry_bundle(chunk.iter().map(Vec::as_slice)));
    }
    let mut note = Note::new(Checkpoint::new("log.example", (size, frontier.root()), epoch).text());
    note.add(signer("log.example", Kind::Log, 1).sign(note.text(), 0));
    std::fs::write(dir.path().join("checkpoint"), note.to_string()).unwrap();
    dir
}

fn checks(dir: &TempDir) -> Checks {
    let log = signer("log.example", Kind::Log, 1).key().clone();
    let policy = Policy::unwitnessed(log);
    Checks { policy, saved: dir.path().join("saved"), entries: true, included: Vec::new() }
}

async fn verify(log: &TempDir, checks: &Checks) -> Result<Output, String> {
    let source = Source::parse(log.path().to_str().unwrap(), &Profile::default());
    run(&source, checks).await.map_err(|failure| failure.to_string())
}

fn kept(checks: &Checks) -> Option<String> {
    std::fs::read_to_string(&checks.saved).ok()
}

#[tokio::test]
async fn a_log_that_grows_is_followed_without_a_network() {
    let dir = tempfile::tempdir().unwrap();
    let checks = checks(&dir);
    for (size, grown) in
        [(0, None), (1, Some(1)), (300, Some(299)), (300, Some(0)), (700, Some(400))]
    {
        let log = folder("one", size, 0);
        let output = verify(&log, &checks).await.unwrap();
        assert_eq!(output.json["grownBy"].as_u64(), grown, "{size}");
        let served = std::fs::read_to_string(log.path().join("checkpoint")).unwrap();
        assert_eq!(kept(&checks), Some(served));
    }
}

#[tokio::test]
async fn case_15_every_way_to_rewrite_a_log_is_named_and_nothing_is_saved() {
    let dir = tempfile::tempdir().unwrap();
    let checks = checks(&dir);
    verify(&folder("one", 300, 1), &checks).await.unwrap();
    let before = kept(&checks);
    for (log, says, evidence) in [
        (folder("other", 600, 1), "does not continue the one of 300", true),
        (folder("other", 300, 1), "shows two histories", true),
        (folder("one", 200, 1), "shrank from 300 to 200", true),
        (folder("one", 200, 2), "restored from a backup (epoch 1 to 2)", true),
        (folder("one", 400, 0), "epoch fell from 1 to 0", true),
    ] {
        let files = || std::fs::read_dir(dir.path()).unwrap().count();
        let count = files();
        let why = verify(&log, &checks).await.unwrap_err();
        assert!(why.contains(says), "{why}");
        assert_eq!((kept(&checks), files() > count), (before.clone(), evidence));
    }
    let evidence = std::fs::read_to_string(dir.path().join("saved.evidence-2")).unwrap();
    assert_eq!(evidence.matches("log.example\n300\n").count(), 2, "both signed heads: {evidence}");
}

#[tokio::test]
async fn case_15_a_flipped_entry_is_found() {
    let dir = tempfile::tempdir().unwrap();
    let checks = checks(&dir);
    let log = folder("one", 300, 0);
    let path = log.path().join("tile/entries/000");
    let mut bundle = std::fs::read(&path).unwrap();
    bundle[2] ^= 1;
    std::fs::write(&path, bundle).unwrap();
    let why = verify(&log, &checks).await.unwrap_err();
    assert!(why.contains("an entry was changed"), "{why}");
    assert_eq!(kept(&checks), None);
}

#[tokio::test]
async fn case_14_an_unknown_key_and_a_missing_witness_are_named() {
    let dir = tempfile::tempdir().unwrap();
    let log = folder("one", 10, 0);
    let mut checks = checks(&dir);
    let witness = signer("witness.example", Kind::Witness, 2).key().clone();
    let honest = checks.policy.clone();
    checks.policy = Policy { witnesses: vec![witness], quorum: 1, ..honest };
    let why = verify(&log, &checks).await.unwrap_err();
    assert!(why.contains("0 of the 1 needed witnesses"), "{why}");
    let other: NoteKey = signer("other.example", Kind::Log, 3).key().clone();
    checks.policy = Policy::unwitnessed(other);
    let why = verify(&log, &checks).await.unwrap_err();
    assert!(why.contains("unknown keys only: log.example"), "{why}");
    assert_eq!(kept(&checks), None);
}
