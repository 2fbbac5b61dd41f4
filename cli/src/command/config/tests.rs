//! What is printed of the settings is what the roles read.

#![expect(clippy::unwrap_used, reason = "tests")]

use deploy_service::config::Use;
use deploy_service::settings::{Field, Setting, Shape, below};

use super::*;

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/configuration.md");

/// Each setting that is no section, with its full name.
fn settings(shape: &Shape, at: &str, found: &mut Vec<(String, Field)>) {
    for field in shape.fields().unwrap_or_default() {
        let key = below(at, field.name);
        match field.shape.fields() {
            Some(_) => settings(&field.shape, &key, found),
            None => found.push((key, field.clone())),
        }
    }
}

fn all() -> Vec<(String, Field)> {
    let shapes = [
        registry_server::Config::shape(),
        gateway_server::Config::shape(),
        node_agent::Config::shape(),
    ];
    let mut found = Vec::new();
    shapes.iter().for_each(|shape| settings(shape, "", &mut found));
    found
}

#[test]
fn the_committed_reference_is_what_the_code_says() {
    let page = page();
    if std::env::var_os("ECUMENE_BLESS").is_some() {
        std::fs::write(PAGE, &page).unwrap();
    }
    let committed = std::fs::read_to_string(PAGE).unwrap_or_default();
    assert!(
        committed == page,
        "docs/configuration.md has drifted: ECUMENE_BLESS=1 cargo nextest run -p cli the_committed_reference"
    );
}

#[test]
fn every_setting_has_a_meaning_and_every_path_a_use() {
    let found = all();
    assert!(found.len() > 100, "{} settings", found.len());
    for (key, field) in &found {
        assert!(field.doc.trim_end().ends_with(['.', '`', ')']), "{key}: {}", field.doc);
        if field.shape.words().ends_with("path") {
            assert!(Use::of(key).is_some(), "what is the path {key} for?");
        }
    }
}

#[test]
fn the_example_of_each_role_is_a_configuration_that_holds_together() {
    fn holds<C: Role>(role: ConfigRole) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("role.toml");
        std::fs::write(&path, example(role)).unwrap();
        let config: C = deploy_service::config::load_with(C::NAME, Some(&path), [], &[]).unwrap();
        assert_eq!(config.contradiction(), None, "{}", C::NAME);
    }
    holds::<registry_server::Config>(ConfigRole::Registry);
    holds::<gateway_server::Config>(ConfigRole::Gateway);
    holds::<node_agent::Config>(ConfigRole::Node);
}

#[test]
fn a_check_tells_every_unknown_setting_a_contradiction_and_every_file_that_is_missing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("gateway.toml");
    let told = |text: &str| {
        std::fs::write(&path, text).unwrap();
        faults::<gateway_server::Config>(&path, &[])
    };
    let state = folder.path().join("state").display().to_string();
    let bare = format!("id = 'g1'\nregistry = ['http://127.0.0.1:1']\nstate_dir = '{state}'\n");
    let lacks = told(&bare);
    assert!(lacks.len() == 1 && lacks[0].starts_with("join_token_file: "), "{lacks:?}");
    let join = folder.path().join("join");
    std::fs::write(&join, "join-token-unused").unwrap();
    std::fs::set_permissions(&join, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let good = format!("{bare}join_token_file = '{}'\n", join.display());
    assert_eq!(told(&good), [""; 0]);
    let unknown = told(&format!("{good}lisen = 'x'\n[bounds]\nheartbeet = '1s'\n"));
    assert_eq!(unknown.len(), 2, "{unknown:?}");
    assert!(
        unknown[0].contains("bounds.heartbeet") && unknown[1].contains("`listen`"),
        "{unknown:?}"
    );
    let against = told(&format!("{good}[bounds]\nheartbeat = '1ms'\n"));
    assert!(against.len() == 1 && against[0].contains("bounds.heartbeat"), "{against:?}");
    let missing =
        told(&format!("{good}operator_token_file = 'absent-1'\nfederation_key_file = 'absent-2'"));
    assert_eq!(missing.len(), 2, "{missing:?}");
    assert!(missing[0].contains("operator_token_file") && missing[0].contains("absent-1"));
    let broken = told("id = ");
    assert!(broken.len() == 1 && broken[0].contains("gateway.toml"), "{broken:?}");
    let absent = faults::<gateway_server::Config>(&folder.path().join("absent.toml"), &[]);
    assert!(absent[0].contains("absent.toml"), "{absent:?}");
}

#[test]
fn a_check_of_a_pipe_tells_what_it_would_tell_of_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state").display().to_string();
    let bare = format!("id = 'g1'\nregistry = ['http://127.0.0.1:1']\nstate_dir = '{state}'\n");
    for text in [bare.clone(), format!("{bare}lisen = 'x'\n"), format!("{bare}id = ")] {
        let path = folder.path().join("gateway.toml");
        std::fs::write(&path, &text).unwrap();
        let of_file = faults::<gateway_server::Config>(&path, &[]);
        let (reader, mut writer) = std::io::pipe().unwrap();
        std::io::Write::write_all(&mut writer, text.as_bytes()).unwrap();
        drop(writer);
        let pipe = format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&reader));
        let of_pipe = faults::<gateway_server::Config>(Path::new(&pipe), &[]);
        let of_file: Vec<_> =
            of_file.iter().map(|said| said.replace(&path.display().to_string(), &pipe)).collect();
        assert_eq!(of_pipe, of_file, "{text}");
    }
}
