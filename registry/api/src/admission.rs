//! The operator's demands on records and cards before they are stored, step by step: everything that needs no I/O. A step
//! that could not be carried out never counts as passed, unless the operator has said so by name.

pub mod attestation;
pub mod credential;
pub mod decision;
pub mod readiness;

use proto_types::{Handle, Origin, WallMs};
use registry_core::entry::Policy;
use serde_json::Value;

use crate::problem::{Code, Problem};

use self::attestation::Attestation;
use self::credential::Gate;
use self::readiness::Readiness;

/// The steps that are carried out in this process.
#[derive(Clone, Debug)]
pub struct Rules {
    /// False refuses every write.
    pub write_enabled: bool,
    /// Handles must start with one of these; empty allows all.
    pub handle_prefixes: Vec<String>,
    /// Cards must be at one of these hosts; empty allows all. `*.example.org` is every host below.
    pub card_hosts: Vec<String>,
    /// Whether a record tells deployers what they need to know.
    pub readiness: Readiness,
    /// Whether its publisher attests that it was checked.
    pub attestation: Attestation,
    /// The credential that a writer must show.
    pub credential: Option<Gate>,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            write_enabled: true,
            handle_prefixes: Vec::new(),
            card_hosts: Vec::new(),
            readiness: Readiness::Off,
            attestation: Attestation::default(),
            credential: None,
        }
    }
}

/// What is to be stored.
#[derive(Clone, Copy, Debug)]
pub struct Submission<'a> {
    /// `record` or `card`.
    pub kind: &'static str,
    /// Its name.
    pub handle: &'a Handle,
    /// The document.
    pub document: &'a Value,
    /// The URLs at which the card is, or the agent answers.
    pub card_urls: &'a [String],
    /// What it was found to be worth.
    pub assurance: &'static str,
    /// The peer whose enrolled key has signed it.
    pub owner: Option<&'a Origin>,
    /// The peer that calls.
    pub caller: Option<&'a Origin>,
    /// The verifiable credential that the caller shows.
    pub credential: Option<&'a str>,
}

impl Rules {
    /// Holds if writes are enabled.
    ///
    /// # Errors
    /// `write-disabled`.
    pub fn open(&self) -> Result<(), Problem> {
        match self.write_enabled {
            true => Ok(()),
            false => Err(Problem::new(Code::WriteDisabled, "this registry takes no writes")),
        }
    }

    /// The steps in order: writes are enabled, the handle, the hosts, readiness, attestation,
    /// credential. `policy` is that of the namespace; it adds to the registry's own.
    ///
    /// # Errors
    /// `write-disabled`, `permission-denied`, `not-ready`, `credential-not-accepted`.
    pub fn check(
        &self,
        submission: &Submission<'_>,
        policy: &Policy,
        now: WallMs,
    ) -> Result<(), Problem> {
        self.open()?;
        let handle = submission.handle.as_str();
        if !any_or_empty(&self.handle_prefixes, |prefix| handle.starts_with(prefix)) {
            return Err(denied("the policy allows no handle of this prefix"));
        }
        if !any_or_empty(&policy.handle_patterns, |pattern| matches(pattern, handle)) {
            return Err(denied("the namespace's policy does not allow this handle"));
        }
        for url in submission.card_urls {
            check_host(url, &self.card_hosts)?;
            check_host(url, &policy.card_hosts)?;
        }
        if submission.kind == "record" {
            self.readiness.check(submission.document, &self.attestation)?;
        }
        match &self.credential {
            Some(gate) => gate.check(submission, now),
            None => Ok(()),
        }
    }
}

fn any_or_empty(list: &[String], holds: impl Fn(&str) -> bool) -> bool {
    list.is_empty() || list.iter().any(|entry| holds(entry))
}

fn check_host(url: &str, allowed: &[String]) -> Result<(), Problem> {
    if allowed.is_empty() {
        return Ok(());
    }
    let origin = Origin::of_url(url).map_err(|_| denied("a URL of the document has no host"))?;
    let host = origin.host();
    let below = |pattern: &str| match pattern.strip_prefix("*.") {
        Some(parent) => host.strip_suffix(parent).is_some_and(|rest| rest.ends_with('.')),
        None => host == pattern,
    };
    match allowed.iter().any(|pattern| below(pattern)) {
        true => Ok(()),
        false => Err(denied("the policy does not allow this host for cards")),
    }
}

/// Whether a text has the form of a pattern in which `*` stands for any characters. Linear in the
/// product of the lengths, without recursion: patterns come from tenants.
fn matches(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    let mut last = None;
    for part in parts {
        if let Some(passed) = last.replace(part) {
            let Some(at) = rest.find(passed) else { return false };
            rest = &rest[at + passed.len()..];
        }
    }
    last.map_or(rest.is_empty(), |last| rest.ends_with(last))
}

fn denied(why: &str) -> Problem {
    Problem::new(Code::PermissionDenied, why)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_matches_the_whole_text() {
        let table = [
            ("urn:a:*", "urn:a:b", true),
            ("urn:a:*", "urn:a:", true),
            ("urn:a:*", "urn:b:a", false),
            ("*", "", true),
            ("a", "a", true),
            ("a", "ab", false),
            ("a*b*c", "a-b-b-c", true),
            ("a*b*c", "a-c-b", false),
            ("a*a", "a", false),
            ("a*a", "aa", true),
        ];
        for (pattern, text, expected) in table {
            assert_eq!(matches(pattern, text), expected, "{pattern} {text}");
        }
    }

    fn check(rules: &Rules, policy: &Policy, handle: &str, url: &str) -> Result<(), Code> {
        let (handle, urls) = (handle.parse().unwrap(), [url.to_owned()]);
        let submission = Submission {
            kind: "record",
            handle: &handle,
            document: &Value::Null,
            card_urls: &urls,
            assurance: "unsigned",
            owner: None,
            caller: None,
            credential: None,
        };
        rules.check(&submission, policy, WallMs(0)).map_err(|problem| problem.code())
    }

    #[test]
    fn handles_and_hosts_follow_the_policies_of_registry_and_namespace() {
        let rules = Rules {
            handle_prefixes: vec!["urn:ok:".into()],
            card_hosts: vec!["a.example".into(), "*.b.example".into()],
            ..Rules::default()
        };
        let open = Policy::default();
        let denied = Err(Code::PermissionDenied);
        assert_eq!(check(&rules, &open, "urn:ok:1", "https://a.example/c"), Ok(()));
        assert_eq!(check(&rules, &open, "urn:ok:1", "https://x.b.example/c"), Ok(()));
        for url in [
            "https://b.example/c",
            "https://evilb.example/c",
            "https://a.example.evil.example/c",
            "https://a.example@evil.example/c",
            "nonsense",
        ] {
            assert_eq!(check(&rules, &open, "urn:ok:1", url), denied, "{url}");
        }
        assert_eq!(check(&rules, &open, "urn:no:1", "https://a.example/c"), denied);
        let narrow = Policy { handle_patterns: vec!["urn:ok:9*".into()], ..open };
        assert_eq!(check(&rules, &narrow, "urn:ok:1", "https://a.example/c"), denied);
        let shut = Rules { write_enabled: false, ..rules };
        let refused = check(&shut, &narrow, "urn:ok:9", "https://a.example/c");
        assert_eq!(refused, Err(Code::WriteDisabled));
    }
}
