//! A call over gRPC, and the answers of an upstream: frames and protobuf, read as ProtoJSON. The first byte chooses the method.

use gateway_core::form::Form;
use gateway_core::params::{List, Named, Send, card_tenant};
use gateway_server::fuzzing::{grpc_answer, grpc_messages, grpc_request, read_grpc};
use proto_types::json::{DEPTH_MAX, depth, parse_lossless};

use crate::fixtures::choice;

const METHODS: [&str; 11] = [
    "SendMessage",
    "SendStreamingMessage",
    "GetTask",
    "ListTasks",
    "CancelTask",
    "SubscribeToTask",
    "GetExtendedAgentCard",
    "CreateTaskPushNotificationConfig",
    "GetTaskPushNotificationConfig",
    "ListTaskPushNotificationConfigs",
    "DeleteTaskPushNotificationConfig",
];

pub(crate) fn run(bytes: &[u8]) {
    let (at, message) = choice(bytes);
    let method = METHODS[at % METHODS.len()];
    // As it is: most bytes are no frame.
    read(method, message);
    if let Ok(length) = u32::try_from(message.len()) {
        read(method, &[&[0], &length.to_be_bytes()[..], message].concat());
    }
    answered(method, message);
    if let Ok(answer) = parse_lossless(message) {
        // A number that no double is near is written as text, and a member that is not known is left out: it need not fit.
        drop(grpc_answer(method, &answer));
        drop(grpc_request(method, &answer));
    }
}

/// The byte that chooses this method.
pub(crate) fn number(method: &str) -> Option<u8> {
    METHODS.iter().position(|name| *name == method).and_then(|at| u8::try_from(at).ok())
}

/// A stream says the same wherever its chunks end.
fn answered(method: &str, stream: &[u8]) {
    let whole = grpc_messages(method, [stream]);
    assert_eq!(whole, grpc_messages(method, stream.chunks(1)), "{method}");
    for said in whole.into_iter().flat_map(|events| events.data) {
        let said = serde_json::from_slice(&said).expect("what is passed on is JSON");
        assert!(depth(&said) <= DEPTH_MAX);
    }
}

fn read(method: &str, body: &[u8]) {
    let Some(params) = read_grpc(method, body) else { return };
    assert!(depth(&params) <= DEPTH_MAX);
    // Enum values without a name are not written.
    if let Some(written) = grpc_request(method, &params) {
        assert_eq!(read_grpc(method, &written).as_ref(), Some(&params), "{method}");
    }
    drop(Send::parse(Form::V10, &params));
    drop(Named::parse_get(Form::V10, &params));
    drop(Named::parse_cancel(Form::V10, &params));
    drop(Named::parse_subscribe(Form::V10, &params));
    drop(List::parse(&params));
    drop(card_tenant(Form::V10, &params));
    drop(grpc_answer(method, &params));
}
