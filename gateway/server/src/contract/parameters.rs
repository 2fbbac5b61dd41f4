//! The parameters of operations, each written once.
//!
//! Decides which there are and what is allowed in them. Must never give one name to two things.

use prost_reflect::{FieldDescriptor, MessageDescriptor};
use proto_types::a2a::{ID_CHARS_MAX, ProtocolVersion};
use serde_json::{Value, json};

use super::{messages, reference};

/// Parameters, each under the name by which operations refer to it.
type Named = Vec<(&'static str, Value)>;

/// All of them.
pub(super) fn components() -> Value {
    let of_envelopes = of_envelopes().into_iter().chain(of_dead_letters());
    let all = [in_paths(), versions(), headers(), of_directories()].into_iter().flatten();
    let all = all.chain(of_envelopes);
    Value::Object(all.map(|(name, parameter)| (name.to_owned(), parameter)).collect())
}

fn in_paths() -> Named {
    let id = || json!({ "type": "string", "minLength": 1, "maxLength": ID_CHARS_MAX });
    let handle = || reference("schemas", "Handle");
    let code = json!({ "type": "string", "pattern": "^[a-z]+(-[a-z]+)*$" });
    vec![
        ("agent", path("agent", "The handle of the agent.", handle())),
        ("target", path("target", "The handle that the envelopes are for.", handle())),
        ("id", path("id", "The task; of a push notification configuration, its own name.", id())),
        ("taskId", path("taskId", "The task.", id())),
        ("code", path("code", "A code, as refusals say it.", code)),
    ]
}

/// One header, with the versions that each path takes.
fn versions() -> Named {
    let about = "The version of A2A; a patch number behind it does not count. It may stand in the query instead, \
                 under the same name.";
    let of = |required: bool, words: &[&str]| {
        header("A2A-Version", about, required, json!({ "type": "string", "enum": words }))
    };
    vec![
        ("A2A-Version", of(false, ProtocolVersion::WORDS)),
        ("A2A-Version-1.0", of(true, &[ProtocolVersion::V10.as_str()])),
        ("A2A-Version-0.3", of(false, &[ProtocolVersion::V03.as_str()])),
    ]
}

fn headers() -> Named {
    let text = || json!({ "type": "string", "minLength": 1, "pattern": "^[!-~]+$" });
    let trace = json!({ "type": "string", "pattern": "^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$" });
    let optional = |name: &'static str, about, schema| (name, header(name, about, false, schema));
    vec![
        optional(
            "A2A-Extensions",
            "URIs of the extensions that the client wants, with commas between them.",
            text(),
        ),
        optional(
            "Last-Event-ID",
            "To go on with a stream: the id of the event that was read last. It counts where the extension for it is asked for.",
            text(),
        ),
        optional(
            "traceparent",
            "The trace that the request belongs to (W3C Trace Context); what is none is passed over.",
            trace,
        ),
        optional("If-None-Match", "Tags that the client has (RFC 9110, 13.1.2).", text()),
        optional("If-Match", "Tags that the document must have one of (RFC 9110, 13.1.1).", text()),
    ]
}

fn of_envelopes() -> Named {
    let target =
        json!({ "type": "string", "minLength": 1, "maxLength": 512, "pattern": "^[!-~]+$" });
    let max = json!({ "type": "integer", "minimum": 1, "maximum": 100, "default": 10 });
    let wait = json!({ "type": "string", "pattern": "^([0-9]|[1-5][0-9]|60)s$", "default": "0s" });
    let for_whom = "The origin or the handle that the envelopes are for.";
    let key = json!({ "type": "string", "minLength": 1, "maxLength": 128, "pattern": "^[!-~]+$" });
    let in_order = "Envelopes of one source and target with the same key are handed out one after another, in order.";
    let hops = json!({ "type": "string", "minLength": 1, "pattern": "^[!-~]+$" });
    let way = "The origins that the envelope has passed, with commas between them.";
    vec![
        ("target-query", query("target", for_whom, true, target)),
        ("Ecumene-Ordering-Key", header("Ecumene-Ordering-Key", in_order, false, key)),
        ("Ecumene-Hops", header("Ecumene-Hops", way, false, hops)),
        ("max", query("max", "How many envelopes at most.", false, max)),
        ("wait", query("wait", "How long to wait for the first one: at most 60s.", false, wait)),
    ]
}

fn of_dead_letters() -> Named {
    let text = || json!({ "type": "string", "minLength": 1, "pattern": "^[!-~]+$" });
    let limit = json!({ "type": "integer", "minimum": 1, "maximum": 1000 });
    let optional = |name: &'static str, about, schema| query(name, about, false, schema);
    vec![
        ("dead-target", optional("target", "Those that were for this one alone.", text())),
        ("dead-limit", optional("limit", "How many of them at most.", limit)),
        ("cursor", optional("cursor", "Where the page begins, as the one before says it.", text())),
        ("source", optional("source", "The source of one; with `id`.", text())),
        ("dead-id", optional("id", "The id of one; with `source`.", text())),
    ]
}

fn of_directories() -> Named {
    let text = || json!({ "type": "string" });
    let limit = json!({ "type": "integer", "minimum": 1, "maximum": 200, "default": 50 });
    let probe = json!({ "type": "string", "enum": ["0", "1"] });
    let optional = |name: &'static str, about, schema| (name, query(name, about, false, schema));
    vec![
        optional("q", "What name or description have in them.", text()),
        optional("visibility", "These alone, with commas between them.", text()),
        optional("limit", "How many agents at most.", limit),
        optional("probe", "`1` has the card of each peer looked at; that is for operators.", probe),
    ]
}

/// References to parameters.
pub(super) fn named<const N: usize>(names: [&str; N]) -> impl Iterator<Item = Value> {
    names.map(|name| reference("parameters", name)).into_iter()
}

/// References to those in a path.
pub(super) fn in_path(path: &str) -> impl Iterator<Item = Value> {
    names_in(path).map(|name| reference("parameters", name))
}

/// The names in braces.
pub(super) fn names_in(path: &str) -> impl Iterator<Item = &str> {
    path.split('{').skip(1).filter_map(|rest| rest.split('}').next())
}

/// The fields of a message in the query of a request without a body.
pub(super) fn of_fields(message: &MessageDescriptor, fields: &[FieldDescriptor]) -> Vec<Value> {
    let one = |field: &FieldDescriptor| {
        let schema = messages::member(message, field);
        let about = format!("`{}` of `{}`.", field.json_name(), message.name());
        query(field.json_name(), &about, false, schema)
    };
    fields.iter().map(one).collect()
}

/// The messages of a task that an answer holds, in A2A 0.3.
pub(super) fn history_length() -> Value {
    let schema = json!({ "type": "integer", "minimum": 0, "maximum": i32::MAX });
    query(
        "historyLength",
        "How many of the newest messages the task comes with; 0 is all.",
        false,
        schema,
    )
}

fn path(name: &str, about: &str, schema: Value) -> Value {
    parameter(("path", name), about, true, schema)
}

fn header(name: &str, about: &str, required: bool, schema: Value) -> Value {
    parameter(("header", name), about, required, schema)
}

fn query(name: &str, about: &str, required: bool, schema: Value) -> Value {
    parameter(("query", name), about, required, schema)
}

fn parameter((place, name): (&str, &str), about: &str, required: bool, schema: Value) -> Value {
    json!({ "name": name, "in": place, "description": about, "required": required, "schema": schema })
}
