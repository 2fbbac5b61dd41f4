//! Names that the code has given up, each with the one that took its place (docs/ARCHITECTURE.md, Words).
//!
//! It decides by whole identifiers, those of tests too. It must never read comments or text: what is stored or sent keeps
//! its words.

use super::{Fault, source::Source};

/// What is gone, and what is said now.
const RENAMED: &[(&str, &str)] = &[
    ("Asked", "Checks"),
    ("Desk", "TaskSupervisor"),
    ("Door", "AuthContext"),
    ("Doubts", "CredentialLookups"),
    ("Eyes", "PeerViewer"),
    ("Floors", "Known"),
    ("Foreign", "FederationCommand"),
    ("Gatekeeper", "AdmissionPolicy"),
    ("Home", "NamespaceContext"),
    ("Ledger", "LogAppender"),
    ("LedgerCommand", "LogCommand"),
    ("LivenessEntry", "ReachabilityEntry"),
    ("LogDesk", "TransparencyLog"),
    ("NotALiveness", "UnknownWord"),
    ("Past", "PastAttempts"),
    ("Reign", "Leadership"),
    ("Seat", "permit"),
    ("Seats", "ConnectionLimits"),
    ("SetLiveness", "SetReachability"),
    ("SseReader", "EventReader"),
    ("Stranger", "WrongIdentity"),
    ("Told", "PutSearch"),
    ("Trouble", "PullError"),
    ("Wish", "Request"),
    ("abroad", "outbound"),
    ("commit_in_term", "propose"),
    ("consult", "ask_policy_engine"),
    ("decide_in", "propose_in"),
    ("furnish", "populate"),
    ("furnished", "populated"),
    ("furniture", "initial_state"),
    ("giver", "partner"),
    ("in_office", "is_leading"),
    ("knock", "register"),
    ("ledger", "log"),
    ("privy", "namespaces"),
    ("reign", "leadership"),
    ("seat", "permit"),
    ("spell", "encode"),
    ("wish", "command"),
    ("wishes", "commands"),
    ("write_in", "propose_in"),
];

pub(super) fn check(source: &Source) -> Vec<Fault> {
    let mut faults = Vec::new();
    for token in &source.tokens {
        if let Some((old, new)) = RENAMED.iter().find(|(old, _)| token.text == *old) {
            let message = format!("`{old}` is not said any more: it is called `{new}`");
            faults.push(Fault::new(&source.path, token.line, message));
        }
    }
    faults
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn check_text(text: &str) -> Vec<String> {
        let source = Source::parse("a/src/b.rs", text).unwrap();
        check(&source).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn an_old_name_is_a_fault_that_names_the_new_one() {
        let text = "struct Door;\n#[cfg(test)]\nmod tests { fn knock() {} }";
        let expected = [
            "a/src/b.rs:1: `Door` is not said any more: it is called `AuthContext`",
            "a/src/b.rs:3: `knock` is not said any more: it is called `register`",
        ];
        assert_eq!(check_text(text), expected);
    }

    #[test]
    fn comments_text_and_longer_names_pass() {
        let text =
            "/// A Door.\nconst A: &str = \"Door\"; // seat\nfn knock_twice(doors: Doors) {}";
        assert!(check_text(text).is_empty());
    }
}
