//! The contract against the committed copy, the routes, the readers of A2A, and itself.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeSet;
use std::path::Path;

use gateway_core::path::{Method, Route};
use proto_types::a2a::list::{PAGE_SIZE_DEFAULT, PAGE_SIZE_MAX};
use proto_types::a2a::{
    Artifact, CancelTaskRequest, GetTaskRequest, ListTasksRequest, Message, Part, Role,
    SendMessageRequest, SendMessageResponse, StreamResponse, SubscribeToTaskRequest, Task,
    TaskPushNotificationConfig, TaskState, TaskStatus, v03,
};

use super::*;

/// `ECUMENE_BLESS=1` writes the copy instead of comparing it.
#[test]
fn the_committed_contract_of_the_gateway_is_what_the_routes_say() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../openapi/gateway-v1.yaml");
    let published = String::from_utf8(PUBLISHED.0.body.to_vec()).unwrap();
    if std::env::var_os("ECUMENE_BLESS").is_some() {
        std::fs::write(&path, &published).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == published,
        "openapi/gateway-v1.yaml is stale: ECUMENE_BLESS=1 cargo nextest run -p gateway-server --lib \
         the_committed_contract"
    );
}

/// The tests of the reader of paths name each route that it knows.
#[test]
fn every_path_that_is_read_is_described_and_every_path_that_is_described_is_read() {
    let read =
        [include_str!("../../../core/src/path.rs"), include_str!("../../../core/src/http_json.rs")];
    let words = read.iter().flat_map(|source| source.split('"'));
    let mut seen = 0;
    // The same path may be written with escapes.
    let is_plain = |word: &&str| {
        let is_odd = |it: char| it.is_whitespace() || it == '%';
        word.starts_with('/') && !word.contains(is_odd)
    };
    for path in words.filter(is_plain) {
        for method in [Method::Get, Method::Post] {
            match Route::find(path, method) {
                Ok(Some(route)) if !matches!(route, Route::Grpc(_)) => seen += 1,
                _ => continue,
            }
            let is_described = paths::lines().iter().any(|line| fits(&line.path, path));
            assert!(is_described, "{path} is a route without a line in the contract");
        }
    }
    assert!(seen > 50, "the tests of the reader of paths were not found: {seen}");
    for (path, _) in paths::PATHS {
        assert!(paths::lines().iter().any(|line| line.path == *path), "{path} is no route");
    }
}

fn fits(described: &str, path: &str) -> bool {
    let path = path.strip_suffix('/').unwrap_or(path);
    let fits = |(part, word): (&str, &str)| match part.rsplit_once('}') {
        Some((_, verb)) => word.len() > verb.len() && word.ends_with(verb),
        None => part == word,
    };
    described.split('/').count() == path.split('/').count()
        && described.split('/').zip(path.split('/')).all(fits)
}

#[test]
fn each_operation_has_a_name_of_its_own_and_a_tag_that_is_listed() {
    let document = document();
    let mut names = BTreeSet::new();
    for operation in operations_of(&document) {
        let name = operation["operationId"].as_str().unwrap();
        assert!(names.insert(name.to_owned()), "{name} is there twice");
        let tag = operation["tags"][0].as_str().unwrap();
        assert!(TAGS.iter().any(|(listed, _)| *listed == tag), "{name}: {tag}");
    }
    // A dozen of HTTP+JSON alone at each of its five bases.
    assert!(names.len() > 60, "{}", names.len());
}

fn operations_of(document: &Value) -> Vec<&Value> {
    let paths = document["paths"].as_object().unwrap().values();
    paths.flat_map(|path| path.as_object().unwrap().values()).collect()
}

#[test]
fn each_parameter_of_a_path_is_stated_and_no_other() {
    let document = document();
    for (path, operations) in document["paths"].as_object().unwrap() {
        let expected: BTreeSet<_> = parameters::names_in(path).collect();
        for (method, operation) in operations.as_object().unwrap() {
            let stated = operation["parameters"].as_array().map_or(&[][..], Vec::as_slice);
            let stated = stated.iter().map(|parameter| resolved(&document, parameter));
            let stated = stated.filter(|parameter| parameter["in"] == "path");
            let stated: BTreeSet<_> =
                stated.map(|parameter| parameter["name"].as_str().unwrap()).collect();
            assert_eq!(stated, expected, "{method} {path}");
        }
    }
}

#[test]
fn every_reference_is_to_something_and_every_component_is_used() {
    let document = document();
    let mut used = BTreeSet::new();
    references(&document, &mut used);
    let kinds = document["components"].as_object().unwrap().iter();
    let kinds = kinds.filter(|(kind, _)| *kind != "securitySchemes");
    let named = kinds.flat_map(|(kind, of)| {
        of.as_object().unwrap().keys().map(move |name| format!("#/components/{kind}/{name}"))
    });
    assert_eq!(used, named.collect::<BTreeSet<_>>());
    let schemes = &document["components"]["securitySchemes"];
    for operation in operations_of(&document) {
        for scheme in operation["security"].as_array().unwrap() {
            for name in scheme.as_object().unwrap().keys() {
                assert!(schemes.get(name).is_some(), "{name}");
            }
        }
    }
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

fn resolved<'d>(document: &'d Value, value: &'d Value) -> &'d Value {
    let pointer = value["$ref"].as_str().and_then(|reference| reference.strip_prefix('#'));
    pointer.map_or(value, |pointer| document.pointer(pointer).unwrap())
}

#[test]
fn the_words_of_the_contract_are_those_of_the_types() {
    let document = document();
    let schemas = &document["components"]["schemas"];
    let words = |name: &str, member: &str| schemas[name]["properties"][member]["enum"].clone();
    assert_eq!(words("Message", "role"), json!(Role::WORDS));
    assert_eq!(words("TaskStatus", "state"), json!(TaskState::WORDS));
    assert_eq!(words("MessageV03HttpJson", "role"), json!(Role::WORDS));
    for (schema, print) in [
        ("TaskStatusV03", v03::print_task as fn(&Task) -> Value),
        ("TaskStatusV03HttpJson", v03::rest::print_task as fn(&Task) -> Value),
    ] {
        let task = least(&document, &schemas["Task"]);
        let printed = TaskState::ALL.iter().map(|state| {
            let mut task = task.clone();
            task["status"]["state"] = json!(state.as_str());
            print(&Task::from_value(&task).unwrap())["status"]["state"].clone()
        });
        assert_eq!(words(schema, "state"), printed.collect::<Value>(), "{schema}");
    }
}

type Reads = fn(&Value) -> bool;

/// What the contract requires is enough for the readers of A2A, and none of it can be left out.
#[test]
fn the_readers_of_a2a_require_what_the_contract_requires() {
    let document = document();
    let readers: [(&str, Reads); 16] = [
        ("Message", |it| Message::from_value(it).is_ok()),
        ("Part", |it| Part::from_value(it).is_ok()),
        ("Task", |it| Task::from_value(it).is_ok()),
        ("TaskStatus", |it| TaskStatus::from_value(it).is_ok()),
        ("Artifact", |it| Artifact::from_value(it).is_ok()),
        ("SendMessageRequest", |it| SendMessageRequest::from_value(it).is_ok()),
        ("GetTaskRequest", |it| GetTaskRequest::from_value(it).is_ok()),
        ("CancelTaskRequest", |it| CancelTaskRequest::from_value(it).is_ok()),
        ("SubscribeToTaskRequest", |it| SubscribeToTaskRequest::from_value(it).is_ok()),
        ("TaskPushNotificationConfig", |it| TaskPushNotificationConfig::from_value(it).is_ok()),
        ("SendMessageResponse", |it| SendMessageResponse::from_value(it).is_ok()),
        ("StreamResponse", |it| StreamResponse::from_value(it).is_ok()),
        ("MessageSendParamsV03", |it| v03::read_send_message(it).is_ok()),
        ("TaskQueryParamsV03", |it| v03::read_get_task(it).is_ok()),
        ("TaskIdParamsV03", |it| v03::read_cancel_task(it).is_ok()),
        ("SendMessageRequestV03HttpJson", |it| v03::rest::read_send_message(it).is_ok()),
    ];
    for (name, reads) in readers {
        let schema = &document["components"]["schemas"][name];
        let whole = least(&document, schema);
        assert!(reads(&whole), "{name}: {whole}");
        for member in whole.as_object().unwrap().keys() {
            let mut part = whole.clone();
            part.as_object_mut().unwrap().remove(member);
            assert!(!reads(&part), "{name} is read without {member}");
        }
    }
}

#[test]
fn a_page_of_tasks_has_the_bounds_that_the_reader_has() {
    let document = document();
    let size = &document["components"]["schemas"]["ListTasksRequest"]["properties"]["pageSize"];
    let read = |size: u32| ListTasksRequest::from_value(&json!({ "pageSize": size }));
    assert_eq!(size["maximum"], PAGE_SIZE_MAX);
    assert!(read(PAGE_SIZE_MAX).is_ok() && read(PAGE_SIZE_MAX + 1).is_err());
    assert!(size["minimum"] == 1 && read(0).is_err());
    let default = ListTasksRequest::from_value(&json!({})).unwrap().page_size;
    assert_eq!((default, &size["default"]), (PAGE_SIZE_DEFAULT, &json!(PAGE_SIZE_DEFAULT)));
}

/// The smallest value of a schema of ours: what is required of it, and the first of its alternatives.
fn least(document: &Value, schema: &Value) -> Value {
    let schema = resolved(document, schema);
    let first = &schema["oneOf"][0];
    if !first.is_null() && schema["properties"].is_null() {
        return least(document, first);
    }
    if let Some(only) = schema.get("const").or_else(|| schema["enum"].get(0)) {
        return only.clone();
    }
    match schema["type"].as_str() {
        Some("object") => {
            let required = [&schema["required"], &first["required"]];
            let names = required.iter().filter_map(|names| names.as_array()).flatten();
            let members = names.map(|name| {
                let name = name.as_str().unwrap();
                (name.to_owned(), least(document, &schema["properties"][name]))
            });
            Value::Object(members.collect())
        }
        Some("array") => {
            let count = schema["minItems"].as_u64().unwrap_or(0);
            (0..count).map(|_| least(document, &schema["items"])).collect()
        }
        Some("string") if schema["format"] == "uri" => json!("https://a.example/"),
        Some("string") => json!("x"),
        other => panic!("{other:?} is required nowhere: {schema}"),
    }
}

#[test]
fn a_call_that_is_not_served_in_its_version_has_no_way_to_succeed() {
    let document = document();
    let tasks = |path: &str| document["paths"][path]["get"]["responses"].clone();
    assert!(tasks("/a2a/v1/tasks")["200"].is_null());
    assert!(tasks("/a2a/tasks")["200"]["content"][A2A_JSON].is_object());
    let streams = &document["paths"]["/a2a/message:stream"]["post"]["responses"]["200"];
    assert!(streams["content"][SSE].is_object() && streams["content"][JSON].is_null());
}

#[test]
fn a_refusal_of_a_call_has_its_status_in_each_binding() {
    let document = document();
    let statuses = |path: &str| document["paths"][path]["post"]["responses"].clone();
    let (rpc, plain) = (statuses("/v1/a2a/jsonrpc"), statuses("/a2a/message:send"));
    for status in ["400", "401", "403", "404", "413", "415", "429", "500", "503", "504"] {
        assert!(rpc[status].is_object() && plain[status].is_object(), "{status}");
    }
    let about = |responses: &Value, status: &str| {
        resolved(&document, &responses[status])["description"].as_str().unwrap().to_owned()
    };
    let link = "[`task-not-found`](/docs/errors/task-not-found)";
    assert!(about(&plain, "404").contains(link), "{}", about(&plain, "404"));
    assert!(!about(&rpc, "404").contains(link), "over JSON-RPC it is told with 200");
}

#[test]
fn the_contract_is_served_in_both_notations_and_not_again_to_who_has_it() {
    for (notation, media) in [(Notation::Yaml, YAML), (Notation::Json, JSON)] {
        let whole = answer(notation, &HeaderMap::new(), 60).unwrap();
        assert_eq!(
            (whole.status(), &whole.headers()[CONTENT_TYPE]),
            (StatusCode::OK, &HeaderValue::from_static(media))
        );
        let mut headers = HeaderMap::new();
        headers.insert("if-none-match", whole.headers()["etag"].clone());
        let again = answer(notation, &headers, 60).unwrap();
        assert_eq!(again.status(), StatusCode::NOT_MODIFIED);
    }
}
