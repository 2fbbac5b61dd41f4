//! A small configuration, and what is made of it.

#![expect(clippy::unwrap_used, reason = "tests")]

use config::{Config, File, FileFormat};
use serde::Deserialize;

use super::*;

/// A configuration with everything that can occur in one.
#[derive(Deserialize, Setting)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Sample {
    /// Its number.
    pub(crate) id: u64,
    /// How long it waits,
    /// and no longer.
    wait: Duration,
    /// Where it keeps things.
    data_dir: PathBuf,
    /// Its name | title.
    name: Option<String>,
    /// What it serves with.
    tls: Option<Files>,
    /// What it may use up.
    limits: Limits,
    /// Others.
    #[setting(like = "Vec<String>")]
    others: Vec<std::net::IpAddr>,
}

/// Files.
#[derive(Deserialize, Setting)]
#[serde(deny_unknown_fields)]
struct Files {
    /// The key.
    key: PathBuf,
    /// How often it is read.
    #[serde(default = "often")]
    reload: Duration,
}

fn often() -> Duration {
    Duration::from_secs(10)
}

/// Limits.
#[derive(Deserialize, Setting)]
#[serde(default, deny_unknown_fields)]
struct Limits {
    /// Connections at once.
    connections_max: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self { connections_max: 7 }
    }
}

impl Default for Sample {
    fn default() -> Self {
        Self {
            id: 1,
            wait: Duration::from_secs(3),
            data_dir: PathBuf::from("data"),
            name: None,
            tls: None,
            limits: Limits::default(),
            others: Vec::new(),
        }
    }
}

fn read(text: &str) -> config::Value {
    let built = Config::builder().add_source(File::from_str(text, FileFormat::Toml)).build();
    built.unwrap().cache
}

#[test]
fn the_reference_has_every_setting_with_its_form_default_and_meaning() {
    let text = reference("sample", &Sample::shape());
    for line in [
        "| `id` | whole number | `1` | Its number. |",
        "| `wait` | time, such as `250ms`, `30s`, `5m`, `1d` | `\"3s\"` | How long it waits, and no longer. |",
        "| `name` | text | unset | Its name \\| title. |",
        "| `tls` | section `[tls]` | unset | What it serves with. |",
        "| `key` | path | required | The key. |",
        "| `reload` | time, such as `250ms`, `30s`, `5m`, `1d` | `\"10s\"` | How often it is read. |",
        "| `limits` | section `[limits]` |  | What it may use up. |",
        "| `connections_max` | whole number | `7` | Connections at once. |",
        "| `others` | list: text | `[]` | Others. |",
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
}

#[test]
fn the_example_is_read_as_the_defaults_and_as_what_was_chosen() {
    let text = example(&Sample::shape(), &[("id", "9")]);
    let read: Sample = read(&text).try_deserialize().unwrap();
    assert_eq!((read.id, read.wait, read.limits.connections_max), (9, Duration::from_secs(3), 7));
    // What is a comment can be read too, once it is none.
    let shown: String = text
        .lines()
        .map(|line| line.strip_prefix('#').unwrap_or(line))
        .filter(|line| !line.starts_with(' '))
        .map(|line| format!("{line}\n"))
        .collect();
    let all: Sample = super::tests::read(&shown).try_deserialize().unwrap();
    assert_eq!(all.tls.unwrap().reload, often());
}

#[test]
fn every_unknown_key_is_told_with_the_one_that_was_probably_meant() {
    let value =
        read("idd = 2\n[limits]\nconnection_max = 1\nxyzzy = 1\n[tls]\nkey = 'k'\nkeyy = 'k'");
    assert_eq!(
        unknown(&Sample::shape(), &value),
        [
            "the setting `idd` is unknown; `id` is one",
            "the setting `limits.connection_max` is unknown; `connections_max` is one",
            "the setting `limits.xyzzy` is unknown",
            "the setting `tls.keyy` is unknown; `key` is one",
        ]
    );
}

#[test]
fn paths_are_found_under_the_names_of_their_settings() {
    let tls = Some(Files { key: PathBuf::from("k"), reload: often() });
    let mut found = Vec::new();
    Sample { tls, ..Sample::default() }.paths("", &mut found);
    let names: Vec<_> = found.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["data_dir", "tls.key"]);
}
