//! Where to push, as the configuration of a message says it.
//!
//! Decides which of several schemes stands for the one of 1.0: the first. Must never name a task: the message does.

use serde_json::Value;

use super::members::Members;
use crate::a2a::proto_json::{ANY, id, implicit, implicit_id};
use crate::a2a::{AuthenticationInfo, TaskPushNotificationConfig};
use crate::schema::Spot;

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
