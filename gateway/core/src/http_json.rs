//! What a path of the HTTP+JSON binding names: whose endpoint, in which version, and which operation on what.
//!
//! Decides after A2A 1.0, section 11.3; for A2A 0.3 after the paths of its `a2a.proto`, which begin with `v1`. Must never see
//! a path that `proto_types::path` refuses. A task's id may hold any character that a segment may: the verb behind it begins at
//! a colon that is written plainly.

use proto_types::Handle;
use proto_types::a2a::ProtocolVersion;

use crate::dispatch::{Error, Operation};
use crate::path::{Method, Methods};

/// Where the instance answers this binding; agents do at `/agents/{handle}`.
pub const INSTANCE: &str = "/a2a";

/// What a path names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// The agent that is called; none at the instance's own paths.
    pub agent: Option<Handle>,
    /// The version that has this path.
    pub version: ProtocolVersion,
    /// What is called.
    pub resource: Resource,
}

/// What a path names of an agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Resource {
    /// `message:send`.
    Message,
    /// `message:stream`.
    MessageStream,
    /// `tasks`.
    Tasks,
    /// `tasks/{id}`.
    Task(String),
    /// `tasks/{id}:cancel`.
    Cancel(String),
    /// `tasks/{id}:subscribe`.
    Subscribe(String),
    /// `tasks/{id}/pushNotificationConfigs`.
    PushConfigs(String),
    /// `tasks/{id}/pushNotificationConfigs/{configId}`.
    PushConfig(String, String),
    /// `extendedAgentCard`; in 0.3 `card`.
    ExtendedCard,
}

impl Endpoint {
    /// What the decoded segments of a path name, if anything; `path` is the same as it was sent.
    pub(crate) fn find(segments: &[&str], path: &str) -> Option<Self> {
        match segments {
            ["agents", name, "v1", rest @ ..] => {
                let agent = Handle::parse(name).ok()?;
                Self::new(Some(agent), ProtocolVersion::V03, rest, path)
            }
            ["agents", name, rest @ ..] => Self::of_agent(name, rest, path),
            ["a2a", "v1", rest @ ..] => Self::new(None, ProtocolVersion::V03, rest, path),
            // The instance's own paths come before those that begin with a tenant, which only 1.0 has: an agent with the
            // name of such a path is called at its own URL.
            ["a2a", rest @ ..] => Self::new(None, ProtocolVersion::V10, rest, path).or_else(|| {
                let (tenant, rest) = rest.split_first()?;
                Self::of_agent(tenant, rest, path)
            }),
            _ => None,
        }
    }

    fn of_agent(name: &str, rest: &[&str], path: &str) -> Option<Self> {
        let agent = Handle::parse(name).ok()?;
        Self::new(Some(agent), ProtocolVersion::V10, rest, path)
    }

    fn new(
        agent: Option<Handle>,
        version: ProtocolVersion,
        rest: &[&str],
        path: &str,
    ) -> Option<Self> {
        let resource = Resource::find(rest, path, version)?;
        Some(Self { agent, version, resource })
    }

    /// The operation that is called with such a method.
    ///
    /// # Errors
    /// It is not served in this version.
    pub fn operation(&self, method: Method) -> Result<Operation, Error> {
        Ok(match (&self.resource, method) {
            (Resource::Message, _) => Operation::SendMessage,
            (Resource::MessageStream, _) => Operation::SendStreamingMessage,
            // The table of 0.3 names the path; its `a2a.proto` has no message for it.
            (Resource::Tasks, _) if self.version == ProtocolVersion::V03 => {
                return Err(Error::Unsupported);
            }
            (Resource::Tasks, _) => Operation::ListTasks,
            (Resource::Task(_), _) => Operation::GetTask,
            (Resource::Cancel(_), _) => Operation::CancelTask,
            (Resource::Subscribe(_), _) => Operation::SubscribeToTask,
            (Resource::PushConfigs(_), Method::Get) => Operation::ListTaskPushNotificationConfigs,
            (Resource::PushConfigs(_), Method::Post) => Operation::CreateTaskPushNotificationConfig,
            (Resource::PushConfig(..), Method::Get) => Operation::GetTaskPushNotificationConfig,
            (Resource::PushConfig(..), Method::Post) => Operation::DeleteTaskPushNotificationConfig,
            (Resource::ExtendedCard, _) => Operation::GetExtendedAgentCard,
        })
    }

    /// What the path names, by the members of the parameters that say the same: those of 0.3 are what its JSON-RPC has.
    #[must_use]
    pub fn named(&self, method: Method) -> Vec<(&'static str, &str)> {
        let is_older = self.version == ProtocolVersion::V03;
        match (&self.resource, method) {
            (Resource::Task(id) | Resource::Cancel(id) | Resource::Subscribe(id), _) => {
                vec![("id", id.as_str())]
            }
            (Resource::PushConfigs(task), Method::Get) if is_older => vec![("id", task.as_str())],
            (Resource::PushConfigs(task), _) => vec![("taskId", task.as_str())],
            (Resource::PushConfig(task, config), _) if is_older => {
                vec![("id", task.as_str()), ("pushNotificationConfigId", config.as_str())]
            }
            (Resource::PushConfig(task, config), _) => {
                vec![("taskId", task.as_str()), ("id", config.as_str())]
            }
            (
                Resource::Message
                | Resource::MessageStream
                | Resource::Tasks
                | Resource::ExtendedCard,
                _,
            ) => Vec::new(),
        }
    }

    /// The methods that it answers. Section 11.3 has POST for a subscription, `a2a.proto` has GET.
    #[must_use]
    pub const fn methods(&self) -> Methods {
        match self.resource {
            Resource::Message | Resource::MessageStream | Resource::Cancel(_) => Methods::POST,
            Resource::Tasks | Resource::Task(_) | Resource::ExtendedCard => Methods::CALL,
            Resource::Subscribe(_) | Resource::PushConfigs(_) => Methods::CALL_OR_POST,
            Resource::PushConfig(..) => Methods::CALL_OR_DELETE,
        }
    }

    /// Whether a call needs a body; one that is sent without need is read where the method is POST.
    #[must_use]
    pub const fn needs_body(&self) -> bool {
        matches!(self.resource, Resource::Message | Resource::MessageStream)
    }
}

impl Resource {
    fn find(segments: &[&str], path: &str, version: ProtocolVersion) -> Option<Self> {
        Some(match (segments, version) {
            (["message:send"], _) => Self::Message,
            (["message:stream"], _) => Self::MessageStream,
            (["tasks"], _) => Self::Tasks,
            (["tasks", id], _) => Self::of_task(id, path)?,
            (["tasks", task, "pushNotificationConfigs"], _) => {
                Self::PushConfigs((*task).to_owned())
            }
            (["tasks", task, "pushNotificationConfigs", config], _) => {
                Self::PushConfig((*task).to_owned(), (*config).to_owned())
            }
            (["extendedAgentCard"], ProtocolVersion::V10) => Self::ExtendedCard,
            (["card"], ProtocolVersion::V03) => Self::ExtendedCard,
            _ => return None,
        })
    }

    /// An escaped colon belongs to the id: `tasks/a%3Acancel` is a task of the name `a:cancel`.
    fn of_task(id: &str, path: &str) -> Option<Self> {
        let with = |verb: &str| path.ends_with(verb).then(|| id.strip_suffix(verb)).flatten();
        let named = |id: &str| (!id.is_empty()).then(|| id.to_owned());
        if let Some(id) = with(":cancel") {
            return named(id).map(Self::Cancel);
        }
        if let Some(id) = with(":subscribe") {
            return named(id).map(Self::Subscribe);
        }
        named(id).map(Self::Task)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::path::{Method, Route};

    const V03: ProtocolVersion = ProtocolVersion::V03;
    const V10: ProtocolVersion = ProtocolVersion::V10;

    /// What a path names to a method that acts.
    fn find(path: &str) -> Option<Endpoint> {
        match Route::find(path, Method::Post).unwrap()? {
            Route::HttpJson(endpoint) => Some(endpoint),
            other => panic!("{path}: {other:?}"),
        }
    }

    fn endpoint(agent: &str, version: ProtocolVersion, resource: Resource) -> Endpoint {
        Endpoint { agent: Handle::parse(agent).ok(), version, resource }
    }

    #[test]
    fn each_path_of_both_versions_has_its_operation_and_methods() {
        use Operation::{
            CancelTask, CreateTaskPushNotificationConfig, DeleteTaskPushNotificationConfig,
            GetExtendedAgentCard, GetTask, ListTasks, SendMessage, SendStreamingMessage,
            SubscribeToTask,
        };
        let create = Ok(CreateTaskPushNotificationConfig);
        let delete = Ok(DeleteTaskPushNotificationConfig);
        for (rest, operation, older, methods) in [
            ("message:send", Ok(SendMessage), Ok(SendMessage), "POST"),
            ("message:stream", Ok(SendStreamingMessage), Ok(SendStreamingMessage), "POST"),
            ("tasks", Ok(ListTasks), Err(Error::Unsupported), "GET"),
            ("tasks/t1", Ok(GetTask), Ok(GetTask), "GET"),
            ("tasks/t1:cancel", Ok(CancelTask), Ok(CancelTask), "POST"),
            ("tasks/t1:subscribe", Ok(SubscribeToTask), Ok(SubscribeToTask), "GET, POST"),
            ("tasks/t1/pushNotificationConfigs", create, create, "GET, POST"),
            ("tasks/t1/pushNotificationConfigs/p", delete, delete, "GET, DELETE"),
        ] {
            for base in ["/agents/echo", "/a2a", "/a2a/echo"] {
                let found = find(&format!("{base}/{rest}")).unwrap();
                assert_eq!(
                    (found.operation(Method::Post), found.version),
                    (operation, V10),
                    "{base} {rest}"
                );
                assert_eq!(found.methods().allow(), methods, "{base} {rest}");
                assert_eq!(found.agent.is_some(), base != "/a2a", "{base} {rest}");
            }
            for base in ["/agents/echo/v1", "/a2a/v1"] {
                let found = find(&format!("{base}/{rest}")).unwrap();
                assert_eq!(
                    (found.operation(Method::Post), found.version),
                    (older, V03),
                    "{base} {rest}"
                );
            }
        }
        let card = Ok(GetExtendedAgentCard);
        assert_eq!(find("/agents/echo/extendedAgentCard").unwrap().operation(Method::Post), card);
        assert_eq!(find("/agents/echo/v1/card").unwrap().operation(Method::Post), card);
    }

    #[test]
    fn a_push_configuration_is_named_by_its_path_and_looked_at_with_get() {
        let configs = "tasks/t%2F1/pushNotificationConfigs";
        for (base, method, rest, operation, named) in [
            (
                "/a2a",
                Method::Get,
                "",
                Operation::ListTaskPushNotificationConfigs,
                &[("taskId", "t/1")][..],
            ),
            (
                "/a2a",
                Method::Post,
                "",
                Operation::CreateTaskPushNotificationConfig,
                &[("taskId", "t/1")],
            ),
            (
                "/a2a",
                Method::Get,
                "/c",
                Operation::GetTaskPushNotificationConfig,
                &[("taskId", "t/1"), ("id", "c")],
            ),
            (
                "/a2a/v1",
                Method::Get,
                "",
                Operation::ListTaskPushNotificationConfigs,
                &[("id", "t/1")],
            ),
            (
                "/a2a/v1",
                Method::Post,
                "",
                Operation::CreateTaskPushNotificationConfig,
                &[("taskId", "t/1")],
            ),
            (
                "/a2a/v1",
                Method::Post,
                "/c",
                Operation::DeleteTaskPushNotificationConfig,
                &[("id", "t/1"), ("pushNotificationConfigId", "c")],
            ),
        ] {
            let found = find(&format!("{base}/{configs}{rest}")).unwrap();
            assert_eq!(found.operation(method), Ok(operation), "{base} {rest}");
            assert_eq!(found.named(method), named, "{base} {rest}");
        }
        assert_eq!(find("/a2a/tasks/a:b").unwrap().named(Method::Post), [("id", "a:b")]);
    }

    #[test]
    fn an_id_ends_where_a_plain_colon_begins_a_verb() {
        for (path, resource) in [
            ("/a2a/tasks/a:b", Resource::Task("a:b".to_owned())),
            ("/a2a/tasks/a:b:cancel", Resource::Cancel("a:b".to_owned())),
            ("/a2a/tasks/a%3Acancel", Resource::Task("a:cancel".to_owned())),
            ("/a2a/tasks/a%3Acancel:cancel", Resource::Cancel("a:cancel".to_owned())),
            ("/a2a/tasks/a%2Fb:subscribe", Resource::Subscribe("a/b".to_owned())),
            ("/a2a/tasks/a:subscribed", Resource::Task("a:subscribed".to_owned())),
            ("/a2a/message%3Asend", Resource::Message),
        ] {
            assert_eq!(find(path).map(|found| found.resource), Some(resource), "{path}");
        }
    }

    #[test]
    fn what_names_no_operation_is_no_route() {
        for path in [
            "/a2a",
            "/a2a/",
            "/a2a/v1",
            "/a2a/tasks/",
            "/a2a/tasks/:cancel",
            "/a2a/card",
            "/a2a/v1/extendedAgentCard",
            "/a2a/message:send/",
            "/a2a/message",
            "/a2a/a/b/message:send",
            "/agents/echo/v1",
            "/agents/echo/message:sent",
            "/agents/echo/a/message:send",
        ] {
            assert_eq!(Route::find(path, Method::Post), Ok(None), "{path}");
        }
    }

    #[test]
    fn a_path_of_the_instance_is_its_own_before_it_is_a_tenants() {
        for (path, agent, version) in [
            ("/a2a/tasks/tasks", "", V10),
            ("/a2a/v1/tasks", "", V03),
            ("/a2a/v2/tasks", "v2", V10),
            ("/a2a/urn:a:b/tasks", "urn:a:b", V10),
            ("/a2a/acme01%2Fa/tasks", "acme01/a", V10),
        ] {
            let resource = find(path).unwrap().resource;
            assert_eq!(find(path), Some(endpoint(agent, version, resource)), "{path}");
        }
    }
}
