//! The messages of A2A 1.0 as JSON Schema, by the descriptors of `a2a.proto`.
//!
//! Decides how ProtoJSON types are said in JSON Schema, and which members must be there: the descriptors do not say that, the
//! specification does. Must never name a member that the descriptors do not have; a test tries the readers on what is
//! required.

use std::sync::LazyLock;

use gateway_core::path::A2A_SERVICE;
use prost_reflect::{
    DescriptorPool, FieldDescriptor, Kind, MessageDescriptor, MethodDescriptor, OneofDescriptor,
};
use proto_types::a2a::ID_CHARS_MAX;
use proto_types::a2a::list::{PAGE_SIZE_DEFAULT, PAGE_SIZE_MAX};
use serde_json::{Map, Value, json};

use super::reference;

static POOL: LazyLock<DescriptorPool> = LazyLock::new(|| {
    let pool = DescriptorPool::decode(proto_wire::A2A_DESCRIPTORS);
    pool.expect("build.rs of proto-wire has compiled these descriptors")
});

const PACKAGE: &str = "lf.a2a.v1";

/// What A2A 1.0 marks as required, by message. What is required as one of several follows from the descriptors.
const REQUIRED: &[(&str, &[&str])] = &[
    ("SendMessageRequest", &["message"]),
    ("Message", &["messageId", "role", "parts"]),
    ("Task", &["id", "status"]),
    ("TaskStatus", &["state"]),
    ("Artifact", &["artifactId", "parts"]),
    ("TaskStatusUpdateEvent", &["taskId", "contextId", "status"]),
    ("TaskArtifactUpdateEvent", &["taskId", "contextId", "artifact"]),
    ("GetTaskRequest", &["id"]),
    ("CancelTaskRequest", &["id"]),
    ("SubscribeToTaskRequest", &["id"]),
    ("ListTasksResponse", &["tasks", "nextPageToken", "pageSize", "totalSize"]),
    ("TaskPushNotificationConfig", &["url"]),
    ("AuthenticationInfo", &["scheme"]),
    ("GetTaskPushNotificationConfigRequest", &["taskId", "id"]),
    ("DeleteTaskPushNotificationConfigRequest", &["taskId", "id"]),
    ("ListTaskPushNotificationConfigsRequest", &["taskId"]),
    (
        "AgentCard",
        &[
            "name",
            "description",
            "supportedInterfaces",
            "version",
            "capabilities",
            "defaultInputModes",
            "defaultOutputModes",
            "skills",
        ],
    ),
    ("AgentInterface", &["url", "protocolBinding", "protocolVersion"]),
    ("AgentProvider", &["url", "organization"]),
    ("AgentSkill", &["id", "name", "description", "tags"]),
    ("AgentCardSignature", &["protected", "signature"]),
];

/// The operations of the service.
pub(super) fn operations() -> Vec<MethodDescriptor> {
    let service = POOL.get_service_by_name(A2A_SERVICE).expect("a2a.proto has this service");
    service.methods().collect()
}

/// The operation of this name.
pub(super) fn operation(name: &str) -> MethodDescriptor {
    let found = operations().into_iter().find(|operation| operation.name() == name);
    found.expect("the names of our operations are those of a2a.proto")
}

/// Every message of A2A by its name.
pub(super) fn schemas() -> Map<String, Value> {
    let messages = POOL.all_messages();
    let ours = messages.filter(|it| it.package_name() == PACKAGE && !it.is_map_entry());
    ours.map(|message| (message.name().to_owned(), schema(&message))).collect()
}

/// A reference to a message, or what stands for it.
pub(super) fn of(message: &MessageDescriptor) -> Value {
    match message.full_name() {
        "google.protobuf.Struct" => json!({ "type": "object" }),
        "google.protobuf.Value" => json!({}),
        "google.protobuf.Timestamp" => json!({ "type": "string", "format": "date-time" }),
        "google.protobuf.Empty" => json!({ "type": "object", "maxProperties": 0 }),
        _ => reference("schemas", message.name()),
    }
}

fn schema(message: &MessageDescriptor) -> Value {
    let about = format!("`{}` of A2A 1.0.", message.name());
    let mut schema = object(message, &message.fields().collect::<Vec<_>>());
    schema["description"] = about.into();
    schema
}

/// An object of some of a message's fields.
pub(super) fn object(message: &MessageDescriptor, fields: &[FieldDescriptor]) -> Value {
    let named = |field: &FieldDescriptor| field.json_name().to_owned();
    let members: Map<String, Value> =
        fields.iter().map(|field| (named(field), member(message, field))).collect();
    let mut schema = json!({ "type": "object", "properties": members });
    let required: Vec<String> =
        fields.iter().filter(|field| is_required(message, field)).map(named).collect();
    if !required.is_empty() {
        schema["required"] = required.into();
    }
    if let Some(choice) = message.oneofs().find(|choice| !choice.is_synthetic()) {
        schema["oneOf"] = alternatives(&choice);
    }
    schema
}

fn alternatives(choice: &OneofDescriptor) -> Value {
    choice.fields().map(|field| json!({ "required": [field.json_name()] })).collect()
}

fn is_required(message: &MessageDescriptor, field: &FieldDescriptor) -> bool {
    let required = REQUIRED.iter().find(|(name, _)| *name == message.name());
    required.is_some_and(|(_, members)| members.contains(&field.json_name()))
}

/// The schema of a field.
pub(super) fn member(message: &MessageDescriptor, field: &FieldDescriptor) -> Value {
    let kind = field.kind();
    if field.is_map() {
        let entry = kind.as_message().expect("the entries of a map are messages");
        return json!({ "type": "object", "additionalProperties": single(&entry.map_entry_value_field().kind()) });
    }
    let is_required = is_required(message, field);
    if field.is_list() {
        let mut list = json!({ "type": "array", "items": single(&kind) });
        if is_required && field.json_name() == "parts" {
            list["minItems"] = 1.into();
        }
        return list;
    }
    let mut schema = single(&kind);
    match field.json_name() {
        "pageSize" if message.name() == "ListTasksRequest" => {
            schema["minimum"] = 1.into();
            schema["maximum"] = PAGE_SIZE_MAX.into();
            schema["default"] = PAGE_SIZE_DEFAULT.into();
        }
        "url" if message.name() == "TaskPushNotificationConfig" => schema["format"] = "uri".into(),
        name if is_required && is_id(name) => {
            schema["minLength"] = 1.into();
            schema["maxLength"] = ID_CHARS_MAX.into();
        }
        _ => {}
    }
    schema
}

fn is_id(name: &str) -> bool {
    name == "id" || name.ends_with("Id")
}

/// The schema of one value; numbers of A2A count something.
fn single(kind: &Kind) -> Value {
    match kind {
        Kind::Bool => json!({ "type": "boolean" }),
        Kind::Int32 => json!({ "type": "integer", "minimum": 0, "maximum": i32::MAX }),
        Kind::Bytes => json!({ "type": "string", "contentEncoding": "base64" }),
        Kind::Message(message) => of(message),
        Kind::Enum(words) => {
            // 0 stands for absence, and has no word that is read.
            let words: Vec<String> = words
                .values()
                .filter(|word| word.number() != 0)
                .map(|word| word.name().to_owned())
                .collect();
            json!({ "type": "string", "enum": words })
        }
        // A2A has no field of another kind.
        _ => json!({ "type": "string" }),
    }
}
