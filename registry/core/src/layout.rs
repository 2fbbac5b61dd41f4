//! How keys are laid out: `shard | tag | parts`. The shard comes first from the first day, so that
//! splitting the state over several Raft groups needs no migration.
//! It decides bytes only, and must never reuse a tag: old state would be read as something else.

/// All state lives in shard 0 until there is more than one group.
const SHARD: [u8; 2] = [0, 0];

/// Ends a text part. No id, origin or checked text contains it.
pub(crate) const END: &[u8] = &[0];

/// The tags of `Space::State`.
pub(crate) mod state {
    pub(crate) const COUNTERS: u8 = 0;
    pub(crate) const PEERS: u8 = 1;
    pub(crate) const RECORDS: u8 = 2;
    pub(crate) const CARDS: u8 = 3;
    pub(crate) const AGENTS: u8 = 4;
    pub(crate) const GATEWAYS: u8 = 5;
    pub(crate) const NODES: u8 = 6;
    pub(crate) const TASKS: u8 = 7;
    pub(crate) const ENVELOPES: u8 = 8;
    pub(crate) const JOIN_TOKENS: u8 = 9;
    pub(crate) const SPENT_TOKENS: u8 = 10;
    pub(crate) const PEER_LOG: u8 = 11;
    pub(crate) const PEER_REQUESTS: u8 = 12;
    pub(crate) const LOG: u8 = 16;
    pub(crate) const AUDIT_HEAD: u8 = 17;
    pub(crate) const AUDIT: u8 = 18;
    pub(crate) const WITNESSED: u8 = 19;
    pub(crate) const LIVENESS: u8 = 20;
    pub(crate) const PARTNERS: u8 = 21;
    pub(crate) const PROVENANCE: u8 = 22;
    pub(crate) const LOOSE_BODIES: u8 = 27;
    pub(crate) const MEMBERS: u8 = 28;
    pub(crate) const NAMESPACES: u8 = 13;
    pub(crate) const SEARCHES: u8 = 24;
    pub(crate) const SEARCH_STATISTICS: u8 = 25;
    pub(crate) const EVIDENCE: u8 = 30;
    pub(crate) const REPORTERS: u8 = 31;
    pub(crate) const SPENT_LONG_TOKENS: u8 = 32;
    pub(crate) const INSTANCES: u8 = 33;
    pub(crate) const KEY_OWNERS: u8 = 34;
}

/// The tags of `Space::Index`. 1 was that of enrolled keys, which are read from their peer since they have
/// times.
pub(crate) mod derived {
    pub(crate) const RECORDS_BY_URL: u8 = 2;
    pub(crate) const CREDENTIALS: u8 = 3;
    pub(crate) const JOIN_TOKENS_BY_EXPIRY: u8 = 4;
    pub(crate) const TASKS_PENDING: u8 = 5;
    pub(crate) const TASKS_BY_NODE: u8 = 6;
    pub(crate) const TASKS_BY_DEADLINE: u8 = 7;
    pub(crate) const QUEUES: u8 = 8;
    pub(crate) const ENVELOPES_BY_EXPIRY: u8 = 9;
    pub(crate) const TASKS_BY_END: u8 = 10;
    pub(crate) const BODY_REFS: u8 = 11;
    pub(crate) const NAMESPACE_PREFIXES: u8 = 30;
    pub(crate) const NAMESPACES_BY_OWNER: u8 = 31;
    pub(crate) const NAMESPACES_BY_GUEST: u8 = 32;
    pub(crate) const NAMESPACES_BY_GUEST_NAMESPACE: u8 = 33;
    pub(crate) const LISTED_RECORDS: u8 = 34;
    pub(crate) const LISTED_CARDS: u8 = 35;
    pub(crate) const LISTED_AGENTS: u8 = 36;
    pub(crate) const MANIFESTS_BY_EXPIRY: u8 = 37;
    pub(crate) const PEER_REQUESTS_BY_EXPIRY: u8 = 38;
    pub(crate) const DOMAINS_DUE: u8 = 39;
    pub(crate) const POSTINGS: u8 = 20;
    pub(crate) const RANKED: u8 = 21;
    pub(crate) const IMPORTS_BY_PARTNER: u8 = 40;
    pub(crate) const EVIDENCE_BY_VOID: u8 = 45;
    pub(crate) const TASKS_BY_CONTEXT: u8 = 50;
    pub(crate) const PEER_REQUESTS_BY_SOURCE: u8 = 51;
}

/// A key: the parts one after the other.
pub(crate) fn key(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let len = SHARD.len() + 1 + parts.iter().map(|part| part.len()).sum::<usize>();
    let mut key = Vec::with_capacity(len);
    key.extend_from_slice(&SHARD);
    key.push(tag);
    for part in parts {
        key.extend_from_slice(part);
    }
    key
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
        let prefix = key(7, &[b"node", END]);
        let inside = key(7, &[b"node", END, &[0xff; 9]]);
        assert!(prefix < inside && inside < past(&prefix));
        assert!(key(7, &[b"node2", END]) >= past(&prefix));
    }

    #[test]
    fn nothing_lies_between_a_key_and_the_one_after() {
        assert_eq!(after(b"ab"), b"ab\0");
    }
}
