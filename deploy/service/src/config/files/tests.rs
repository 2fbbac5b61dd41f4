//! Which files and folders are told as unusable, and in which words.

#![expect(clippy::unwrap_used, reason = "tests")]

use super::*;
use crate::credential::Credential;
use crate::tls::Authority;

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
    let authority = Authority::new("a.example", now, day).unwrap();
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
    let credential = Credential::open(folder.path(), || "drawn".to_owned()).unwrap();
    let paths = [
        ("state_dir".to_owned(), folder.path().to_owned()),
        ("join_token_file".to_owned(), folder.path().join("absent")),
    ];
    let problems = unusable(&paths);
    assert!(problems.len() == 1 && problems[0].starts_with("join_token_file: "), "{problems:?}");
    credential.admit().unwrap();
    assert_eq!(unusable(&paths), [""; 0]);
}
