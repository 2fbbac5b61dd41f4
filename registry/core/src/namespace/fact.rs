//! The line about a namespace in the transparency log. Its bytes must never change: whoever may read the namespace makes
//! the same bytes from what is shown.

use proto_types::Digest;
use proto_types::tlog::Fact;

use super::entry::{NamespaceEntry, Quotas, Terms};

pub(crate) fn of(namespace: &NamespaceEntry) -> Fact {
    let digest = Digest::of(namespace_statement(namespace).as_bytes());
    Fact::new("namespace", namespace.name.as_str(), Some(digest), namespace.revision.0)
}

/// What the log says of a namespace: all of its terms, a line each, so that who administrates it can
/// write them down from what it is shown. No text in terms has a line's end: `apply` refuses it.
#[must_use]
pub fn namespace_statement(namespace: &NamespaceEntry) -> String {
    let Terms { owners, prefixes, visibility, trust, quotas, policy, grants } = &namespace.terms;
    let Quotas { records, cards, agents, bytes } = quotas;
    let quotas = [("records", records), ("cards", cards), ("agents", agents), ("bytes", bytes)];
    let quota =
        |(what, most): (&str, &Option<u64>)| most.map(|most| format!("quota {what} {most}"));
    let mut lines = vec!["ecumene-namespace-v1".to_owned(), namespace.name.to_string()];
    lines.extend([format!("visibility {visibility}"), format!("trust {trust}")]);
    lines.extend(owners.iter().map(|owner| format!("owner {owner}")));
    lines.extend(prefixes.iter().map(|prefix| format!("prefix {prefix}")));
    lines.extend(quotas.into_iter().filter_map(quota));
    lines.extend(policy.card_hosts.iter().map(|host| format!("card-host {host}")));
    lines.extend(policy.handle_patterns.iter().map(|text| format!("handle-pattern {text}")));
    lines.extend(grants.peers.iter().map(|peer| format!("grant-peer {peer}")));
    lines.extend(grants.namespaces.iter().map(|name| format!("grant-namespace {name}")));
    lines.iter().map(|line| format!("{line}\n")).collect()
}
