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
fn a_file_that_cannot_be_used_is_told_with_its_setting() {
    let folder = tempfile::tempdir().unwrap();
    let absent = folder.path().join("absent");
    let file = folder.path().join("file");
    std::fs::write(&file, "x").unwrap();
    let at = |setting: &str, path: &std::path::Path| (setting.to_owned(), path.to_owned());
    let good = [
        at("data_dir", folder.path()),
        at("state_dir", &absent.join("deep")),
        at("addr_file", &absent),
    ];
    assert_eq!(unusable(&good), [""; 0]);
    for setting in ["tls.key", "operator_token_file", "fetch.extra_ca_file", "join_token_file"] {
        let problems = unusable(&[at(setting, &absent)]);
        assert!(problems[0].starts_with(setting) && problems[0].contains("absent"), "{problems:?}");
    }
    assert!(unusable(&[at("data_dir", &file)])[0].starts_with("data_dir: "));
}

#[test]
fn a_file_that_is_empty_or_none_is_told_with_its_setting_and_a_pipe_is_left_to_its_reader() {
    let folder = tempfile::tempdir().unwrap();
    let (empty, pipe) = (folder.path().join("empty"), folder.path().join("pipe"));
    std::fs::write(&empty, "").unwrap();
    std::fs::set_permissions(&empty, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let made = std::process::Command::new("mkfifo").arg(&pipe).status().unwrap();
    assert!(made.success());
    for setting in ["tls.key", "tls.ca", "operator_token_file", "join_token_file"] {
        for path in [empty.as_path(), folder.path()] {
            let problems = unusable(&[(setting.to_owned(), path.to_owned())]);
            let named = path.to_str().unwrap();
            assert!(
                problems[0].starts_with(setting) && problems[0].contains(named),
                "{problems:?}"
            );
        }
        // Reading it here would keep the role from reading it: it would wait for a writer.
        assert_eq!(unusable(&[(setting.to_owned(), pipe.clone())]), [""; 0]);
    }
}

#[test]
fn a_file_that_holds_something_else_is_told_with_its_setting_and_the_right_one_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let kept = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        std::fs::set_permissions(&path, mode).unwrap();
        path
    };
    let day = std::time::Duration::from_secs(86_400);
    let now = std::time::SystemTime::now();
    let authority = crate::tls::Authority::new("a.example", now, day).unwrap();
    let (cert, key) = (kept("cert", authority.cert()), kept("key", &authority.key()));
    let (seed, junk) = (kept("seed", &"07".repeat(32)), kept("junk", &"junk ".repeat(8)));
    let right = [
        ("tls.cert", cert.clone()),
        ("tls.key", key),
        ("tls.client_ca", cert.clone()),
        ("fetch.extra_ca_file", cert.clone()),
        ("log.extra_ca_file", cert),
        ("signing_key_file", seed.clone()),
        ("federation_key_file", seed),
    ];
    let named = right.map(|(setting, path)| (setting.to_owned(), path));
    assert_eq!(unusable(&named), [""; 0]);
    let wrong = named.map(|(setting, _)| (setting, junk.clone()));
    let told = unusable(&wrong);
    assert_eq!(told.len(), wrong.len(), "{told:?}");
    for ((setting, _), told) in wrong.iter().zip(&told) {
        let names = told.starts_with(&format!("{setting}: ")) && told.contains("/junk");
        assert!(names && told.contains("hold"), "{told}");
    }
}

#[test]
fn a_folder_that_takes_no_files_is_told_and_none_is_made() {
    use std::os::unix::fs::PermissionsExt as _;
    let place = tempfile::tempdir().unwrap();
    let locked = place.path().join("locked");
    std::fs::create_dir(&locked).unwrap();
    let mode = std::fs::Permissions::from_mode;
    std::fs::set_permissions(&locked, mode(0o500)).unwrap();
    // Who may write everywhere finds a folder that takes nothing only where the system is mounted read-only.
    let may_all = std::fs::write(locked.join("probe"), "").is_ok();
    for path in [locked.clone(), locked.join("deep/state")] {
        for setting in ["state_dir", "data_dir", "artifacts"] {
            let told = unusable(&[(setting.to_owned(), path.clone())]);
            let named = |told: &String| told.starts_with(&format!("{setting}: /"));
            assert!(may_all || told.iter().any(named), "{told:?}");
        }
    }
    assert!(!locked.join("deep").exists(), "a check makes nothing");
    std::fs::set_permissions(&locked, mode(0o700)).unwrap();
    let below = unusable(&[("state_dir".to_owned(), locked.join("deep/state"))]);
    assert_eq!(below, [""; 0]);
}

#[test]
fn a_join_token_is_looked_for_until_the_credential_is_admitted() {
    let folder = tempfile::tempdir().unwrap();
    let credential =
        crate::credential::Credential::open(folder.path(), || "drawn".to_owned()).unwrap();
    let paths = [
        ("state_dir".to_owned(), folder.path().to_owned()),
        ("join_token_file".to_owned(), folder.path().join("absent")),
    ];
    let problems = unusable(&paths);
    assert!(problems.len() == 1 && problems[0].starts_with("join_token_file: "), "{problems:?}");
    credential.admit().unwrap();
    assert_eq!(unusable(&paths), [""; 0]);
}

#[test]
fn paths_are_found_under_the_names_of_their_settings() {
    let tls = Some(Files { key: PathBuf::from("k"), reload: often() });
    let mut found = Vec::new();
    Sample { tls, ..Sample::default() }.paths("", &mut found);
    let names: Vec<_> = found.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["data_dir", "tls.key"]);
}
