//! Push configs, which 0.3 nests: the task outside, where to push inside.
//!
//! Decides which of several schemes stands for the one of 1.0: the first. Must never look for a config.

use serde_json::Value;

use super::form::Form;
use super::members::Members;
use crate::a2a::proto_json::{ANY, id, implicit, implicit_id};
use crate::a2a::{
    AuthenticationInfo, DeleteTaskPushNotificationConfigRequest,
    GetTaskPushNotificationConfigRequest, ListTaskPushNotificationConfigsRequest,
    TaskPushNotificationConfig,
};
use crate::schema::Spot;

/// The member of the inner config.
const INNER: &str = "pushNotificationConfig";

pub(super) fn print_push_config(form: Form, config: &TaskPushNotificationConfig) -> Value {
    let task_id = config.task_id.as_deref().unwrap_or_default();
    let config_id = config.id.as_deref().unwrap_or_default();
    let members = match form {
        Form::JsonRpc => Members::default().with("taskId", task_id),
        Form::Rest => {
            let name = format!("tasks/{task_id}/pushNotificationConfigs/{config_id}");
            Members::default().with("name", name)
        }
    };
    members.with(INNER, print_inner(config)).into()
}

/// Where to push, without the task.
pub(super) fn print_inner(config: &TaskPushNotificationConfig) -> Value {
    let authentication = config.authentication.as_ref().map(|authentication| {
        Members::default()
            .with("schemes", vec![authentication.scheme.as_str()])
            .with_some("credentials", authentication.credentials.as_deref())
    });
    Members::default()
        .with_some("id", config.id.as_deref())
        .with("url", config.url.as_str())
        .with_some("token", config.token.as_deref())
        .with_some("authentication", authentication)
        .into()
}

pub(super) fn read_push_config(spot: Spot<'_, '_>) -> Option<TaskPushNotificationConfig> {
    let config = spot.object()?;
    let task_id = config.required("taskId", id);
    let inner = config.required(INNER, read_inner);
    Some(TaskPushNotificationConfig { task_id: Some(task_id?), ..inner? })
}

/// The body of HTTP+JSON: the config, as 0.3's proto has it, or the request that holds it, as the Python SDK prints it.
pub(super) fn read_push_body(
    task_id: &str,
    spot: Spot<'_, '_>,
) -> Option<TaskPushNotificationConfig> {
    let body = spot.object()?;
    let config_id = implicit_id(&body, "configId");
    let inner = if body.member("config").is_some() {
        body.required("config", |spot| spot.object()?.required(INNER, read_inner))
    } else {
        body.required(INNER, read_inner)
    };
    let (inner, config_id) = (inner?, config_id?);
    let task_id = Some(task_id.to_owned());
    Some(TaskPushNotificationConfig { task_id, id: inner.id.or(config_id), ..inner })
}

/// Where to push, without the task.
pub(super) fn read_inner(spot: Spot<'_, '_>) -> Option<TaskPushNotificationConfig> {
    let config = spot.object()?;
    let config_id = implicit_id(&config, "id");
    let url = config.required("url", Spot::uri);
    let token = implicit(&config, "token");
    let authentication = config.optional("authentication", read_authentication);
    Some(TaskPushNotificationConfig {
        tenant: None,
        id: config_id?,
        task_id: None,
        url: url?,
        token: token?,
        authentication: authentication?,
    })
}

fn read_authentication(spot: Spot<'_, '_>) -> Option<AuthenticationInfo> {
    let authentication = spot.object()?;
    let schemes = authentication.required("schemes", |spot| spot.list((1, ANY), id));
    let credentials = implicit(&authentication, "credentials");
    let scheme = schemes?.into_iter().next();
    Some(AuthenticationInfo { scheme: scheme?, credentials: credentials? })
}

/// The parameters of `tasks/pushNotificationConfig/get`.
#[must_use]
pub fn print_get_push_config(request: &GetTaskPushNotificationConfigRequest) -> Value {
    Members::default()
        .with("id", request.task_id.as_str())
        .with_some("pushNotificationConfigId", request.id.as_deref())
        .into()
}

pub(super) fn read_get(spot: Spot<'_, '_>) -> Option<GetTaskPushNotificationConfigRequest> {
    let params = spot.object()?;
    let task_id = params.required("id", id);
    let config_id = implicit_id(&params, "pushNotificationConfigId");
    Some(GetTaskPushNotificationConfigRequest { tenant: None, task_id: task_id?, id: config_id? })
}

/// The parameters of `tasks/pushNotificationConfig/delete`.
#[must_use]
pub fn print_delete_push_config(request: &DeleteTaskPushNotificationConfigRequest) -> Value {
    Members::default()
        .with("id", request.task_id.as_str())
        .with("pushNotificationConfigId", request.id.as_str())
        .into()
}

pub(super) fn read_delete(spot: Spot<'_, '_>) -> Option<DeleteTaskPushNotificationConfigRequest> {
    let params = spot.object()?;
    let task_id = params.required("id", id);
    let config_id = params.required("pushNotificationConfigId", id);
    Some(DeleteTaskPushNotificationConfigRequest {
        tenant: None,
        task_id: task_id?,
        id: config_id?,
    })
}

/// The parameters of `tasks/pushNotificationConfig/list`.
#[must_use]
pub fn print_list_push_configs(request: &ListTaskPushNotificationConfigsRequest) -> Value {
    Members::default().with("id", request.task_id.as_str()).into()
}

pub(super) fn read_list(spot: Spot<'_, '_>) -> Option<ListTaskPushNotificationConfigsRequest> {
    let task_id = spot.object()?.required("id", id);
    Some(ListTaskPushNotificationConfigsRequest {
        tenant: None,
        task_id: task_id?,
        page_size: None,
        page_token: None,
    })
}
