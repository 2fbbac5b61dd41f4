//! Messages and their parts.
//!
//! Decides that a message has an id, a role and at least one part, and a part exactly one content.
//! Must never look into a content.

use serde::Serialize;
use serde_json::Value;

use super::Struct;
use super::proto_json::{
    ANY, bytes, enumeration, id, implicit, implicit_id, metadata, print_bytes, proto_json, text,
    texts,
};
use crate::schema::{Object, Problem, Spot};

/// One unit of communication.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Message {
    /// Chosen by whoever made it. Senders repeat themselves: it names no request.
    pub message_id: String,
    /// The conversation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub context_id: Option<String>,
    /// The task.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task_id: Option<String>,
    /// Who speaks.
    pub role: Role,
    /// What is said: at least one part.
    pub parts: Vec<Part>,
    /// Whatever the sender adds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Struct>,
    /// URIs of the extensions that had a part in it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub extensions: Vec<String>,
    /// Other tasks that it refers to.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub reference_task_ids: Vec<String>,
}

/// Who speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum Role {
    /// The client.
    #[serde(rename = "ROLE_USER")]
    User,
    /// The server.
    #[serde(rename = "ROLE_AGENT")]
    Agent,
}

// In the order of the numbers of `a2a.proto`, from 1.
crate::words!(Role { User = "ROLE_USER", Agent = "ROLE_AGENT" });

/// A section of a message or an artifact.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Part {
    /// What it holds.
    #[serde(flatten)]
    pub content: Content,
    /// Whatever the sender adds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Struct>,
    /// For files.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filename: Option<String>,
    /// The media type of the content.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub media_type: Option<String>,
}

/// What a part holds: exactly one of these.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Content {
    /// Text.
    Text(String),
    /// The bytes of a file; base64 in JSON.
    Raw(#[serde(serialize_with = "print_bytes")] Vec<u8>),
    /// Where a file is.
    Url(String),
    /// Any JSON value, `null` included.
    Data(Value),
}

impl Part {
    /// A part of this content alone.
    #[must_use]
    pub fn new(content: Content) -> Self {
        Self { content, metadata: None, filename: None, media_type: None }
    }

    /// A part of text.
    #[must_use]
    pub fn text(text: impl Into<String>) -> Self {
        Self::new(Content::Text(text.into()))
    }
}

impl Message {
    /// A message of these parts alone.
    #[must_use]
    pub fn new(message_id: impl Into<String>, role: Role, parts: Vec<Part>) -> Self {
        Self {
            message_id: message_id.into(),
            context_id: None,
            task_id: None,
            role,
            parts,
            metadata: None,
            extensions: Vec::new(),
            reference_task_ids: Vec::new(),
        }
    }
}

proto_json! {
    Message: read_message;
    Part: read_part;
    Role: read_role;
}

pub(super) fn read_message(spot: Spot<'_, '_>) -> Option<Message> {
    let message = spot.object()?;
    let message_id = message.required("messageId", id);
    let context_id = implicit_id(&message, "contextId");
    let task_id = implicit_id(&message, "taskId");
    let role = message.required("role", read_role);
    let parts = message.required("parts", read_parts);
    let metadata = metadata(&message);
    let extensions = message.or_default("extensions", texts);
    let reference_task_ids = message.or_default("referenceTaskIds", |spot| spot.list((0, ANY), id));
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

pub(super) fn read_parts(spot: Spot<'_, '_>) -> Option<Vec<Part>> {
    spot.list((1, ANY), read_part)
}

pub(super) fn read_role(spot: Spot<'_, '_>) -> Option<Role> {
    enumeration(spot, "ROLE_USER or ROLE_AGENT", Role::ALL)
}

fn read_part(spot: Spot<'_, '_>) -> Option<Part> {
    let part = spot.object()?;
    let content = read_content(&part);
    let metadata = metadata(&part);
    let filename = implicit(&part, "filename");
    let media_type = implicit(&part, "mediaType");
    Some(Part {
        content: content?,
        metadata: metadata?,
        filename: filename?,
        media_type: media_type?,
    })
}

fn read_content(part: &Object<'_, '_>) -> Option<Content> {
    let present: Vec<&str> = ["text", "raw", "url", "data"]
        .into_iter()
        .filter(|name| part.member(name).is_some())
        .collect();
    match present[..] {
        ["text"] => part.required("text", text).map(Content::Text),
        ["raw"] => part.required("raw", bytes).map(Content::Raw),
        ["url"] => part.required("url", text).map(Content::Url),
        ["data"] => part.member("data").map(|spot| Content::Data(spot.value.clone())),
        // `null` is absent, except where it is the data.
        [] if part.look_up("data").is_some() => Some(Content::Data(Value::Null)),
        _ => part.fault(Problem::Value("a part with exactly one of text, raw, url and data")),
    }
}
