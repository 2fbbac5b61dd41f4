//! The file of API keys: who has one, by its digest, and what its bearer may do.
//!
//! Decides that each name and each key stands there once. Must never hold a key, nor say in an error more of an entry than its
//! name.

use std::collections::BTreeSet;
use std::path::Path;

use deploy_service::units::Duration;
use gateway_core::client::{AgentScope, ApiKey, Grant, Methods};
use gateway_core::gcra::Quota;
use proto_types::{Digest, WallMs};
use serde::Deserialize;

use super::{ClientsError, file};
use crate::config::quota;

/// Keys of one gateway. Arbitrary: the file of so many has about a MiB.
const KEYS_MAX: usize = 4_096;
/// The longest name of a key.
const NAME_LEN_MAX: usize = 64;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    keys: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    name: String,
    digest: String,
    #[serde(default)]
    agents: Vec<String>,
    #[serde(default)]
    methods: Vec<String>,
    requests: Option<u32>,
    window: Option<Duration>,
    not_after: Option<toml::value::Datetime>,
}

/// Reads the keys; those that say nothing of their limit have the `default` one.
pub(super) fn read(path: &Path, default: Quota) -> Result<Vec<ApiKey>, ClientsError> {
    let read = file(path).and_then(|bytes| parse(&bytes, default));
    read.map_err(|why| ClientsError::ApiKeys { path: path.to_owned(), why })
}

fn parse(bytes: &[u8], default: Quota) -> Result<Vec<ApiKey>, String> {
    let text = std::str::from_utf8(bytes).map_err(|_| "not UTF-8".to_owned())?;
    let file: File = toml::from_str(text).map_err(|error| error.message().to_owned())?;
    if file.keys.len() > KEYS_MAX {
        return Err(format!("more than {KEYS_MAX} keys"));
    }
    let (mut names, mut digests) = (BTreeSet::new(), BTreeSet::new());
    let mut keys = Vec::with_capacity(file.keys.len());
    for entry in file.keys {
        let name = entry.name.escape_debug().to_string();
        let key = entry.read(default).map_err(|why| format!("`{name}`: {why}"))?;
        if !names.insert(key.name.clone()) {
            return Err(format!("`{name}` is there twice"));
        }
        if !digests.insert(key.digest) {
            return Err(format!("`{name}` has the key of another entry"));
        }
        keys.push(key);
    }
    Ok(keys)
}

impl Entry {
    fn read(self, default: Quota) -> Result<ApiKey, String> {
        let Self { name, digest, agents, methods, requests, window, not_after } = self;
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        if !(1..=NAME_LEN_MAX).contains(&name.len()) || !name.bytes().all(is_name) {
            return Err(format!("a name has 1 to {NAME_LEN_MAX} of A-Z a-z 0-9 . _ -"));
        }
        let digest = Digest::parse(&format!("sha256:{digest}"));
        let digest = digest.map_err(|_| "digest: not 64 lower-case hexadecimal digits")?;
        let agents = AgentScope::parse(&agents).map_err(|error| format!("agents: {error}"))?;
        let methods = Methods::parse(&methods).map_err(|error| format!("methods: {error}"))?;
        let quota = match (requests, window) {
            (None, None) => default,
            (Some(requests), Some(window)) => {
                quota(requests, window).ok_or("requests and window: at least 1, and 1s to 1d")?
            }
            _ => return Err("requests and window: both or neither".to_owned()),
        };
        let not_after = not_after.map(|at| WallMs::parse_rfc3339(&at.to_string())).transpose();
        let not_after = not_after.map_err(|_| "not_after: not a time with its offset")?;
        Ok(ApiKey { name, digest, grant: Grant { agents, methods, quota }, not_after })
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn quota() -> Quota {
        Quota::new(7, 1_000_000).unwrap()
    }

    fn entry(name: &str, byte: u8, more: &str) -> String {
        let digest = hex::encode([byte; 32]);
        format!("[[keys]]\nname = '{name}'\ndigest = '{digest}'\n{more}\n")
    }

    fn refused(text: &str) -> String {
        parse(text.as_bytes(), quota()).err().unwrap_or_default()
    }

    #[test]
    fn keys_are_read_with_what_their_bearers_may_do() {
        let more = "agents = ['echo']\nmethods = ['SendMessage']\nrequests = 2\nwindow = '1m'\n\
                    not_after = 2027-01-01T00:00:00Z";
        let text = format!("{}{}", entry("ci", 1, more), entry("other", 2, ""));
        let keys = parse(text.as_bytes(), quota()).unwrap();
        let [ci, other] = &keys[..] else { panic!("{keys:?}") };
        assert_eq!((ci.name.as_str(), ci.digest), ("ci", Digest([1; 32])));
        assert!(matches!(&ci.grant.agents, AgentScope::Named(named) if named.len() == 1));
        assert_eq!(ci.grant.quota, Quota::new(2, 60_000_000).unwrap());
        assert!(ci.grant.methods.allow("SendMessage") && !ci.grant.methods.allow("GetTask"));
        assert_eq!(ci.not_after, Some(WallMs::from_secs(1_798_761_600)));
        assert_eq!((&other.grant.agents, other.grant.quota), (&AgentScope::Public, quota()));
        assert_eq!(other.not_after, None);
        assert!(parse(b"# all keys are gone\n", quota()).unwrap().is_empty());
    }

    #[test]
    fn an_entry_that_is_wrong_is_refused_by_name_and_its_digest_is_not_told() {
        let one = |more: &str| refused(&entry("ci", 1, more));
        for (said, why) in [
            (one("agents = ['*', 'echo']"), "agents: `*` stands alone"),
            (one("methods = ['message/send']"), "methods: `message/send`"),
            (one("requests = 1"), "both or neither"),
            (one("requests = 0\nwindow = '1s'"), "at least 1"),
            (one("requests = 1\nwindow = '2d'"), "1s to 1d"),
            (one("not_after = 2027-01-01"), "not_after"),
            (one("scopes = []"), "unknown field"),
            (refused(&entry("a b", 1, "")), "a name has"),
            (refused("[[keys]]\nname = 'ci'\ndigest = '0'"), "digest"),
            (refused(&[entry("ci", 1, ""), entry("ci", 2, "")].concat()), "there twice"),
            (refused(&[entry("ci", 1, ""), entry("b", 1, "")].concat()), "key of another"),
        ] {
            assert!(said.contains(why), "{why}: {said}");
            assert!(!said.contains(&hex::encode([1; 32])), "{said}");
        }
    }
}
