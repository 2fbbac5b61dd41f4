//! The contract against the code, the committed copy and itself.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use proto_types::card::Assurance;
use registry_core::entry::{Reachability, TrustMode, Visibility};

use super::*;
use crate::rest::HANDLE_AT;
use crate::rest::parameter::Place;
use crate::rest::route::is_of_handle;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// `ECUMENE_BLESS=1` writes the copy instead of comparing it.
#[test]
fn the_committed_contract_is_what_the_routes_say() {
    let path = root().join("openapi/registry-v1.json");
    if std::env::var_os("ECUMENE_BLESS").is_some() {
        std::fs::write(&path, PUBLISHED.as_str()).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == *PUBLISHED,
        "openapi/registry-v1.json is stale: ECUMENE_BLESS=1 cargo nextest run -p registry-server --lib \
         the_committed_contract"
    );
}

#[test]
fn every_reference_and_tag_is_there_and_every_component_is_used() {
    let document = document(&crate::rest::table());
    let mut used = BTreeSet::new();
    references(&document, &mut used);
    let kinds = document["components"].as_object().unwrap().iter();
    let kinds = kinds.filter(|(kind, _)| *kind != "securitySchemes");
    let named = kinds.flat_map(|(kind, of)| {
        of.as_object().unwrap().keys().map(move |name| format!("#/components/{kind}/{name}"))
    });
    assert_eq!(used, named.collect::<BTreeSet<_>>());
    for route in crate::rest::table() {
        assert!(TAGS.iter().any(|(name, _)| *name == route.tag), "{}: {}", route.id, route.tag);
    }
}

#[test]
fn the_words_of_the_contract_are_those_of_their_tables() {
    let document = document(&crate::rest::table());
    let mut said = Vec::new();
    enums(&document, "", &mut said);
    for (name, words) in [
        ("visibility", Visibility::WORDS),
        ("trust", TrustMode::WORDS),
        ("liveness", Reachability::WORDS),
        ("assurance", Assurance::WORDS),
        ("min_assurance", Assurance::WORDS),
    ] {
        let listed: Vec<_> = said.iter().filter(|(named, _)| *named == name).collect();
        assert!(!listed.is_empty() && listed.iter().all(|(_, said)| said == words), "{listed:?}");
    }
}

/// Every list of words, with the member or parameter that has one of them.
fn enums<'d>(value: &'d Value, name: &'d str, said: &mut Vec<(&'d str, Vec<&'d str>)>) {
    match value {
        Value::Object(members) => {
            if let Some(words) = members.get("enum").and_then(Value::as_array) {
                said.push((name, words.iter().filter_map(Value::as_str).collect()));
            }
            let parameter = members.get("name").and_then(Value::as_str);
            for (key, member) in members {
                let inside = matches!(key.as_str(), "schema" | "items");
                enums(member, if inside { parameter.unwrap_or(name) } else { key }, said);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| enums(item, name, said)),
        _ => {}
    }
}

/// Several parameters are named `limit`, with other bounds.
#[test]
fn a_reference_is_to_the_parameter_that_the_route_takes() {
    let table = crate::rest::table();
    let document = document(&table);
    for route in &table {
        let path = route.path.replace("{*", "{");
        let method = route.method.as_str().to_ascii_lowercase();
        let operation = &document["paths"][path][method];
        for (at, parameter) in route.parameters.iter().enumerate() {
            let described = resolved(&document, &operation["parameters"][at]);
            assert_eq!(*described, operation::parameter(parameter), "{}", route.id);
        }
    }
}

#[test]
fn what_fits_on_a_line_is_on_one_and_all_of_it_is_read_back() {
    let long = "x".repeat(LINE_BYTES_MAX);
    let mut value = json!({ "b": { "no": [1, null] }, "a": [{ "c": true }, long] });
    value.sort_all_objects();
    let text = lines(&value, "");
    let (head, tail) = text.split_once(&long).unwrap();
    assert_eq!(head, "{\n  \"a\": [\n    {\"c\":true},\n    \"");
    assert_eq!(tail, "\"\n  ],\n  \"b\": {\"no\":[1,null]}\n}");
    assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), value);
}

fn references(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) => {
            if let Some(Value::String(to)) = members.get("$ref") {
                found.insert(to.clone());
            }
            members.values().for_each(|each| references(each, found));
        }
        Value::Array(items) => items.iter().for_each(|each| references(each, found)),
        _ => {}
    }
}

#[test]
fn every_route_is_described_whole() {
    let table = crate::rest::table();
    let ids: BTreeSet<_> = table.iter().map(|route| route.id).collect();
    assert_eq!(ids.len(), table.len(), "operation ids are unique");
    for route in &table {
        assert!(!route.id.is_empty() && route.about.ends_with('.'), "{}", route.path);
        assert!(!route.answers.is_empty(), "{} succeeds in no way", route.id);
        let stated: BTreeSet<_> = route
            .parameters
            .iter()
            .filter(|parameter| parameter.place == Place::Path)
            .map(|parameter| format!("{{{}}}", parameter.name))
            .collect();
        let in_path: BTreeSet<_> = route
            .path
            .replace("{*", "{")
            .split('/')
            .filter(|part| part.starts_with('{'))
            .map(str::to_owned)
            .collect();
        assert_eq!(stated, in_path, "{}", route.id);
    }
}

/// RFC 9110, section 13: a condition that is not read is a write, or an answer, that was not meant.
#[test]
fn every_operation_on_what_has_a_tag_reads_both_conditions() {
    let table = crate::rest::table();
    let tagged = |route: &Route| {
        let headers = route.answers.iter().flat_map(|answer| answer.headers);
        headers.into_iter().any(|header| header.name == "ETag")
    };
    let paths: BTreeSet<_> = table.iter().filter(|it| tagged(it)).map(|it| it.path).collect();
    let writes = |route: &Route| route.method != http::Method::GET && paths.contains(route.path);
    let mut found = 0;
    for route in table.iter().filter(|it| tagged(it) || writes(it)) {
        let takes = |name| route.parameters.iter().any(|parameter| parameter.name == name);
        assert!(takes("If-Match") && takes("If-None-Match"), "{}", route.id);
        assert!(route.refusals.contains(&registry_api::Code::PreconditionFailed), "{}", route.id);
        found += 1;
    }
    assert_eq!(found, 12, "records, agents and policies (three each), cards (two), manifests");
}

/// A handle may be any word, also one of ours: then the method tells them apart.
#[test]
fn no_fixed_path_takes_a_method_from_a_handle_and_each_handle_is_found_in_its_path() {
    let table = crate::rest::table();
    for named in table.iter().filter(|route| route.path.contains("{handle}")) {
        assert_eq!(named.path.split('/').nth(HANDLE_AT + 1), Some("{handle}"), "{}", named.path);
        let fixed = table.iter().filter(|fixed| is_of_handle(named.path, fixed.path));
        for fixed in fixed.filter(|fixed| !fixed.path.contains('{')) {
            assert_ne!(fixed.method, named.method, "{} {}", fixed.id, named.id);
        }
    }
}

/// The table is the only way in: no other file of the REST API touches a router.
#[test]
fn no_route_is_added_beside_the_table() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/rest");
    let mut folders = vec![folder];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let is_table = path.ends_with("rest/route.rs") || path.ends_with("openapi/tests.rs");
            let text = std::fs::read_to_string(&path).unwrap();
            for way in ["Router::new", ".route(", ".nest(", ".route_service("] {
                assert!(is_table || !text.contains(way), "{}: {way}", path.display());
            }
        }
    }
}
