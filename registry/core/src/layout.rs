//! The layout of keys: `shard | tag | parts`. The shard comes first from the first day, so that the state can be split
//! over several Raft groups without a migration. Two kinds of keys never begin alike; `table` lists all kinds.

/// All state lives in shard 0 until there is more than one group.
const SHARD: [u8; 2] = [0, 0];

/// Ends a text part. No id, origin or checked text contains it.
pub(crate) const END: &[u8] = &[0];

/// What the keys of one kind begin with, behind the shard: a number that nothing else in their space has, or ever had.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Tag(pub(crate) u8);

impl Tag {
    /// The tag of a key, if it is long enough to have one.
    pub(crate) fn of(key: &[u8]) -> Option<Self> {
        key.get(SHARD.len()).copied().map(Self)
    }

    /// A key: the parts one after the other.
    pub(crate) fn key(self, parts: &[&[u8]]) -> Vec<u8> {
        let len = SHARD.len() + 1 + parts.iter().map(|part| part.len()).sum::<usize>();
        let mut key = Vec::with_capacity(len);
        key.extend_from_slice(&SHARD);
        key.push(self.0);
        for part in parts {
            key.extend_from_slice(part);
        }
        key
    }
}

/// The least key that is greater than every key starting with `prefix`.
pub(crate) fn past(prefix: &[u8]) -> Vec<u8> {
    let mut end = prefix.to_vec();
    while let Some(last) = end.pop() {
        if last < u8::MAX {
            end.push(last + 1);
            return end;
        }
    }
    unreachable!("a prefix starts with the shard and a tag, which are not all 0xff")
}

/// The least key that is greater than `key`.
pub(crate) fn after(key: &[u8]) -> Vec<u8> {
    let mut next = Vec::with_capacity(key.len() + 1);
    next.extend_from_slice(key);
    next.push(0);
    next
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_ends_before_its_successor() {
        assert_eq!(past(&[0, 0, 7, 1]), [0, 0, 7, 2]);
        assert_eq!(past(&[0, 0, 7, 0xff, 0xff]), [0, 0, 8]);
        let tag = Tag(7);
        let prefix = tag.key(&[b"node", END]);
        let inside = tag.key(&[b"node", END, &[0xff; 9]]);
        assert!(prefix < inside && inside < past(&prefix));
        assert!(tag.key(&[b"node2", END]) >= past(&prefix));
    }

    #[test]
    fn nothing_lies_between_a_key_and_the_one_after() {
        assert_eq!(after(b"ab"), b"ab\0");
    }
}
