//! What a client asks for about messages and tasks.
//!
//! Decides what 0.3 means where it does not say: whether a call waits, and how much history an answer has. Must never
//! name a tenant: 0.3 has none.

use serde_json::Value;

use super::form::Form;
use super::members::Members;
use super::message::{print_message, read_message};
use super::push::{print_inner, read_inner};
use crate::a2a::proto_json::{id, metadata, texts};
use crate::a2a::request::history_length;
use crate::a2a::{
    CancelTaskRequest, GetTaskRequest, SendMessageConfiguration, SendMessageRequest,
    SubscribeToTaskRequest,
};
use crate::schema::{Object, Problem, Spot};

pub(super) fn print_send_message(form: Form, request: &SendMessageRequest) -> Value {
    // 0.3 names no default for what it does not say.
    let waits = SendMessageConfiguration::default();
    let configuration = request.configuration.as_ref().unwrap_or(&waits);
    Members::default()
        .with("message", print_message(form, &request.message))
        .with("configuration", print_configuration(form, configuration))
        .with_some("metadata", request.metadata.clone())
        .into()
}

fn print_configuration(form: Form, configuration: &SendMessageConfiguration) -> Value {
    let push = configuration.task_push_notification_config.as_ref().map(print_inner);
    Members::default()
        .with_texts("acceptedOutputModes", &configuration.accepted_output_modes)
        .with_some("historyLength", printed_length(configuration.history_length))
        .with_some(form.push(), push)
        .with("blocking", !configuration.return_immediately)
        .into()
}

/// 0 is all in 0.3 (`a2a.proto` there), and none in 1.0: 1 is the least that 0.3 can say.
fn printed_length(length: Option<u32>) -> Option<u32> {
    length.map(|length| length.max(1))
}

/// The parameters of `tasks/get`.
#[must_use]
pub fn print_get_task(request: &GetTaskRequest) -> Value {
    Members::default()
        .with("id", request.id.as_str())
        .with_some("historyLength", printed_length(request.history_length))
        .into()
}

/// The parameters of `tasks/cancel`.
#[must_use]
pub fn print_cancel_task(request: &CancelTaskRequest) -> Value {
    Members::default()
        .with("id", request.id.as_str())
        .with_some("metadata", request.metadata.clone())
        .into()
}

/// The parameters of `tasks/resubscribe`.
#[must_use]
pub fn print_subscribe_to_task(request: &SubscribeToTaskRequest) -> Value {
    Members::default().with("id", request.id.as_str()).into()
}

pub(super) fn read_send_message(form: Form, spot: Spot<'_, '_>) -> Option<SendMessageRequest> {
    let request = spot.object()?;
    let message = message_name(form, &request)
        .and_then(|name| request.required(name, |spot| read_message(form, spot)));
    let configuration = request.optional("configuration", |spot| read_configuration(form, spot));
    let metadata = metadata(&request);
    Some(SendMessageRequest {
        tenant: None,
        message: message?,
        configuration: configuration?,
        metadata: metadata?,
    })
}

/// In JSON the field is called `message`. ProtoJSON parsers also take its name in the proto, `request`, and the Python
/// SDK prints that.
fn message_name(form: Form, request: &Object<'_, '_>) -> Option<&'static str> {
    if form == Form::JsonRpc || request.member("request").is_none() {
        return Some("message");
    }
    if request.member("message").is_some() {
        return request.fault_at("message", Problem::Twice);
    }
    Some("request")
}

fn read_configuration(form: Form, spot: Spot<'_, '_>) -> Option<SendMessageConfiguration> {
    let configuration = spot.object()?;
    let modes = configuration.or_default("acceptedOutputModes", texts);
    let push = configuration.optional(form.push(), read_inner);
    let history_length = read_length(&configuration);
    let blocking = configuration.optional("blocking", Spot::boolean);
    Some(SendMessageConfiguration {
        accepted_output_modes: modes?,
        task_push_notification_config: push?,
        history_length: history_length?,
        return_immediately: !blocking?.unwrap_or(waits_by_default(form)),
    })
}

/// Whether a configuration that does not say `blocking` waits.
///
/// In JSON-RPC it does: `types.ts` names no default, and the servers that the SDKs for 0.3 had in Python and JavaScript
/// wait unless it is false (`on_message_send`, `sendMessage`). In ProtoJSON it does not: a member that is false is not
/// printed. A request without any configuration waits in both forms, as it does there.
fn waits_by_default(form: Form) -> bool {
    form == Form::JsonRpc
}

/// 0 is all (`a2a.proto` of 0.3, `SendMessageConfiguration`).
fn read_length(object: &Object<'_, '_>) -> Option<Option<u32>> {
    history_length(object).map(|length| length.filter(|length| *length > 0))
}

pub(super) fn read_get_task(spot: Spot<'_, '_>) -> Option<GetTaskRequest> {
    let params = spot.object()?;
    let task_id = params.required("id", id);
    let history_length = read_length(&params);
    Some(GetTaskRequest { tenant: None, id: task_id?, history_length: history_length? })
}

pub(super) fn read_cancel_task(spot: Spot<'_, '_>) -> Option<CancelTaskRequest> {
    let params = spot.object()?;
    let task_id = params.required("id", id);
    let metadata = metadata(&params);
    Some(CancelTaskRequest { tenant: None, id: task_id?, metadata: metadata? })
}

pub(super) fn read_subscribe(spot: Spot<'_, '_>) -> Option<SubscribeToTaskRequest> {
    let task_id = spot.object()?.required("id", id);
    Some(SubscribeToTaskRequest { tenant: None, id: task_id? })
}
