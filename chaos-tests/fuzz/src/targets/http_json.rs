//! The target of an HTTP+JSON request: the path says whom and what, the query the rest.
//!
//! A path that has a reading is encoded as one that has the same: who stands between may have written it so.

use gateway_core::form::Form;
use gateway_core::http_json::{Endpoint, Resource};
use gateway_core::params::{List, Named};
use gateway_core::path::{Method, Route};
use gateway_server::fuzzing::query;
use proto_types::a2a::ProtocolVersion;
use proto_types::a2a::query::members;
use proto_types::path::{LEN_MAX, check, encode, nth, segments};
use serde_json::Value;

use crate::fixtures::FORMS;

pub(crate) fn run(bytes: &[u8]) {
    let Ok(target) = str::from_utf8(bytes) else { return };
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    one_reading(path);
    for method in [Method::Get, Method::Post] {
        if let Ok(Some(Route::HttpJson(endpoint))) = Route::find(path, method) {
            named_again(&endpoint, method);
        }
    }
    asked(query);
}

fn one_reading(path: &str) {
    let read = segments(path);
    assert_eq!(check(path), read.clone().map(drop));
    let Ok(read) = read else { return };
    for (at, segment) in read.iter().enumerate() {
        assert_eq!(nth(path, at).ok().flatten().as_deref(), Some(segment.as_str()));
    }
    let encoded: String = read.iter().map(|segment| format!("/{}", encode(segment))).collect();
    if encoded.len() <= LEN_MAX {
        assert_eq!(segments(&encoded), Ok(read));
    }
}

fn named_again(endpoint: &Endpoint, method: Method) {
    let is_whole = endpoint.named(method).iter().all(|(_, value)| !value.is_empty());
    let (Some(path), true) = (path_of(endpoint), is_whole) else { return };
    if path.len() <= LEN_MAX {
        assert_eq!(
            Route::find(&path, method),
            Ok(Some(Route::HttpJson(endpoint.clone()))),
            "{path}"
        );
    }
}

/// The path in its plainest form.
fn path_of(endpoint: &Endpoint) -> Option<String> {
    let base = match &endpoint.agent {
        Some(agent) => format!("/agents/{}", encode(agent.as_str())),
        None => "/a2a".to_owned(),
    };
    let (version, card) = match endpoint.version {
        ProtocolVersion::V03 => ("/v1", "card"),
        ProtocolVersion::V10 => ("", "extendedAgentCard"),
    };
    let resource = match &endpoint.resource {
        Resource::Message => "message:send".to_owned(),
        Resource::MessageStream => "message:stream".to_owned(),
        Resource::Tasks => "tasks".to_owned(),
        Resource::Task(id) => format!("tasks/{}", encode(id)),
        Resource::Cancel(id) => format!("tasks/{}:cancel", encode(id)),
        Resource::Subscribe(id) => format!("tasks/{}:subscribe", encode(id)),
        Resource::PushConfigs(task) => format!("tasks/{}/pushNotificationConfigs", encode(task)),
        Resource::PushConfig(task, config) => {
            format!("tasks/{}/pushNotificationConfigs/{}", encode(task), encode(config))
        }
        Resource::ExtendedCard => card.to_owned(),
    };
    Some(format!("{base}{version}/{resource}"))
}

fn asked(text: &str) {
    let pairs = query(text);
    let written = pairs.iter().map(|(name, value)| format!("{}={}", encode(name), encode(value)));
    assert_eq!(query(&written.collect::<Vec<_>>().join("&")), pairs);
    let mut params = members(pairs);
    drop(List::parse(&Value::Object(params.clone())));
    params.insert("id".to_owned(), Value::from("t1"));
    let params = Value::Object(params);
    for form in FORMS {
        if let Ok(named) = Named::parse_get(form, &params) {
            assert!(named.task.is_some() && (form == Form::V10 || named.tenant.is_none()));
        }
    }
}
