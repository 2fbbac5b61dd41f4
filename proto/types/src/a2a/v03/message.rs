//! Messages and their parts.
//!
//! Decides how the three parts of 0.3, text, file and data, stand for the four contents of 1.0. Must never look into a
//! content.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::form::{Form, Kind};
use super::members::Members;
use crate::a2a::proto_json::{ANY, bytes, id, implicit, implicit_id, metadata, text, texts};
use crate::a2a::{Content, Message, Part, Struct};
use crate::schema::{Object, Problem, Spot};

/// The mark in the metadata of a data part whose content 0.3 cannot hold, because it is no object: the content is the
/// `value` of an object. The SDKs for Python and JavaScript have agreed on it.
const WRAPPED: &str = "data_part_compat";

/// The member of a wrapped content.
const VALUE: &str = "value";

pub(super) fn print_message(form: Form, message: &Message) -> Value {
    let members = Members::of(form, Kind::Message)
        .with("messageId", message.message_id.as_str())
        .with_some("contextId", message.context_id.as_deref())
        .with_some("taskId", message.task_id.as_deref())
        .with("role", form.role(message.role))
        .with(form.parts(), print_parts(form, &message.parts))
        .with_some("metadata", message.metadata.clone())
        .with_texts("extensions", &message.extensions);
    match form {
        Form::JsonRpc => members.with_texts("referenceTaskIds", &message.reference_task_ids).into(),
        Form::Rest => members.into(),
    }
}

pub(super) fn print_parts(form: Form, parts: &[Part]) -> Vec<Value> {
    parts.iter().map(|part| print_part(form, part)).collect()
}

fn print_part(form: Form, part: &Part) -> Value {
    let (bytes, uri) = form.file();
    let mut metadata = part.metadata.clone();
    let members = match &part.content {
        Content::Text(text) => Members::of_kind(form, "text").with("text", text.as_str()),
        Content::Raw(raw) => print_file(form, part, bytes, STANDARD.encode(raw)),
        Content::Url(url) => print_file(form, part, uri, url.clone()),
        Content::Data(data) => print_data(form, data, &mut metadata),
    };
    members.with_some("metadata", metadata).into()
}

fn print_file(form: Form, part: &Part, name: &str, content: String) -> Members {
    let file = Members::default()
        .with(name, content)
        .with_some("mimeType", part.media_type.as_deref())
        .with_some("name", part.filename.as_deref());
    Members::of_kind(form, "file").with("file", file)
}

fn print_data(form: Form, data: &Value, metadata: &mut Option<Struct>) -> Members {
    let data = if data.is_object() {
        data.clone()
    } else {
        metadata.get_or_insert_default().insert(WRAPPED.to_owned(), Value::Bool(true));
        Members::default().with(VALUE, data.clone()).into()
    };
    match form {
        Form::JsonRpc => Members::of_kind(form, "data").with("data", data),
        Form::Rest => Members::default().with("data", Members::default().with("data", data)),
    }
}

pub(super) fn read_message(form: Form, spot: Spot<'_, '_>) -> Option<Message> {
    let message = spot.object()?;
    let kind = form.check(&message, Kind::Message);
    let message_id = message.required("messageId", id);
    let context_id = implicit_id(&message, "contextId");
    let task_id = implicit_id(&message, "taskId");
    let role = message.required("role", |spot| form.read_role(spot));
    let parts = message.required(form.parts(), |spot| read_parts(form, spot));
    let metadata = metadata(&message);
    let extensions = message.or_default("extensions", texts);
    let reference_task_ids = match form {
        Form::JsonRpc => message.or_default("referenceTaskIds", |spot| spot.list((0, ANY), id)),
        Form::Rest => Some(Vec::new()),
    };
    kind?;
    Some(Message {
        message_id: message_id?,
        context_id: context_id?,
        task_id: task_id?,
        role: role?,
        parts: parts?,
        metadata: metadata?,
        extensions: extensions?,
        reference_task_ids: reference_task_ids?,
    })
}

pub(super) fn read_parts(form: Form, spot: Spot<'_, '_>) -> Option<Vec<Part>> {
    spot.list((1, ANY), |spot| read_part(form, spot))
}

fn read_part(form: Form, spot: Spot<'_, '_>) -> Option<Part> {
    let part = spot.object()?;
    let metadata = metadata(&part);
    let read = match read_part_kind(form, &part)? {
        "text" => part.required("text", text).map(|text| Part::new(Content::Text(text))),
        "file" => part.required("file", |spot| read_file(form, spot)),
        _ => part.required("data", |spot| read_data(form, spot)),
    };
    let mut part = Part { metadata: metadata?, ..read? };
    unwrap_data(&mut part);
    Some(part)
}

/// What a part says it is, or else what it has.
fn read_part_kind(form: Form, part: &Object<'_, '_>) -> Option<&'static str> {
    const KINDS: [&str; 3] = ["text", "file", "data"];
    let stated = match form {
        Form::JsonRpc => part.optional("kind", |spot| {
            spot.parsed("text, file or data", |text| KINDS.into_iter().find(|kind| *kind == text))
        })?,
        Form::Rest => None,
    };
    let mut present = KINDS.into_iter().filter(|name| part.member(name).is_some());
    match (stated, present.next(), present.next()) {
        (Some(kind), _, _) | (None, Some(kind), None) => Some(kind),
        _ => part.fault(Problem::Value("a part with exactly one of text, file and data")),
    }
}

fn read_file(form: Form, spot: Spot<'_, '_>) -> Option<Part> {
    let file = spot.object()?;
    let (raw, uri) = form.file();
    let content = match (file.member(raw), file.member(uri)) {
        (Some(spot), None) => bytes(spot).map(Content::Raw),
        (None, Some(spot)) => text(spot).map(Content::Url),
        _ => file.fault(Problem::Value("a file with either its bytes or its URI")),
    };
    let media_type = implicit(&file, "mimeType");
    let filename = implicit(&file, "name");
    let (filename, media_type) = (filename?, media_type?);
    Some(Part { filename, media_type, ..Part::new(content?) })
}

fn read_data(form: Form, spot: Spot<'_, '_>) -> Option<Part> {
    let data = match form {
        Form::JsonRpc => spot.free(),
        Form::Rest => spot.object()?.required("data", Spot::free),
    };
    data.map(|data| Part::new(Content::Data(Value::Object(data))))
}

/// Takes back what [`print_data`] did to a content that is no object.
fn unwrap_data(part: &mut Part) {
    let (Content::Data(Value::Object(data)), Some(metadata)) =
        (&mut part.content, &mut part.metadata)
    else {
        return;
    };
    if data.len() != 1 || metadata.get(WRAPPED) != Some(&Value::Bool(true)) {
        return;
    }
    let Some(value) = data.remove(VALUE) else { return };
    metadata.remove(WRAPPED);
    if metadata.is_empty() {
        part.metadata = None;
    }
    part.content = Content::Data(value);
}
