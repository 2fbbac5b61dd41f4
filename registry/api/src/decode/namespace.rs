//! Namespaces: how their terms are written and read in JSON. A member that is not known is refused: a misspelled quota
//! would be none.

use proto_types::{Namespace, Origin};
use registry_core::command::{Command, DeleteNamespace, NamespaceCommand, Proposal, PutNamespace};
use registry_core::entry::{Grants, Policy, Quotas, Terms, TrustMode, Usage, Visibility};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::field;
use crate::identity::{Principal, Role};
use crate::problem::{Code, Problem};

/// Terms as callers read and write them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
struct TermsDocument {
    owners: Vec<String>,
    prefixes: Vec<String>,
    visibility: Visibility,
    trust: TrustMode,
    quotas: QuotasDocument,
    policy: PolicyDocument,
    grants: GrantsDocument,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct QuotasDocument {
    records: Option<u64>,
    cards: Option<u64>,
    agents: Option<u64>,
    bytes: Option<u64>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
struct PolicyDocument {
    card_hosts: Vec<String>,
    handle_patterns: Vec<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct GrantsDocument {
    peers: Vec<String>,
    namespaces: Vec<String>,
}

/// Reads a request to set a namespace's terms: the operator's, or an owner's for its part.
///
/// # Errors
/// As [`Principal::require`], `malformed-json`, `invalid-document`, `invalid-argument`.
pub fn put(caller: &Principal, name: &str, terms: &[u8]) -> Result<Proposal, Problem> {
    caller.require(&[Role::Operator, Role::Peer])?;
    let name: Namespace = field::read("name", name)?;
    let terms = Box::new(read(terms)?);
    let by = caller.peer().cloned();
    let put = NamespaceCommand::Put(PutNamespace { name, terms, by });
    Ok(caller.with_token_spend(super::one(Command::Namespace(put))))
}

/// Reads a request to end a namespace.
pub fn delete(caller: &Principal, name: &str) -> Result<Proposal, Problem> {
    caller.require(&[Role::Operator])?;
    let name: Namespace = field::read("name", name)?;
    Ok(super::one(Command::Namespace(NamespaceCommand::Delete(DeleteNamespace { name }))))
}

/// The terms in JSON.
#[must_use]
pub fn to_json(terms: &Terms) -> Value {
    let texts = |origins: &[Origin]| origins.iter().map(ToString::to_string).collect();
    let document = TermsDocument {
        owners: texts(&terms.owners),
        prefixes: terms.prefixes.clone(),
        visibility: terms.visibility,
        trust: terms.trust,
        quotas: QuotasDocument {
            records: terms.quotas.records,
            cards: terms.quotas.cards,
            agents: terms.quotas.agents,
            bytes: terms.quotas.bytes,
        },
        policy: PolicyDocument {
            card_hosts: terms.policy.card_hosts.clone(),
            handle_patterns: terms.policy.handle_patterns.clone(),
        },
        grants: GrantsDocument {
            peers: texts(&terms.grants.peers),
            namespaces: terms.grants.namespaces.iter().map(ToString::to_string).collect(),
        },
    };
    serde_json::to_value(document).expect("texts, numbers and lists are JSON")
}

/// What a namespace keeps, in JSON.
#[must_use]
pub fn usage_to_json(usage: &Usage) -> Value {
    serde_json::json!({
        "records": usage.records,
        "cards": usage.cards,
        "agents": usage.agents,
        "bytes": usage.bytes,
    })
}

fn read(bytes: &[u8]) -> Result<Terms, Problem> {
    let TermsDocument { owners, prefixes, visibility, trust, quotas, policy, grants } =
        document(bytes)?;
    let guests = grants.namespaces.iter().map(|text| field::read("grants.namespaces", text));
    let QuotasDocument { records, cards, agents, bytes } = quotas;
    let PolicyDocument { card_hosts, handle_patterns } = policy;
    Ok(Terms {
        owners: origins("owners", &owners)?,
        prefixes,
        visibility,
        trust,
        quotas: Quotas { records, cards, agents, bytes },
        policy: Policy { card_hosts, handle_patterns },
        grants: Grants {
            namespaces: guests.collect::<Result<_, _>>()?,
            peers: origins("grants.peers", &grants.peers)?,
        },
    })
}

fn document(bytes: &[u8]) -> Result<TermsDocument, Problem> {
    let value = proto_types::json::parse(bytes).map_err(|error| super::not_json(&error))?;
    // A list would be read as the members in their order.
    let parts = ["", "/quotas", "/policy", "/grants"].into_iter();
    let part = parts.filter_map(|part| value.pointer(part)).find(|part| !part.is_object());
    if part.is_some() {
        return Err(Problem::new(Code::InvalidDocument, "terms: objects are needed"));
    }
    serde_json::from_value(value)
        .map_err(|why| Problem::new(Code::InvalidDocument, format_args!("terms: {why}")))
}

fn origins(member: &str, texts: &[String]) -> Result<Vec<Origin>, Problem> {
    texts.iter().map(|text| field::read(member, text)).collect()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn terms_are_read_as_they_are_written_and_nothing_else_is() {
        let text =
            br#"{"owners":["https://a.example"],"prefixes":["urn:a:"],"visibility":"private",
            "trust":"require","quotas":{"records":5,"agents":2},"policy":{"cardHosts":["*.a.example"]},
            "grants":{"peers":["https://b.example"],"namespaces":["other"]}}"#;
        let terms = read(text).unwrap();
        assert_eq!(read(to_json(&terms).to_string().as_bytes()).unwrap(), terms);
        assert_eq!(read(b"{}").unwrap(), Terms::default());
        for bad in [
            r#"{"quota":{}}"#,
            r#"{"trust":"maybe"}"#,
            r#"{"owners":["a"]}"#,
            r#"{"quotas":[1]}"#,
            "[]",
            "{",
        ] {
            assert!(read(bad.as_bytes()).is_err(), "{bad}");
        }
    }
}
