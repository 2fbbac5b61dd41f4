//! Where to push: as the configuration of a message says it, which names the task, and as the four methods about it do.
//!
//! Decides which of several schemes stands for the one of 1.0: the first. Must never make up the id of a configuration.

use serde_json::Value;

use super::form::Form;
use super::members::Members;
use crate::a2a::proto_json::{ANY, id, implicit, implicit_id};
use crate::a2a::{
    AuthenticationInfo, ListTaskPushNotificationConfigsRequest, NamedPushConfigRequest,
    TaskPushNotificationConfig,
};
use crate::schema::Spot;

/// The member that holds the configuration itself.
const INNER: &str = "pushNotificationConfig";

/// A configuration of a task. HTTP+JSON names it as a resource of its task.
pub(super) fn print_config(form: Form, config: &TaskPushNotificationConfig) -> Value {
    let task = config.task_id.as_deref().unwrap_or_default();
    let named = match form {
        Form::JsonRpc => Members::default().with("taskId", task),
        Form::Rest => {
            let id = config.id.as_deref().unwrap_or_default();
            let name = format!("tasks/{task}/pushNotificationConfigs/{id}");
            Members::default().with("name", name)
        }
    };
    named.with(INNER, print_inner(config)).into()
}

/// All configurations of a task: in JSON-RPC an array.
pub(super) fn print_configs(form: Form, configs: &[TaskPushNotificationConfig]) -> Value {
    let printed = configs.iter().map(|config| print_config(form, config)).collect();
    match form {
        Form::JsonRpc => Value::Array(printed),
        Form::Rest => Members::default().with("configs", Value::Array(printed)).into(),
    }
}

/// `TaskPushNotificationConfig`: the parameters of `tasks/pushNotificationConfig/set`.
///
/// Over HTTP+JSON the body is that message, with a name of its own and not the task's, which the path names; servers of the
/// Python SDK read it in the member `config` of a further one, and its clients send the inner configuration alone.
pub(super) fn read_set(form: Form, spot: Spot<'_, '_>) -> Option<TaskPushNotificationConfig> {
    let params = spot.object()?;
    let task_id = params.required("taskId", id);
    let has = |name| form == Form::Rest && params.member(name).is_some();
    let config = if has("config") {
        params.required("config", |spot| spot.object()?.required(INNER, read_inner))
    } else if has("url") {
        read_inner(spot)
    } else {
        params.required(INNER, read_inner)
    };
    let named = match form {
        Form::JsonRpc => Some(None),
        Form::Rest => implicit_id(&params, "configId"),
    };
    let (task_id, config, named) = (task_id?, config?, named?);
    let id = config.id.or(named);
    Some(TaskPushNotificationConfig { id, task_id: Some(task_id), ..config })
}

/// The parameters of `tasks/pushNotificationConfig/get`, which may leave open which one, and of `../delete`.
pub(super) fn read_named(spot: Spot<'_, '_>) -> Option<NamedPushConfigRequest> {
    let params = spot.object()?;
    let task_id = params.required("id", id);
    let config = implicit_id(&params, "pushNotificationConfigId");
    Some(NamedPushConfigRequest { tenant: None, task_id: task_id?, id: config? })
}

/// The parameters of `tasks/pushNotificationConfig/list`.
pub(super) fn read_list(spot: Spot<'_, '_>) -> Option<ListTaskPushNotificationConfigsRequest> {
    let task_id = spot.object()?.required("id", id);
    let (tenant, page_token) = (None, None);
    Some(ListTaskPushNotificationConfigsRequest { tenant, task_id: task_id?, page_token })
}

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
