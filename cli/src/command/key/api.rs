//! `key api`: a key for callers of a gateway that are no peers. It must never write the key anywhere but to stdout, once.

use proto_types::{Digest, base64url};
use serde::Serialize;
use serde_json::json;

use crate::args::ApiKeyArgs;
use crate::failure::Failure;
use crate::output::Output;

/// As gateways tell a key from a token.
const PREFIX: &str = "eck_";
/// The longest name that a gateway takes.
const NAME_LEN_MAX: usize = 64;

/// The file of keys, with one entry.
#[derive(Serialize)]
struct File<'a> {
    keys: [Entry<'a>; 1],
}

#[derive(Serialize)]
struct Entry<'a> {
    name: &'a str,
    digest: String,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    agents: &'a [String],
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    methods: &'a [String],
}

/// Draws a key.
pub(super) fn new(args: &ApiKeyArgs) -> Result<Output, Failure> {
    made(args, &rand::random())
}

fn made(args: &ApiKeyArgs, drawn: &[u8; 32]) -> Result<Output, Failure> {
    let ApiKeyArgs { name, agents, methods } = args;
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    if !(1..=NAME_LEN_MAX).contains(&name.len()) || !name.bytes().all(is_name) {
        let why = format!("the name of a key has 1 to {NAME_LEN_MAX} of A-Z a-z 0-9 . _ -");
        return Err(Failure::usage(why));
    }
    let key = format!("{PREFIX}{}", base64url::encode(drawn));
    let digest = Digest::of(key.as_bytes()).hex();
    let entry = toml::to_string(&File { keys: [Entry { name, digest, agents, methods }] });
    let entry = entry.map_err(Failure::internal)?;
    let lines = std::iter::once(key.as_str()).chain(std::iter::once("")).chain(entry.lines());
    let rows = lines.map(|line| vec![line.to_owned()]).collect();
    Ok(Output { heads: &[], rows, json: json!({ "key": key, "entry": entry }) })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn args(name: &str) -> ApiKeyArgs {
        let (agents, methods) = (vec!["echo".to_owned()], Vec::new());
        ApiKeyArgs { name: name.to_owned(), agents, methods }
    }

    #[test]
    fn the_entry_has_the_digest_of_the_key_and_the_key_nowhere() {
        let output = made(&args("ci"), &[7; 32]).unwrap();
        let key = output.json["key"].as_str().unwrap();
        assert_eq!((&key[..4], key.len()), ("eck_", 47));
        let entry = output.json["entry"].as_str().unwrap();
        let read: toml::Table = toml::from_str(entry).unwrap();
        let read = &read["keys"][0];
        assert_eq!(read["name"].as_str(), Some("ci"));
        assert_eq!(read["digest"].as_str().unwrap(), Digest::of(key.as_bytes()).hex());
        assert_eq!(read["agents"][0].as_str(), Some("echo"));
        assert!(read.get("methods").is_none() && !entry.contains(key));
        let other = made(&args("ci"), &[8; 32]).unwrap();
        assert_ne!(other.json["key"], output.json["key"]);
    }

    #[test]
    fn a_name_that_no_gateway_takes_is_refused() {
        for name in ["", "a b", "a:b", &"n".repeat(65)] {
            assert!(made(&args(name), &[7; 32]).is_err(), "{name:?}");
        }
    }
}
