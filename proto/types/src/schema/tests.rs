//! The reader's own promises: every fault, bounded, with a path that says where.

#![expect(clippy::unwrap_used, reason = "tests")]

use serde_json::json;

use super::*;

fn faults(value: &serde_json::Value, dialect: Dialect) -> Vec<(String, Problem)> {
    let refused = read(value, dialect, |spot| {
        let object = spot.object()?;
        let name = object.required("fullName", |spot| spot.text_of(1, 3));
        let list = object.or_default("list", |spot| spot.list((0, 100), |item| item.boolean()));
        Some((name?.to_owned(), list?))
    });
    refused.err().unwrap_or_default().into_iter().map(|f| (f.path, f.problem)).collect()
}

#[test]
fn every_fault_is_told_with_its_path() {
    let found = faults(&json!({"fullName": "four", "list": [true, 1, null]}), Dialect::EXACT);
    let boolean = || Problem::Type("true or false");
    assert_eq!(
        found,
        [
            ("/fullName".to_owned(), Problem::Length { found: 4, min: 1, max: 3 }),
            ("/list/1".to_owned(), boolean()),
            ("/list/2".to_owned(), boolean()),
        ]
    );
}

#[test]
fn the_number_of_faults_is_bounded() {
    let found = faults(&json!({"fullName": "x", "list": vec![0; 100]}), Dialect::EXACT);
    assert_eq!(found.len(), FAULTS_MAX);
}

#[test]
fn each_dialect_has_its_own_idea_of_absence() {
    let snake = json!({"full_name": "x", "list": null});
    assert_eq!(faults(&snake, Dialect::PROTO_JSON), []);
    assert_eq!(faults(&snake, Dialect::EXACT).len(), 2);
    let both = json!({"full_name": "x", "fullName": "y"});
    assert_eq!(faults(&both, Dialect::PROTO_JSON)[0], ("/fullName".to_owned(), Problem::Twice));
}

#[test]
fn a_hostile_member_name_is_cut_and_escaped() {
    let name = format!("a/b~{}", "x".repeat(10_000));
    let mut object = serde_json::Map::new();
    object.insert(name, json!(1));
    let refused = closed_document(&object.into(), &[], |_| Some(())).unwrap_err();
    assert!(refused[0].path.starts_with("/a~1b~0x") && refused[0].path.len() < 80);
    assert_eq!(refused[0].problem, Problem::Unknown);
}

#[test]
fn a_path_is_also_told_as_a_field() {
    let fault = SchemaError { path: "/message/parts/0/a~1b".to_owned(), problem: Problem::Missing };
    assert_eq!(fault.field(), "message.parts[0].a/b");
    let shown = serde_json::to_value(&fault).unwrap();
    assert_eq!(shown, json!({"instancePath": "/message/parts/0/a~1b", "message": "is required"}));
}

#[test]
fn a_uri_is_absolute_and_ascii() {
    for good in ["https://a.example/x?y=%20#z", "urn:x", "did:web:a.example", "http://[::1]:80/"] {
        assert!(text::is_uri(good), "{good}");
    }
    let long = format!("https://{}", "a".repeat(text::URI_LEN_MAX));
    for bad in ["", "/x", "a.example", "1x:y", "https://a b", "x:", "x:%2", "x:é", "x:\n", &long] {
        assert!(!text::is_uri(bad), "{bad}");
    }
}
