//! The list of all tables, and of all other tags in the state. A tag is never given to anything else, also when nothing
//! has it any more: old state would be read as something else.

pub use crate::agent::table::AGENTS;
pub use crate::body::rows::body_key;
pub use crate::card::table::CARDS;
pub use crate::conduct::table::{EVIDENCE, REPORTERS, evidence_key};
pub use crate::entity::{Entity, Table};
pub use crate::envelope::table::{ENVELOPES, envelope_key};
pub use crate::gateway::table::GATEWAYS;
pub use crate::import::table::PROVENANCE;
pub use crate::instance::table::INSTANCES;
pub use crate::join_token::table::JOIN_TOKENS;
pub use crate::member::table::MEMBERS;
pub use crate::namespace::table::NAMESPACES;
pub use crate::node::table::NODES;
pub use crate::partner::table::PARTNERS;
pub use crate::peer::table::{PEER_LOG, PEER_REQUESTS, PEERS, peer_log_key, peer_request_key};
pub use crate::policy::table::POLICIES;
pub use crate::reachability::table::REACHABILITY;
pub use crate::record::table::RECORDS;
pub use crate::search::table::SEARCHES;
pub use crate::task::table::TASKS;

use crate::audit::rows::{AUDIT, AUDIT_HEAD};
use crate::body::rows::LOOSE_BODIES;
use crate::counter::COUNTERS;
use crate::entity::AnyTable;
use crate::layout::Tag;
use crate::log::rows::LOG;
use crate::peer::key_owner::KEY_OWNERS;
use crate::search::statistics::SEARCH_STATISTICS;
use crate::token::spent::{SPENT_LONG_TOKENS, SPENT_TOKENS};
use crate::witness::rows::WITNESSED;

/// Every table of `Space::State`.
pub(crate) const TABLES: &[&dyn AnyTable] = &[
    &PEERS,
    &RECORDS,
    &CARDS,
    &AGENTS,
    &GATEWAYS,
    &NODES,
    &TASKS,
    &ENVELOPES,
    &JOIN_TOKENS,
    &MEMBERS,
    &NAMESPACES,
    &PEER_LOG,
    &PEER_REQUESTS,
    &SEARCHES,
    &REACHABILITY,
    &PARTNERS,
    &PROVENANCE,
    &INSTANCES,
    &EVIDENCE,
    &REPORTERS,
    &POLICIES,
];

/// What lies in `Space::State` beside the tables.
pub(crate) const ROWS: &[Tag] = &[
    COUNTERS,
    SPENT_TOKENS,
    SPENT_LONG_TOKENS,
    LOOSE_BODIES,
    LOG,
    AUDIT_HEAD,
    AUDIT,
    WITNESSED,
    SEARCH_STATISTICS,
    KEY_OWNERS,
];

/// What the proposals of one log entry read again and again: numbers, and entries that many of them name.
pub(crate) const READ_AGAIN: &[Tag] =
    &[COUNTERS, NAMESPACES.tag(), PEERS.tag(), AGENTS.tag(), NODES.tag()];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::body::rows::BODY_REFS;
    use crate::credential::CREDENTIALS;
    use crate::{
        agent, card, conduct, envelope, import, join_token, namespace, peer, record, search, task,
    };

    /// That of enrolled keys, which are read from their peer since they have times.
    const RETIRED: Tag = Tag(1);

    /// Every kind of derived keys, `Space::Index`.
    const INDEXES: &[Tag] = &[
        RETIRED,
        record::table::RECORDS_BY_URL,
        CREDENTIALS,
        join_token::table::JOIN_TOKENS_BY_EXPIRY,
        task::table::TASKS_PENDING,
        task::table::TASKS_BY_NODE,
        task::table::TASKS_BY_DEADLINE,
        envelope::table::QUEUES,
        envelope::table::ENVELOPES_BY_EXPIRY,
        envelope::table::DEAD_LETTERS,
        task::table::TASKS_BY_END,
        BODY_REFS,
        search::posting::POSTINGS,
        search::posting::RANKED,
        namespace::table::NAMESPACE_PREFIXES,
        namespace::table::NAMESPACES_BY_OWNER,
        namespace::table::NAMESPACES_BY_GUEST,
        namespace::table::NAMESPACES_BY_GUEST_NAMESPACE,
        record::table::LISTED_RECORDS,
        card::table::LISTED_CARDS,
        agent::table::LISTED_AGENTS,
        peer::table::MANIFESTS_BY_EXPIRY,
        peer::table::PEER_REQUESTS_BY_EXPIRY,
        peer::table::DOMAINS_DUE,
        import::table::IMPORTS_BY_PARTNER,
        conduct::table::EVIDENCE_BY_VOID,
        task::table::TASKS_BY_CONTEXT,
        task::table::TASKS_BY_OWNER,
        peer::table::PEER_REQUESTS_BY_SOURCE,
    ];

    #[test]
    fn no_tag_is_given_twice() {
        let tables = TABLES.iter().map(|table| table.tag());
        let state: Vec<Tag> = tables.chain(ROWS.iter().copied()).collect();
        for tags in [&*state, INDEXES] {
            let different: BTreeSet<&Tag> = tags.iter().collect();
            assert_eq!(different.len(), tags.len(), "{tags:?}");
        }
    }
}
