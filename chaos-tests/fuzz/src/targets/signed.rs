//! Documents that are signed as a whole, and the notes of a transparency log. The first byte chooses.
//!
//! What has no signature yet is signed here, so that what is behind the signature is reached.

use proto_types::json::from_strict;
use proto_types::manifest::PeerManifest;
use proto_types::peer::PeerOperation;
use proto_types::signed::{Document, Signed};
use proto_types::tlog::{Checkpoint, Note, Submission, TilePath, entries, entry_bundle};

use crate::fixtures::{NOW, choice, kid, secret};

pub(crate) fn run(bytes: &[u8]) {
    let (at, rest) = choice(bytes);
    match at % 7 {
        0 => drop(document::<PeerManifest>(rest).map(|manifest| manifest.check(NOW))),
        1 => drop(document::<PeerOperation>(rest).map(|operation| operation.check(NOW))),
        2 => note(rest),
        3 => str::from_utf8(rest).into_iter().for_each(checkpoint),
        4 => submission(rest),
        5 => str::from_utf8(rest).into_iter().for_each(tile),
        _ => bundle(rest),
    }
}

/// The document in the bytes, signed or not.
fn document<T: Document + Clone + PartialEq + std::fmt::Debug>(bytes: &[u8]) -> Option<T> {
    let read = match Signed::<T>::parse(bytes) {
        Ok(signed) => {
            assert_eq!(signed.bytes(), bytes);
            assert!(signed.kids().next().is_some());
            signed.unverified().clone()
        }
        Err(_) => from_strict::<T>(bytes).ok()?,
    };
    if let Ok(signed) = Signed::sign(read.clone(), &[(kid(), &secret())]) {
        let digest = signed.document_digest();
        let again = Signed::<T>::parse(signed.bytes()).expect("what we publish is read");
        assert_eq!((again.unverified(), again.document_digest()), (&read, digest));
        let known = |of: &proto_types::Kid| (*of == kid()).then(|| secret().public());
        let verified = again.verify(&known, 1).expect("we have signed it");
        assert_eq!(verified.signers(), [kid()]);
        assert!(signed.verify(&known, 2).is_err(), "one key is one");
    }
    Some(read)
}

/// A note prints as it was read.
fn note(bytes: &[u8]) {
    if let Ok(note) = Note::parse(bytes) {
        assert_eq!(note.to_string().as_bytes(), bytes);
    }
}

fn checkpoint(text: &str) {
    if let Ok(checkpoint) = Checkpoint::parse(text) {
        assert_eq!(checkpoint.text(), text);
        let _ = (checkpoint.epoch(), checkpoint.audit());
    }
}

fn submission(bytes: &[u8]) {
    if let Ok(submission) = Submission::parse(bytes) {
        assert_eq!(submission.to_string().as_bytes(), bytes);
    }
}

fn tile(text: &str) {
    if let Some(tile) = TilePath::parse(text) {
        assert_eq!(tile.to_string(), text);
        let _ = tile.first();
    }
}

fn bundle(bytes: &[u8]) {
    if let Ok(found) = entries(bytes) {
        assert_eq!(entry_bundle(found.into_iter()), bytes);
    }
}
