//! The message of a SendMessage call.
//!
//! Decides which messages an agent may be given (A2A 1.0, sections 4.1.4 and 4.1.6). Must never pass
//! on a part that holds nothing or two things: agents trust that each holds one.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig, general_purpose};
use proto_types::{ContextId, TaskId};
use serde_json::{Map, Value};

use super::fields::Fields;
use crate::violation::Violations;

/// Arbitrary; the size of the whole is bounded by the body's limit.
const PARTS_MAX: usize = 256;
/// Arbitrary; an id, not a text.
const MESSAGE_ID_LEN_MAX: usize = 256;
/// What file systems allow (POSIX NAME_MAX).
const FILENAME_LEN_MAX: usize = 255;
/// RFC 6838, section 4.2: 127 for each half, and parameters.
const MEDIA_TYPE_LEN_MAX: usize = 512;
/// What browsers and proxies take as the longest URL.
const URL_LEN_MAX: usize = 2048;
/// Arbitrary.
const NAMES_MAX: usize = 64;

/// A message, taken apart.
#[derive(Default)]
pub(super) struct Read {
    pub(super) members: Map<String, Value>,
    pub(super) context: Option<ContextId>,
    pub(super) task: Option<TaskId>,
}

pub(super) fn read(message: &Map<String, Value>, found: &mut Violations) -> Read {
    let mut fields = Fields::new(message, "message", found);
    let mut members = Map::new();
    if let Some(id) = fields.required_text("messageId", MESSAGE_ID_LEN_MAX) {
        members.insert("messageId".to_owned(), Value::from(id));
    }
    match fields.value("role").map(Value::as_str) {
        Some(Some("ROLE_USER")) => {
            drop(members.insert("role".to_owned(), Value::from("ROLE_USER")))
        }
        None => fields.fault("role", "required"),
        Some(_) => fields.fault("role", "must be ROLE_USER"),
    }
    let context = id(&mut fields, "contextId", ContextId::LEN_MAX, ContextId::parse);
    let task = id(&mut fields, "taskId", TaskId::LEN_MAX, TaskId::parse);
    for name in ["extensions", "referenceTaskIds"] {
        let names = fields.texts(name, NAMES_MAX);
        if !names.is_empty() {
            members.insert(name.to_owned(), Value::from(names));
        }
    }
    if let Some(metadata) = fields.object("metadata") {
        members.insert("metadata".to_owned(), Value::Object(metadata.clone()));
    }
    members.insert("parts".to_owned(), Value::Array(parts(&mut fields)));
    Read { members, context, task }
}

fn id<T, E>(
    fields: &mut Fields<'_, '_>,
    name: &str,
    len_max: usize,
    parse: fn(&str) -> Result<T, E>,
) -> Option<T> {
    let text = fields.text(name, len_max)?;
    let id = parse(&text).ok();
    if id.is_none() {
        fields.fault(name, "not visible ASCII");
    }
    id
}

fn parts(fields: &mut Fields<'_, '_>) -> Vec<Value> {
    let list = fields.list("parts", PARTS_MAX);
    let empty = |value: Option<&Value>| value.and_then(Value::as_array).is_some_and(Vec::is_empty);
    if fields.is_blank("parts") || empty(fields.value("parts")) {
        fields.fault("parts", "at least one part is required");
    }
    let mut parts = Vec::with_capacity(list.len());
    for (at, part) in list.iter().enumerate() {
        let place = fields.place_of(&format!("parts[{at}]"));
        if let Some(part) = Fields::of(part, &place, fields.found()) {
            parts.push(Value::Object(read_part(part)));
        }
    }
    parts
}

fn read_part(mut fields: Fields<'_, '_>) -> Map<String, Value> {
    let mut part = Map::new();
    let held =
        ["text", "raw", "url", "data"].map(|name| fields.value(name).map(|value| (name, value)));
    let mut held = held.into_iter().flatten();
    match (held.next(), held.next()) {
        (Some((name, value)), None) => {
            if let Some(value) = content(&mut fields, name, value) {
                part.insert(name.to_owned(), value);
            }
        }
        (None, _) => fields.fault("text", "a part holds one of text, raw, url and data"),
        (Some(_), Some((second, _))) => {
            fields.fault(second, "a part holds only one of text, raw, url and data");
        }
    }
    for (name, len_max) in [("filename", FILENAME_LEN_MAX), ("mediaType", MEDIA_TYPE_LEN_MAX)] {
        if let Some(text) = fields.text(name, len_max) {
            part.insert(name.to_owned(), Value::from(text));
        }
    }
    if let Some(metadata) = fields.object("metadata") {
        part.insert("metadata".to_owned(), Value::Object(metadata.clone()));
    }
    part
}

fn content(fields: &mut Fields<'_, '_>, name: &str, value: &Value) -> Option<Value> {
    let text = match (name, value) {
        ("data", value) => return Some(value.clone()),
        (_, Value::String(text)) => text,
        _ => {
            fields.fault(name, "not a string");
            return None;
        }
    };
    match name {
        "raw" => {
            let bytes = bytes_of(text);
            if bytes.is_none() {
                fields.fault(name, "not base64");
            }
            bytes.map(|bytes| Value::from(general_purpose::STANDARD.encode(bytes)))
        }
        "url" if text.is_empty() || text.len() > URL_LEN_MAX => {
            fields.fault(name, "not a URL of 1 to 2048 bytes");
            None
        }
        _ => Some(value.clone()),
    }
}

/// ProtoJSON: both alphabets, with and without padding.
fn bytes_of(text: &str) -> Option<Vec<u8>> {
    const EITHER: GeneralPurposeConfig =
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let alphabet = match text.contains(['-', '_']) {
        true => alphabet::URL_SAFE,
        false => alphabet::STANDARD,
    };
    GeneralPurpose::new(&alphabet, EITHER).decode(text).ok()
}
