//! A digest of everything that was ever written, rolled on with each log entry, so that members can compare their states
//! without reading them. It depends on the writes alone.

use proto_types::{Digest, Revision};

use crate::view::{Space, Write};

/// What each step starts with.
const DOMAIN: &[u8] = b"ecumene/state-hash\0";

/// The digest after an entry: of the one before, the revision after it, and its writes in order.
/// Bodies count by their key, which is the digest of their bytes.
#[must_use]
pub fn roll(before: &Digest, revision: Revision, writes: &[Write]) -> Digest {
    let mut bytes = Vec::with_capacity(64 * writes.len() + 64);
    bytes.extend_from_slice(DOMAIN);
    bytes.extend_from_slice(before.as_bytes());
    bytes.extend_from_slice(&revision.0.to_be_bytes());
    writes.iter().for_each(|write| encode(write, &mut bytes));
    Digest::of(&bytes)
}

fn encode(write: &Write, into: &mut Vec<u8>) {
    let mut part = |bytes: &[u8]| {
        into.extend_from_slice(&(bytes.len() as u64).to_be_bytes());
        into.extend_from_slice(bytes);
    };
    match write {
        Write::Put { space: Space::Bodies, key, value } => {
            part(&[0, space_number(Space::Bodies)]);
            part(key);
            part(&(value.len() as u64).to_be_bytes());
        }
        Write::Put { space, key, value } => {
            part(&[0, space_number(*space)]);
            part(key);
            part(value);
        }
        Write::Delete { space, key } => {
            part(&[1, space_number(*space)]);
            part(key);
        }
        Write::DeleteRange { space, from, to } => {
            part(&[2, space_number(*space)]);
            part(from);
            part(to);
        }
    }
}

/// Never to be given to another space.
const fn space_number(space: Space) -> u8 {
    match space {
        Space::State => 0,
        Space::Bodies => 1,
        Space::Index => 2,
        Space::Changes => 3,
        Space::Tiles => 4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_difference_of_a_write_makes_another_digest() {
        let put = |space, key: &[u8], value: &[u8]| Write::Put {
            space,
            key: key.to_vec(),
            value: value.to_vec(),
        };
        let delete = |key: &[u8]| Write::Delete { space: Space::State, key: key.to_vec() };
        let range = |from: &[u8], to: &[u8]| Write::DeleteRange {
            space: Space::State,
            from: from.to_vec(),
            to: to.to_vec(),
        };
        let different = [
            vec![],
            vec![put(Space::State, b"a", b"b")],
            vec![put(Space::Index, b"a", b"b")],
            vec![put(Space::State, b"ab", b"")],
            vec![put(Space::State, b"a", b"c")],
            vec![delete(b"a")],
            vec![delete(b"a"), delete(b"b")],
            vec![delete(b"b"), delete(b"a")],
            vec![range(b"a", b"b")],
            vec![range(b"ab", b"")],
        ];
        let (start, revision) = (Digest([0; 32]), Revision(1));
        let mut found: Vec<Digest> =
            different.iter().map(|writes| roll(&start, revision, writes)).collect();
        found.push(roll(&start, Revision(2), &[]));
        found.push(roll(&found[0].clone(), revision, &[]));
        let count = found.len();
        found.sort();
        found.dedup();
        assert_eq!(found.len(), count);
    }
}
