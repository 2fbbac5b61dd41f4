//! What 0.3 can say comes back from it as it was.

use proptest::prelude::*;
use serde_json::Value;

use crate::a2a::tests::{any_message, any_part};
use crate::a2a::v03::*;
use crate::a2a::{
    Artifact, AuthenticationInfo, Content, Message, Part, SendMessageConfiguration, Struct,
    TaskArtifactUpdateEvent, TaskPushNotificationConfig, TaskState, TaskStatus,
    TaskStatusUpdateEvent,
};
use crate::time::WallMs;

fn any_struct() -> impl Strategy<Value = Struct> {
    let value = prop_oneof![
        any::<bool>().prop_map(Value::from),
        any::<u32>().prop_map(Value::from),
        "[a-z]{0,6}".prop_map(Value::from),
    ];
    let members = proptest::collection::btree_map("[a-z]{1,6}", value, 1..3);
    members.prop_map(|members| members.into_iter().collect::<Struct>())
}

fn any_metadata() -> impl Strategy<Value = Option<Struct>> {
    proptest::option::of(any_struct())
}

/// Parts that 0.3 loses nothing of: only files have names and media types.
fn any_sayable_part() -> impl Strategy<Value = Part> {
    (any_part(), any_struct(), any_metadata()).prop_map(|(part, object, metadata)| {
        let content = match part.content {
            // Objects beside the other values, which are wrapped.
            Content::Data(Value::Bool(true)) => Content::Data(Value::Object(object)),
            content => content,
        };
        let is_file = matches!(content, Content::Raw(_) | Content::Url(_));
        let filename = part.filename.filter(|_| is_file);
        let media_type = part.media_type.filter(|_| is_file);
        Part { content, metadata, filename, media_type }
    })
}

fn any_sayable_message() -> impl Strategy<Value = Message> {
    let parts = proptest::collection::vec(any_sayable_part(), 1..4);
    let extensions = proptest::collection::vec("[a-z:]{0,8}", 0..3);
    (any_message(), parts, any_metadata(), extensions).prop_map(
        |(message, parts, metadata, extensions)| Message { parts, metadata, extensions, ..message },
    )
}

fn any_status() -> impl Strategy<Value = TaskStatus> {
    let timestamp = proptest::option::of((0_u64..253_402_300_799_999).prop_map(WallMs));
    (0_usize..TaskState::ALL.len(), proptest::option::of(any_sayable_message()), timestamp)
        .prop_map(|(state, message, timestamp)| TaskStatus {
            state: TaskState::ALL[state],
            message,
            timestamp,
        })
}

fn any_artifact() -> impl Strategy<Value = Artifact> {
    let name = || proptest::option::of("[a-z]{1,6}");
    let parts = proptest::collection::vec(any_sayable_part(), 1..3);
    ("[!-~]{1,20}", name(), name(), parts, any_metadata()).prop_map(
        |(artifact_id, name, description, parts, metadata)| Artifact {
            artifact_id,
            name,
            description,
            parts,
            metadata,
            extensions: vec!["urn:x".to_owned()],
        },
    )
}

fn any_task() -> impl Strategy<Value = Task> {
    let artifacts = proptest::collection::vec(any_artifact(), 0..3);
    let history = proptest::collection::vec(any_sayable_message(), 0..3);
    let context = proptest::option::of("[!-~]{1,20}");
    ("[!-~]{1,20}", context, any_status(), artifacts, history, any_metadata()).prop_map(
        |(id, context_id, status, artifacts, history, metadata)| Task {
            id,
            context_id,
            status,
            artifacts,
            history,
            metadata,
        },
    )
}

fn any_response() -> impl Strategy<Value = StreamResponse> {
    let status = (any_status(), any_metadata()).prop_map(|(status, metadata)| {
        let (task_id, context_id) = ("t".to_owned(), "c".to_owned());
        TaskStatusUpdateEvent { task_id, context_id, status, metadata }
    });
    let artifact = (any_artifact(), any::<(bool, bool)>(), any_metadata()).prop_map(
        |(artifact, (append, last_chunk), metadata)| TaskArtifactUpdateEvent {
            task_id: "t".to_owned(),
            context_id: "c".to_owned(),
            artifact,
            append,
            last_chunk,
            metadata,
        },
    );
    prop_oneof![
        any_task().prop_map(StreamResponse::Task),
        any_sayable_message().prop_map(StreamResponse::Message),
        status.prop_map(StreamResponse::StatusUpdate),
        artifact.prop_map(StreamResponse::ArtifactUpdate),
    ]
}

fn any_configuration() -> impl Strategy<Value = SendMessageConfiguration> {
    let text = || proptest::option::of("[a-z]{1,6}");
    let scheme = proptest::option::of(("[A-Z][a-z]{1,6}", text()));
    let push =
        (text(), text(), scheme).prop_map(|(id, token, scheme)| TaskPushNotificationConfig {
            id,
            url: "https://a.example/cb".to_owned(),
            token,
            authentication: scheme
                .map(|(scheme, credentials)| AuthenticationInfo { scheme, credentials }),
            ..TaskPushNotificationConfig::default()
        });
    let modes = proptest::collection::vec("[a-z/]{1,8}", 0..3);
    let length = proptest::option::of(1_u32..100);
    (modes, proptest::option::of(push), length, any::<bool>()).prop_map(
        |(modes, push, history_length, return_immediately)| SendMessageConfiguration {
            accepted_output_modes: modes,
            task_push_notification_config: push,
            history_length,
            return_immediately,
        },
    )
}

/// JSON of the words that the readers look for.
fn any_json() -> impl Strategy<Value = Value> {
    let names = proptest::sample::select(vec![
        "kind",
        "id",
        "messageId",
        "taskId",
        "contextId",
        "role",
        "parts",
        "content",
        "text",
        "file",
        "data",
        "value",
        "bytes",
        "uri",
        "metadata",
        "data_part_compat",
        "status",
        "state",
        "message",
        "request",
        "artifact",
        "artifactId",
        "pushNotificationConfig",
        "configuration",
        "blocking",
        "historyLength",
    ]);
    let words = proptest::sample::select(vec![
        "",
        "x",
        "aGk=",
        "x:y",
        "task",
        "message",
        "status-update",
        "artifact-update",
        "text",
        "file",
        "data",
        "user",
        "agent",
        "ROLE_USER",
        "working",
        "completed",
    ]);
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        words.prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 64, 8, move |inner| {
        let object = proptest::collection::btree_map(names.clone(), inner.clone(), 0..8);
        prop_oneof![
            proptest::collection::vec(inner, 0..3).prop_map(Value::from),
            object.prop_map(|members| {
                Value::Object(
                    members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
                )
            }),
        ]
    })
}

proptest! {
    #[test]
    fn what_a_server_sends_comes_back(response in any_response()) {
        let printed = print_stream_response(&response);
        prop_assert_eq!(read_stream_response(&printed), Ok(response.clone()));
        let answer = match response {
            StreamResponse::Task(task) => SendMessageResponse::Task(task),
            StreamResponse::Message(message) => SendMessageResponse::Message(message),
            StreamResponse::StatusUpdate(_) | StreamResponse::ArtifactUpdate(_) => return Ok(()),
        };
        prop_assert_eq!(read_send_message_response(&print_send_message_response(&answer)), Ok(answer));
    }

    #[test]
    fn what_a_client_says_comes_back(
        message in any_sayable_message(),
        configuration in any_configuration(),
        metadata in any_metadata(),
    ) {
        let request = SendMessageRequest {
            tenant: None, message, configuration: Some(configuration), metadata,
        };
        prop_assert_eq!(read_send_message(&print_send_message(&request)), Ok(request));
    }

    #[test]
    fn whatever_is_read_is_printed_as_what_it_was_read_as(value in any_json()) {
        if let Ok(read) = read_stream_response(&value) {
            prop_assert_eq!(read_stream_response(&print_stream_response(&read)), Ok(read));
        }
        if let Ok(read) = read_send_message(&value) {
            let printed = print_send_message(&read);
            prop_assert_eq!(read_send_message(&printed).map(|read| print_send_message(&read)), Ok(printed));
        }
        // This one only must not panic.
        let _ = rest::read_send_message(&value);
    }
}
