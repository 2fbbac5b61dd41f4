//! What keeps a role from starting: the same as a check of its configuration tells.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use crate::ecumene;

pub(crate) fn secret(folder: &Path, name: &str, text: &str) {
    let path = folder.join(name);
    std::fs::write(&path, text).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
}

/// Settings without which a gateway or a node does not start.
const BASE: &str = "id = 'x1'\nregistry = ['http://127.0.0.1:1']\nstate_dir = 'state'\n";

/// A role, its settings, and the one that names the file `file`.
const CASES: [(&str, &str, &str); 7] = [
    ("gateway", "join_token_file = 'file'", "join_token_file"),
    ("gateway", "join_token_file = 'join'\noperator_token_file = 'file'", "operator_token_file"),
    ("gateway", "join_token_file = 'join'\nregistry_tls = { ca = 'file' }", "registry_tls.ca"),
    ("node", "join_token_file = 'file'", "join_token_file"),
    ("node", "join_token_file = 'join'\ntls = { ca = 'file' }", "tls.ca"),
    ("registry", "plain_loopback = true\ncluster_secret_file = 'file'", "cluster_secret_file"),
    ("registry", "plain_loopback = true\nsigning_key_file = 'file'", "signing_key_file"),
];

#[test]
fn a_file_that_is_missing_empty_or_unreadable_is_told_with_its_setting_by_check_and_start() {
    for (role, settings, setting) in CASES {
        for state in ["missing", "empty", "unreadable"] {
            let folder = tempfile::tempdir().unwrap();
            secret(folder.path(), "join", "join-token-unused");
            match state {
                "empty" => secret(folder.path(), "file", ""),
                // Whoever runs the test may read every file, but nobody a folder as one.
                "unreadable" => std::fs::create_dir(folder.path().join("file")).unwrap(),
                _ => {}
            }
            let base = if role == "registry" { "" } else { BASE };
            std::fs::write(folder.path().join("role.toml"), format!("{base}{settings}\n")).unwrap();
            for command in [
                &["config", "check", role, "role.toml"][..],
                &[role, "run", "--config", "role.toml"],
            ] {
                let output = ecumene(folder.path(), command);
                let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
                assert_eq!(output.status.code(), Some(2), "{command:?} {state}: {said}");
                let named = said.contains(&format!("{setting}: ")) && said.contains("file");
                assert!(named, "{command:?} {state}: {said}");
            }
        }
    }
}

/// A check and a start, which end with the code of a fault in the configuration and tell each of these.
fn both_tell(folder: &Path, role: &str, faults: &[&str]) {
    for command in
        [&["config", "check", role, "role.toml"][..], &[role, "run", "--config", "role.toml"]]
    {
        let output = ecumene(folder, command);
        let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        assert_eq!(output.status.code(), Some(2), "{command:?}: {said}");
        for fault in faults {
            assert!(said.contains(fault), "{command:?} {fault}: {said}");
        }
        assert!(!said.contains("listening"), "{command:?}: {said}");
    }
}

#[test]
fn every_file_that_holds_something_else_is_told_at_once_by_check_and_start() {
    let folder = tempfile::tempdir().unwrap();
    secret(folder.path(), "junk", "this is neither a key nor a certificate");
    secret(folder.path(), "token", "a-token-of-enough-length");
    let registry = "listen = '127.0.0.1:0'\ncluster_secret_file = 'token'\noperator_token_file = 'token'\n\
                    signing_key_file = 'junk'\ntls = { cert = 'junk', key = 'junk', client_ca = 'junk' }\n\
                    [fetch]\nextra_ca_file = 'junk'\n[log]\nextra_ca_file = 'junk'\n";
    std::fs::write(folder.path().join("role.toml"), registry).unwrap();
    let faults = [
        "tls.cert: junk holds no certificate",
        "tls.key: junk holds no private key",
        "tls.client_ca: junk holds no certificate",
        "signing_key_file: junk holds neither",
        "fetch.extra_ca_file: junk holds no certificate",
        "log.extra_ca_file: junk holds no certificate",
    ];
    both_tell(folder.path(), "registry", &faults);
    let gateway = format!("{BASE}join_token_file = 'token'\nfederation_key_file = 'junk'\n");
    std::fs::write(folder.path().join("role.toml"), gateway).unwrap();
    both_tell(folder.path(), "gateway", &["federation_key_file: junk holds neither"]);
}

#[test]
fn a_cluster_secret_that_no_header_carries_is_told_by_check_and_start() {
    let folder = tempfile::tempdir().unwrap();
    secret(folder.path(), "blank", "a secret with blanks between its words");
    secret(folder.path(), "token", "a-token-of-enough-length");
    secret(folder.path(), "seed", &"07".repeat(32));
    let registry = "listen = '127.0.0.1:0'\nplain_loopback = true\ncluster_secret_file = 'blank'\n\
                    operator_token_file = 'token'\nsigning_key_file = 'seed'\n";
    std::fs::write(folder.path().join("role.toml"), registry).unwrap();
    both_tell(folder.path(), "registry", &["cluster_secret_file: "]);
}

/// Caught: the node started, and the registry refused it.
#[test]
fn more_slots_than_the_registry_takes_are_told_by_check_and_start() {
    let folder = tempfile::tempdir().unwrap();
    secret(folder.path(), "join", "join-token-unused");
    let node = format!("{BASE}join_token_file = 'join'\nslots = 4097\n");
    std::fs::write(folder.path().join("role.toml"), node).unwrap();
    both_tell(folder.path(), "node", &["slots: at most 4096"]);
}

/// Caught: both processes started.
#[test]
fn a_role_does_not_start_on_a_state_folder_that_another_process_uses() {
    let folder = tempfile::tempdir().unwrap();
    secret(folder.path(), "join", "join-token-unused");
    std::fs::create_dir(folder.path().join("state")).unwrap();
    let lock = std::fs::File::create(folder.path().join("state/lock")).unwrap();
    lock.lock().unwrap();
    std::fs::write(folder.path().join("role.toml"), format!("{BASE}join_token_file = 'join'\n"))
        .unwrap();
    for role in ["gateway", "node"] {
        let check = ecumene(folder.path(), &["config", "check", role, "role.toml"]);
        assert_eq!(check.status.code(), Some(0), "{role}: its configuration is right");
        let output = ecumene(folder.path(), &[role, "run", "--config", "role.toml"]);
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{role}: {said}");
        let why =
            format!("the {role}'s state folder state cannot be used: another process uses it");
        assert!(said.contains(&why), "{role}: {said}");
    }
}

/// Caught: it deleted the addresses of the first before it failed.
#[test]
fn a_second_up_on_a_folder_touches_nothing_in_it() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    std::fs::create_dir(&data).unwrap();
    let lock = std::fs::File::create(data.join("lock")).unwrap();
    lock.lock().unwrap();
    std::fs::write(data.join("gateway.addr"), "127.0.0.1:1").unwrap();
    let output = ecumene(folder.path(), &["up", "--data-dir", "data"]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("data: another process uses it"), "{said}");
    let mut left: Vec<_> = data.read_dir().unwrap().map(|it| it.unwrap().file_name()).collect();
    left.sort();
    assert_eq!(left, ["gateway.addr", "lock"]);
}

#[test]
fn a_role_that_was_admitted_is_checked_without_its_join_token() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("role.toml"), format!("{BASE}join_token_file = 'absent'\n"))
        .unwrap();
    std::fs::create_dir(folder.path().join("state")).unwrap();
    for role in ["gateway", "node"] {
        let check = ["config", "check", role, "role.toml"];
        secret(folder.path(), "state/credential.drawn", "a-credential-nobody-has-admitted");
        assert_eq!(ecumene(folder.path(), &check).status.code(), Some(2), "{role}");
        secret(folder.path(), "state/credential", "a-credential-that-was-admitted");
        assert_eq!(ecumene(folder.path(), &check).status.code(), Some(0), "{role}");
        std::fs::remove_file(folder.path().join("state/credential")).unwrap();
    }
}
