//! The transparency log at its boundary: trees of every small size, and notes that others have made.
//!
//! Attack case 15 (flipped leaves, shrunk trees) is here, for proofs of every shape.

use proptest::prelude::*;
use proto_types::tlog::{
    self, Breach, Checkpoint, Frontier, Invalid, Kind, Note, NoteKey, NoteSigner, Policy, Refused,
    Rows, Submission, TilePath, consistency, follows, inclusion, verify_consistency,
    verify_inclusion,
};
use proto_types::{Digest, SecretKey};

/// Every size up to here: two full tiles and the first levels of a third.
const SIZE_MAX: u64 = 600;

/// Rows in memory, filled by a frontier as a log fills them.
#[derive(Default)]
struct Log {
    frontier: Frontier,
    rows: Vec<Vec<Digest>>,
    roots: Vec<Digest>,
}

impl Log {
    fn of(size: u64) -> Self {
        let mut log = Self::default();
        log.roots.push(log.frontier.root());
        (0..size).for_each(|leaf| log.append(&leaf.to_be_bytes()));
        log
    }

    fn append(&mut self, entry: &[u8]) {
        let leaf = tlog::leaf_hash(entry);
        let mut completed = vec![(0, self.frontier.size(), leaf)];
        self.frontier.append(leaf, |level, index, hash| completed.push((level, index, hash)));
        for (level, index, hash) in completed {
            let level = usize::from(level);
            if self.rows.len() <= level {
                self.rows.push(Vec::new());
            }
            assert_eq!(self.rows[level].len() as u64, index);
            self.rows[level].push(hash);
        }
        self.roots.push(self.frontier.root());
    }

    fn head(&self, size: u64) -> (u64, &Digest) {
        (size, &self.roots[size as usize])
    }
}

impl Rows for Log {
    type Error = String;

    fn row(&self, level: u8, first: u64, count: usize) -> Result<Vec<Digest>, String> {
        assert_eq!(first / 256, (first + count as u64 - 1) / 256, "a row within one tile");
        let row = self.rows.get(usize::from(level)).ok_or("no such row")?;
        let first = first as usize;
        Ok(row.get(first..first + count).ok_or("the row is short")?.to_vec())
    }
}

/// The definition of RFC 6962, section 2.1, word for word.
fn defined_root(entries: &[Vec<u8>]) -> Digest {
    match entries {
        [] => tlog::empty_root(),
        [entry] => tlog::leaf_hash(entry),
        _ => {
            let half = entries.len().next_power_of_two() / 2;
            let (left, right) = entries.split_at(half);
            tlog::node_hash(&defined_root(left), &defined_root(right))
        }
    }
}

/// The leaves and roots of certificate-transparency's merkle_tree_test.
const LEAVES: [&str; 8] = [
    "",
    "00",
    "10",
    "2021",
    "3031",
    "40414243",
    "5051525354555657",
    "606162636465666768696a6b6c6d6e6f",
];
const ROOTS: [&str; 8] = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
];

#[test]
fn the_roots_of_certificate_transparencys_test_tree_hold() {
    let mut log = Log::of(0);
    assert_eq!(log.frontier.root().hex(), format!("{}", Digest::of(b"").hex()));
    for (leaf, root) in LEAVES.iter().zip(ROOTS) {
        log.append(&hex::decode(leaf).unwrap());
        assert_eq!(log.frontier.root().hex(), root);
    }
}

#[test]
fn every_root_is_the_one_of_the_definition() {
    let log = Log::of(SIZE_MAX);
    let entries: Vec<Vec<u8>> = (0..SIZE_MAX).map(|leaf| leaf.to_be_bytes().to_vec()).collect();
    for size in 0..=SIZE_MAX {
        let defined = defined_root(&entries[..size as usize]);
        assert_eq!(log.roots[size as usize], defined, "{size}");
        assert_eq!(tlog::root(&log, size).unwrap(), defined, "{size}");
    }
}

#[test]
fn every_inclusion_proof_verifies_and_at_no_other_place() {
    let log = Log::of(SIZE_MAX);
    for size in 1..=SIZE_MAX {
        for index in 0..size {
            // All leaves of some sizes, and some leaves of all.
            if size % 37 != 0 && index % 61 != 0 && index + 2 < size {
                continue;
            }
            let leaf = tlog::leaf_hash(&index.to_be_bytes());
            let path = inclusion(&log, index, size).unwrap();
            assert_eq!(verify_inclusion(&leaf, index, log.head(size), &path), Ok(()));
            let beside = verify_inclusion(&leaf, index ^ 1, log.head(size), &path);
            assert!(beside.is_err(), "{index} of {size} passes for its neighbour");
        }
        let leaf = tlog::leaf_hash(&size.to_be_bytes());
        assert_eq!(verify_inclusion(&leaf, size, log.head(size), &[]), Err(Invalid::Sizes));
        assert_eq!(inclusion(&log, size, size).unwrap(), []);
    }
}

#[test]
fn every_consistency_proof_verifies() {
    let log = Log::of(SIZE_MAX);
    for new in 0..=SIZE_MAX {
        for old in (0..=new).filter(|old| new % 29 == 0 || old % 31 == 0 || old + 2 >= new) {
            let proof = consistency(&log, old, new).unwrap();
            let found = verify_consistency(log.head(old), log.head(new), &proof);
            assert_eq!(found, Ok(()), "{old} to {new}");
            let longer = [proof.as_slice(), &[Digest([0; 32])]].concat();
            assert!(verify_consistency(log.head(old), log.head(new), &longer).is_err());
            if let Some((_, shorter)) = proof.split_last() {
                assert!(verify_consistency(log.head(old), log.head(new), shorter).is_err());
            }
        }
    }
}

fn flip(digest: &Digest, bit: usize) -> Digest {
    let mut flipped = *digest;
    flipped.0[bit / 8] ^= 1 << (bit % 8);
    flipped
}

proptest! {
    /// Caught: `climb` that does not compare the old root, and an inclusion path read past its end.
    #[test]
    fn case_15_any_flipped_bit_of_a_proof_fails(
        new in 2..=SIZE_MAX,
        (at, which, bit) in (any::<u64>(), any::<usize>(), 0_usize..256),
    ) {
        let log = Log::of(new);
        let index = at % new;
        let leaf = tlog::leaf_hash(&index.to_be_bytes());
        let mut path = inclusion(&log, index, new).unwrap();
        prop_assert!(verify_inclusion(&flip(&leaf, bit), index, log.head(new), &path).is_err());
        let root = flip(&log.roots[new as usize], bit);
        prop_assert!(verify_inclusion(&leaf, index, (new, &root), &path).is_err());
        let place = which % path.len();
        path[place] = flip(&path[place], bit);
        prop_assert!(verify_inclusion(&leaf, index, log.head(new), &path).is_err());

        let old = 1 + at % (new - 1);
        let mut proof = consistency(&log, old, new).unwrap();
        let wrong = flip(&log.roots[old as usize], bit);
        prop_assert!(verify_consistency((old, &wrong), log.head(new), &proof).is_err());
        prop_assert!(verify_consistency(log.head(old), (new, &root), &proof).is_err());
        let place = which % proof.len();
        proof[place] = flip(&proof[place], bit);
        prop_assert!(verify_consistency(log.head(old), log.head(new), &proof).is_err());
    }

    #[test]
    fn nothing_that_is_sent_to_us_makes_a_parser_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), text in "[\\PC\n]{0,80}") {
        let _ = Note::parse(&bytes);
        let _ = Submission::parse(&bytes);
        let _ = tlog::entries(&bytes);
        let _ = Frontier::from_bytes(&bytes);
        for text in [text.as_str(), &format!("{text}\n\n\u{2014} a b\n"), &format!("old {text}")] {
            let _ = Note::parse(text.as_bytes());
            let _ = Submission::parse(text.as_bytes());
            let _ = Checkpoint::parse(text);
            let _ = NoteKey::parse(text);
            let _ = TilePath::parse(text);
        }
    }

    #[test]
    fn a_tile_has_one_path(level in prop::option::of(0_u8..=5), index in 0..u64::MAX / 256, width in 1_u16..=256) {
        let tile = TilePath { level, index, width };
        prop_assert_eq!(TilePath::parse(&tile.to_string()), Some(tile));
    }
}

#[test]
fn case_15_a_flipped_leaf_or_a_shrunk_tree_is_named() {
    let (honest, epoch) = (Log::of(300), 0);
    let mut forged = Log::of(0);
    (0..300_u64).for_each(|leaf| match leaf {
        7 => forged.append(b"another history"),
        _ => forged.append(&leaf.to_be_bytes()),
    });
    let head = |log: &Log, size: u64| {
        Checkpoint::new("log.example", (size, log.roots[size as usize]), epoch)
    };
    let proof = consistency(&forged, 100, 300).unwrap();
    let found = follows(&head(&honest, 100), &head(&forged, 300), &proof);
    assert_eq!(found, Err(Breach::Inconsistent { old: 100, new: 300, why: Invalid::Root }));
    let found = follows(&head(&honest, 300), &head(&forged, 300), &[]);
    assert!(matches!(found, Err(Breach::Forked { size: 300, .. })), "{found:?}");
    let found = follows(&head(&honest, 300), &head(&honest, 299), &[]);
    assert_eq!(found, Err(Breach::Shrank { old: 300, new: 299, epochs: (0, 0) }));
    let before = follows(&head(&honest, 7), &head(&forged, 7), &[]);
    assert_eq!(before, Ok(()), "both histories are one until they part");
}

#[test]
fn case_47_a_shorter_tree_of_a_restored_cluster_is_refused_with_its_epochs() {
    let log = Log::of(20);
    let head =
        |size: u64, epoch| Checkpoint::new("log.example", (size, log.roots[size as usize]), epoch);
    let found = follows(&head(20, 0), &head(10, 1), &[]).unwrap_err();
    assert_eq!(found, Breach::Shrank { old: 20, new: 10, epochs: (0, 1) });
    assert!(found.to_string().contains("restored from a backup"), "{found}");
    let found = follows(&head(10, 2), &head(20, 1), &consistency(&log, 10, 20).unwrap());
    assert_eq!(found, Err(Breach::EpochFell { old: 2, new: 1 }));
}

/// The example of golang.org/x/mod/sumdb/note.
const NEUMANN: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
const NOTE: &str = "If you think cryptography is the answer to your problem,\n\
    then you don't know what your problem is.\n\n\
    \u{2014} PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";

#[test]
fn the_note_of_gos_documentation_verifies() {
    let key = NoteKey::parse(NEUMANN).unwrap();
    assert_eq!(key.to_string(), NEUMANN);
    let note = Note::parse(NOTE.as_bytes()).unwrap();
    assert_eq!(note.to_string(), NOTE);
    assert_eq!(key.verified(&note), Some(0));
    let other = Note::parse(NOTE.replace("know", "knew").as_bytes()).unwrap();
    assert!(key.claims(&other) && key.verified(&other).is_none());
    assert!(NoteKey::parse(&NEUMANN.replace("c74f", "c74e")).is_err());
}

fn signer(name: &str, kind: Kind, seed: u8) -> NoteSigner {
    NoteSigner::new(name, kind, SecretKey::from_seed(&[seed; 32])).unwrap()
}

#[test]
fn case_14_a_checkpoint_without_its_witnesses_is_refused() {
    let log = signer("log.example", Kind::Log, 1);
    let witnesses = [2, 3].map(|seed| signer(&format!("w{seed}.example"), Kind::Witness, seed));
    let policy = Policy {
        log: log.key().clone(),
        witnesses: witnesses.iter().map(|witness| witness.key().clone()).collect(),
        quorum: 2,
    };
    let text = Checkpoint::new("log.example", (1, Digest::of(b"x")), 3).text();
    let mut note = Note::new(text.clone());
    let check = |note: &Note| policy.check(note.to_string().as_bytes()).map(|(_, read)| read);
    assert!(matches!(check(&note), Err(Refused::Note(_))));
    note.add(witnesses[0].sign(&text, 1_800_000_000));
    let unknown = Refused::UnknownKey { found: vec!["w2.example".into()] };
    assert_eq!(check(&note), Err(unknown));
    note.add(log.sign(&text, 0));
    note.add(witnesses[0].sign(&text, 1_800_000_001));
    assert_eq!(note.signatures().len(), 2, "one line a key");
    assert_eq!(check(&note), Err(Refused::Unwitnessed { found: 1, needed: 2 }));
    // A witness's name with a signature of another text does not count.
    let mut forged = note.clone();
    forged.add(witnesses[1].sign("another\n", 1_800_000_000));
    assert_eq!(check(&forged), Err(Refused::Unwitnessed { found: 1, needed: 2 }));
    note.add(witnesses[1].sign(&text, 1_800_000_000));
    assert_eq!(check(&note).unwrap().epoch(), 3);
    assert_eq!(witnesses[1].key().verified(&note), Some(1_800_000_000));
    let renamed =
        Policy { log: signer("other.example", Kind::Log, 1).key().clone(), ..policy.clone() };
    assert!(matches!(renamed.check(note.to_string().as_bytes()), Err(Refused::UnknownKey { .. })));
    let tampered = note.to_string().replace("\n1\n", "\n2\n");
    let found = policy.check(tampered.as_bytes());
    assert_eq!(found, Err(Refused::BadSignature { name: "log.example".into() }));
}

#[test]
fn two_keys_of_one_witness_count_once() {
    let log = signer("log.example", Kind::Log, 1);
    let keys = [2, 3].map(|seed| signer("w.example", Kind::Witness, seed));
    let text = Checkpoint::new("log.example", (0, tlog::empty_root()), 0).text();
    let mut note = Note::new(text.clone());
    note.add(log.sign(&text, 0));
    keys.iter().for_each(|key| note.add(key.sign(&text, 1)));
    let witnesses = keys.iter().map(|key| key.key().clone()).collect();
    let policy = Policy { log: log.key().clone(), witnesses, quorum: 2 };
    let found = policy.check(note.to_string().as_bytes());
    assert_eq!(found, Err(Refused::Unwitnessed { found: 1, needed: 2 }));
}

#[test]
fn a_checkpoint_is_read_as_it_was_written_and_in_no_other_form() {
    let head =
        Checkpoint::new("log.example", (7, Digest::of(b"r")), 2).with_audit(9, &Digest::of(b"a"));
    let text = head.text();
    assert_eq!(Checkpoint::parse(&text), Ok(head.clone()));
    assert_eq!((head.epoch(), head.audit()), (2, Some((9, Digest::of(b"a")))));
    for bad in [
        text.replace("\n7\n", "\n07\n"),
        text.replace("\n7\n", "\n+7\n"),
        text.replace("=\n", "\n"),
        text.replacen("log.example", "log example", 1),
        text.replacen("log.example", "", 1),
        format!("{text}\n"),
        text.trim_end().to_owned(),
        String::new(),
    ] {
        assert!(Checkpoint::parse(&bad).is_err(), "{bad:?}");
    }
}

#[test]
fn a_submission_is_read_as_it_was_written() {
    let log = signer("log.example", Kind::Log, 1);
    let text = Checkpoint::new("log.example", (9, Digest::of(b"r")), 0).text();
    let mut note = Note::new(text.clone());
    note.add(log.sign(&text, 0));
    for count in [0, 1, 63, 64] {
        let proof = vec![Digest::of(b"p"); count];
        let sent = Submission { old: 4, proof, note: note.clone() };
        let read = Submission::parse(sent.to_string().as_bytes());
        assert_eq!(read.is_ok(), count <= 63, "{count}");
        assert!(read.is_err() || read == Ok(sent));
    }
    let good = Submission { old: 4, proof: vec![], note }.to_string();
    for bad in [
        good.replace("old 4", "old 04"),
        good.replace("old ", ""),
        good.replace("old 4\n", "old 4\nx\n"),
    ] {
        assert!(Submission::parse(bad.as_bytes()).is_err(), "{bad}");
    }
}

#[test]
fn tile_paths_are_those_of_the_specification() {
    let path = |level, index, width| TilePath { level, index, width }.to_string();
    assert_eq!(path(Some(0), 1_234_067, 256), "0/x001/x234/067");
    assert_eq!(path(Some(1), 0, 8), "1/000.p/8");
    assert_eq!(path(None, 999, 256), "entries/999");
    for bad in [
        "",
        "0",
        "0/",
        "0/0",
        "0/0000",
        "6/000",
        "00/000",
        "0/x000/001",
        "0/x001/1",
        "0/001/002",
        "0/000.p/0",
        "0/000.p/256",
        "0/000.p/08",
        "0/000.p/",
        "data/000",
        "0/../000",
        "0/+01",
        "0/x001",
    ] {
        assert_eq!(TilePath::parse(bad), None, "{bad}");
    }
    let huge = format!("0/{}/001", ["x999"; 9].join("/"));
    assert_eq!(TilePath::parse(&huge), None, "it overflows");
    assert_eq!(TilePath::of(0, 255, 600), Some(TilePath { level: Some(0), index: 0, width: 256 }));
    assert_eq!(TilePath::of(0, 599, 600), Some(TilePath { level: Some(0), index: 2, width: 88 }));
    assert_eq!(TilePath::of(1, 1, 600), Some(TilePath { level: Some(1), index: 0, width: 2 }));
    assert_eq!(TilePath::of(1, 2, 600), None);
}

#[test]
fn a_bundle_gives_back_its_entries() {
    let entries: Vec<Vec<u8>> = (0..256_usize).map(|length| vec![7; length * 3]).collect();
    let bundle = tlog::entry_bundle(entries.iter().map(Vec::as_slice));
    assert_eq!(tlog::entries(&bundle).unwrap(), entries);
    assert!(tlog::entries(&bundle[..bundle.len() - 1]).is_err());
    assert!(tlog::entries(&[bundle.as_slice(), &[0, 0]].concat()).is_err(), "257 entries");
    assert!(tlog::entries(&[]).is_err());
}

#[test]
fn a_frontier_is_kept_and_read_back() {
    let log = Log::of(300);
    let kept = log.frontier.to_bytes();
    assert_eq!(Frontier::from_bytes(&kept), Ok(log.frontier.clone()));
    assert!(Frontier::from_bytes(&kept[..kept.len() - 1]).is_err());
    assert!(Frontier::from_bytes(&[kept.as_slice(), &[0; 32]].concat()).is_err());
}
