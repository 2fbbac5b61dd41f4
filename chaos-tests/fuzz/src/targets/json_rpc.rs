//! A call over JSON-RPC, and its parameters in every form of A2A; the same bytes are read as parameters alone.
//!
//! What is read of a request is printed in each form, and at each upstream, as what reads the same.

use gateway_core::form::Form;
use gateway_core::params::{List, Named, Send, card_tenant};
use gateway_core::relay::{Outgoing, UpstreamForm};
use proto_types::a2a::rpc::{Id, Request, Response};
use proto_types::a2a::{ListTasksRequest, ProtocolVersion, SendMessageRequest, v03};
use proto_types::json::parse_lossless;
use proto_types::upstream::UpstreamBinding;
use serde_json::{Value, json};

use crate::fixtures::FORMS;

pub(crate) fn run(bytes: &[u8]) {
    match Request::parse(bytes) {
        Ok(request) => {
            echoed(request.id.unwrap_or(Id::Null));
            request.params.iter().for_each(read);
        }
        Err(_) => parse_lossless(bytes).iter().for_each(read),
    }
}

/// The id that a caller has chosen comes back to it as it was.
fn echoed(id: Id) {
    let response = Response::ok(id, json!({}));
    let printed = serde_json::to_vec(&response).expect("a response has string keys only");
    assert_eq!(Response::parse(&printed), Ok(response));
}

fn read(params: &Value) {
    drop(List::parse(params));
    if let Ok(request) = ListTasksRequest::from_value(params) {
        let printed = serde_json::to_value(&request).expect("a request has string keys only");
        assert_eq!(ListTasksRequest::from_value(&printed), Ok(request));
    }
    for form in FORMS {
        drop(card_tenant(form, params));
        let sent = form.send_message(params);
        if let Ok(send) = Send::parse(form, params) {
            let message = &sent.as_ref().expect("the same form").message;
            assert_eq!((send.message.context_id, send.message.task_id), (None, None));
            assert_eq!(send.task.is_some(), message.task_id.is_some());
        }
        if let Ok(request) = sent {
            printed_again(&request);
            called(&Outgoing::Send(request));
        }
        named(form, params);
    }
}

fn printed_again(request: &SendMessageRequest) {
    for form in FORMS {
        let printed = print(form, request);
        let again = form.send_message(&printed).expect("what we print is read");
        assert_eq!(print(form, &again), printed, "{form:?}");
        assert!(form != Form::V10 || again == *request);
    }
}

fn print(form: Form, request: &SendMessageRequest) -> Value {
    match form {
        Form::V10 => serde_json::to_value(request).expect("a request has string keys only"),
        Form::V03JsonRpc => v03::print_send_message(request),
        Form::V03HttpJson => v03::rest::print_send_message(request),
    }
}

fn named(form: Form, params: &Value) {
    drop(Named::parse_get(form, params));
    drop(Named::parse_cancel(form, params));
    drop(Named::parse_subscribe(form, params));
    let get = form.get_task(params).map(Outgoing::Get);
    let cancel = form.cancel_task(params).map(Outgoing::Cancel);
    let subscribe = form.subscribe_to_task(params).map(Outgoing::Subscribe);
    [get, cancel, subscribe].into_iter().flatten().for_each(|outgoing| called(&outgoing));
}

/// As a request to an upstream of each kind: its target is one that HTTP can carry.
fn called(outgoing: &Outgoing) {
    for binding in [UpstreamBinding::JsonRpc, UpstreamBinding::HttpJson] {
        for version in [ProtocolVersion::V10, ProtocolVersion::V03] {
            let http = UpstreamForm { binding, version }.request(outgoing, Some("far"));
            assert!(http.path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#'));
            let target = format!("http://a.example{}", http.path);
            assert!(target.parse::<http::Uri>().is_ok() || target.len() > 2_048, "{target}");
            if let Some(body) = &http.body {
                assert!(serde_json::from_slice::<serde::de::IgnoredAny>(body).is_ok());
            }
        }
    }
}
