//! What the four operations about push notifications ask for.
//!
//! Decides what a configuration may say. Must never decide which addresses are called, nor tell anybody the credentials of a
//! receiver again: who has set them knows them.

use proto_types::a2a::{AuthenticationInfo, ProtocolVersion, TaskPushNotificationConfig};
use proto_types::{
    Handle, PushAuthentication, PushConfig, PushConfigId, PushCredentials, PushScheme, PushToken,
    PushUrl, TaskId,
};
use serde_json::Value;

use crate::form::Form;

use super::{Faults, fault, read_tenant};

/// The name of a configuration whose caller gives it none: who sets one again replaces it.
const UNNAMED: &str = "default";

/// The parameters of the operations about push configurations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Push {
    /// Which agent.
    pub tenant: Option<Handle>,
    /// Which task; `None` if the name is none that a task of ours can have.
    pub task: Option<TaskId>,
    /// What of it.
    pub asked: PushAction,
}

/// What is asked about the push configurations of a task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PushAction {
    /// To set one.
    Create(PushConfig),
    /// To show the one of this name; without a name the one that was set first.
    Get(Option<String>),
    /// To show all.
    List,
    /// To delete the one of this name.
    Delete(String),
}

impl Push {
    /// Reads the `params` of CreateTaskPushNotificationConfig.
    ///
    /// # Errors
    /// Every fault found, with its place.
    pub fn create(form: Form, params: &Value) -> Result<Self, Faults> {
        let mut config = form.create_push_config(params)?;
        let mut faults = Faults::new();
        let (tenant, task) = (config.tenant.take(), config.task_id.take());
        if task.is_none() {
            faults.push(fault("/taskId", "the id of a task"));
        }
        let read = read((form, in_params(form)), config, &mut faults);
        match (read, task) {
            (Some(config), Some(task)) if faults.is_empty() => {
                Self::of(tenant.as_deref(), &task, PushAction::Create(config))
            }
            _ => Err(faults),
        }
    }

    /// Reads the `params` of GetTaskPushNotificationConfig.
    ///
    /// # Errors
    /// Every fault found, with its place.
    pub fn get(form: Form, params: &Value) -> Result<Self, Faults> {
        let named = form.named_push_config(params)?;
        Self::of(named.tenant.as_deref(), &named.task_id, PushAction::Get(named.id))
    }

    /// Reads the `params` of ListTaskPushNotificationConfigs.
    ///
    /// # Errors
    /// Every fault found, with its place.
    pub fn list(form: Form, params: &Value) -> Result<Self, Faults> {
        let list = form.list_push_configs(params)?;
        if list.page_token.is_some() {
            // A task has few, and they are on one page.
            return Err(vec![fault("/pageToken", "the nextPageToken of an earlier page")]);
        }
        Self::of(list.tenant.as_deref(), &list.task_id, PushAction::List)
    }

    /// Reads the `params` of DeleteTaskPushNotificationConfig.
    ///
    /// # Errors
    /// Every fault found, with its place.
    pub fn delete(form: Form, params: &Value) -> Result<Self, Faults> {
        let named = form.named_push_config(params)?;
        let missing = || vec![fault("/pushNotificationConfigId", "the id of a configuration")];
        let id = named.id.ok_or_else(missing)?;
        Self::of(named.tenant.as_deref(), &named.task_id, PushAction::Delete(id))
    }

    /// The configuration that is to be set.
    #[must_use]
    pub const fn config(&self) -> Option<&PushConfig> {
        match &self.asked {
            PushAction::Create(config) => Some(config),
            PushAction::Get(_) | PushAction::List | PushAction::Delete(_) => None,
        }
    }

    fn of(tenant: Option<&str>, task: &str, asked: PushAction) -> Result<Self, Faults> {
        let mut faults = Faults::new();
        let tenant = read_tenant(tenant, &mut faults);
        let task = TaskId::parse(task).ok();
        if faults.is_empty() { Ok(Self { tenant, task, asked }) } else { Err(faults) }
    }
}

/// Where a configuration stands in the parameters of CreateTaskPushNotificationConfig.
#[must_use]
pub const fn in_params(form: Form) -> &'static str {
    match form {
        Form::V10 => "",
        Form::V03JsonRpc | Form::V03HttpJson => "/pushNotificationConfig",
    }
}

/// Where it stands in those of SendMessage.
#[must_use]
pub const fn in_message(form: Form) -> &'static str {
    match form {
        Form::V10 => "/configuration/taskPushNotificationConfig",
        Form::V03JsonRpc => "/configuration/pushNotificationConfig",
        Form::V03HttpJson => "/configuration/pushNotification",
    }
}

/// The fault of a URL that is not called from here, in a configuration that stands there.
#[must_use]
pub fn refused_url(at: &str) -> Faults {
    vec![fault(&format!("{at}/url"), "an https URL of a public address")]
}

/// A configuration that stands there, if all of it can stand in a request as it is.
pub(super) fn read(
    (form, at): (Form, &str),
    config: TaskPushNotificationConfig,
    faults: &mut Faults,
) -> Option<PushConfig> {
    let mut wrong = |member: &str, must_be| faults.push(fault(&format!("{at}{member}"), must_be));
    let id = PushConfigId::parse(config.id.as_deref().unwrap_or(UNNAMED));
    if id.is_err() {
        wrong("/id", "at most 128 bytes without control characters");
    }
    let url = PushUrl::parse(&config.url);
    if url.is_err() {
        wrong("/url", "an http or https URL of at most 2048 bytes, without user and fragment");
    }
    let token = config.token.map(|token| PushToken::parse(&token)).transpose();
    if token.is_err() {
        wrong("/token", "at most 512 bytes of visible ASCII");
    }
    let shown = config.authentication.map(|shown| authentication(&shown)).transpose();
    if let Err((member, must_be)) = shown {
        wrong(&format!("/authentication/{member}"), must_be);
    }
    let version = match form {
        Form::V10 => ProtocolVersion::V10,
        Form::V03JsonRpc | Form::V03HttpJson => ProtocolVersion::V03,
    };
    let (id, url, token, authentication) = (id.ok()?, url.ok()?, token.ok()?, shown.ok()?);
    Some(PushConfig { id, url, token, authentication, version })
}

/// What is shown to a receiver; or which member is wrong, and what it must be.
fn authentication(
    said: &AuthenticationInfo,
) -> Result<PushAuthentication, (&'static str, &'static str)> {
    let scheme = PushScheme::parse(&said.scheme);
    let scheme = scheme.map_err(|_| ("scheme", "the name of an HTTP authentication scheme"))?;
    let credentials = said.credentials.as_deref().map(PushCredentials::parse).transpose();
    let credentials =
        credentials.map_err(|_| ("credentials", "at most 4096 bytes of visible ASCII"))?;
    Ok(PushAuthentication { scheme, credentials })
}

/// A configuration of a task as its caller is shown it again: without the credentials.
#[must_use]
pub fn shown(task: &TaskId, config: &PushConfig) -> TaskPushNotificationConfig {
    TaskPushNotificationConfig {
        tenant: None,
        id: Some(config.id.as_str().to_owned()),
        task_id: Some(task.as_str().to_owned()),
        url: config.url.as_str().to_owned(),
        token: config.token.clone().map(String::from),
        authentication: config.authentication.as_ref().map(|shown| AuthenticationInfo {
            scheme: shown.scheme.as_str().to_owned(),
            credentials: None,
        }),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_configuration_is_read_in_each_form_and_remembers_its_version() {
        let inner = json!({
            "id": "c1", "url": "https://a.example/hook", "token": "t",
            "authentication": {"schemes": ["Bearer"], "credentials": "x"},
        });
        let older = json!({"taskId": "t1", "pushNotificationConfig": inner});
        let newer = json!({
            "tenant": "echo", "task_id": "t1", "id": "c1", "url": "https://a.example/hook",
            "token": "t", "authentication": {"scheme": "Bearer", "credentials": "x"},
        });
        for (form, params, version, tenant) in [
            (Form::V10, &newer, ProtocolVersion::V10, Handle::parse("echo").ok()),
            (Form::V03JsonRpc, &older, ProtocolVersion::V03, None),
            (Form::V03HttpJson, &older, ProtocolVersion::V03, None),
        ] {
            let push = Push::create(form, params).unwrap();
            assert_eq!((push.tenant, push.task), (tenant, TaskId::parse("t1").ok()));
            let PushAction::Create(config) = push.asked else { panic!("{form:?}") };
            assert_eq!((config.id.as_str(), config.version), ("c1", version), "{form:?}");
            let shown = shown(&TaskId::parse("t1").unwrap(), &config);
            assert_eq!((shown.token.as_deref(), shown.task_id.as_deref()), (Some("t"), Some("t1")));
            let authentication = shown.authentication.unwrap();
            assert_eq!(
                (authentication.scheme.as_str(), authentication.credentials),
                ("Bearer", None)
            );
        }
    }

    #[test]
    fn who_gives_a_configuration_no_name_replaces_it_the_next_time() {
        let push = Push::create(Form::V10, &json!({"taskId": "t", "url": "https://a.example"}));
        let PushAction::Create(config) = push.unwrap().asked else { panic!("no configuration") };
        assert_eq!(config.id.as_str(), "default");
    }

    #[test]
    fn each_fault_is_named_with_its_place_in_its_form() {
        let with = |member: &str, value: Value| {
            let mut params = json!({"taskId": "t1", "url": "https://a.example"});
            params[member] = value;
            params
        };
        for (params, expected) in [
            (json!({"url": "https://a.example"}), "taskId"),
            (json!({"taskId": "t1"}), "url"),
            (with("url", json!("ftp://a.example")), "url"),
            (with("url", json!("https://user@a.example")), "url"),
            (with("id", json!("i".repeat(129))), "id"),
            (with("token", json!("a\nb")), "token"),
            (with("tenant", json!("a b")), "tenant"),
            (with("authentication", json!({"scheme": "a b"})), "authentication.scheme"),
            (
                with("authentication", json!({"scheme": "a", "credentials": "\r"})),
                "authentication.credentials",
            ),
        ] {
            let faults = Push::create(Form::V10, &params).unwrap_err();
            assert_eq!(faults[0].field(), expected, "{params}");
        }
        let older = json!({"taskId": "t1", "pushNotificationConfig": {"url": "ftp://a.example"}});
        let faults = Push::create(Form::V03JsonRpc, &older).unwrap_err();
        assert_eq!(faults[0].field(), "pushNotificationConfig.url");
        let later = json!({"taskId": "t1", "pageToken": "p"});
        let faults = Push::list(Form::V10, &later);
        assert_eq!(faults.unwrap_err()[0].field(), "pageToken");
    }

    #[test]
    fn one_is_looked_at_and_deleted_by_its_name() {
        let older = json!({"id": "t1", "pushNotificationConfigId": "c1"});
        let newer = json!({"taskId": "t1", "id": "c1"});
        for (form, params) in [(Form::V10, &newer), (Form::V03JsonRpc, &older)] {
            let get = Push::get(form, params).unwrap();
            assert_eq!(get.asked, PushAction::Get(Some("c1".to_owned())));
            let delete = Push::delete(form, params);
            assert_eq!(delete.unwrap().asked, PushAction::Delete("c1".to_owned()));
        }
        let (named, form) = (json!({"id": "t1"}), Form::V03HttpJson);
        let get = Push::get(form, &named).unwrap();
        assert_eq!(get.asked, PushAction::Get(None));
        assert!(Push::delete(form, &named).is_err());
        let list = Push::list(form, &named).unwrap();
        assert_eq!((list.asked, list.task), (PushAction::List, TaskId::parse("t1").ok()));
    }
}
