//! What an A2A call asks for: the parameters of each operation, checked member by member.
//!
//! Decides which parameters are well formed (A2A 1.0, sections 3.1, 4.1 and 5.5: ProtoJSON, so both
//! spellings of a member, `null` for absent, and members we do not know are passed over). Must
//! never hand on a member that was not checked: the message is rebuilt from what was read.

mod fields;
mod message;

use proto_types::{ContextId, TaskId};
use serde_json::Value;

use self::fields::Fields;
use crate::violation::Violations;

/// The parameters of SendMessage and SendStreamingMessage.
#[derive(Clone, Debug, PartialEq)]
pub struct Send {
    /// Which agent, where one endpoint serves several.
    pub tenant: Option<String>,
    /// The message with its members spelled as A2A 1.0 spells them, without context and task.
    pub message: Value,
    /// The conversation it continues.
    pub context: Option<ContextId>,
    /// The task it continues.
    pub task: Option<TaskId>,
    /// Answer with the task as it is instead of waiting for its end.
    pub return_immediately: bool,
    /// How many messages of the history the answer holds; all if absent.
    pub history_length: Option<u32>,
    /// Whether the caller wants to be notified by a call of ours.
    pub wants_push: bool,
}

/// The parameters of GetTask and CancelTask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// Which agent.
    pub tenant: Option<String>,
    /// Which task; `None` if the name is none that any task can have.
    pub task: Option<TaskId>,
    /// How many messages of the history the answer holds; all if absent.
    pub history_length: Option<u32>,
}

impl Send {
    /// Reads `params`.
    ///
    /// # Errors
    /// Every fault found, with its place.
    pub fn parse(params: &Value) -> Result<Self, Violations> {
        let mut found = Violations::default();
        let Some(mut fields) = Fields::of(params, "", &mut found) else {
            return Err(found);
        };
        let tenant = fields.text("tenant", TENANT_LEN_MAX);
        let message = fields.object("message");
        let configuration = fields.object("configuration");
        if let Some(metadata) = fields.value("metadata") {
            fields.expect_object("metadata", metadata);
        }
        if fields.is_blank("message") {
            fields.fault("message", "required");
        }
        let message = message.map(|message| message::read(message, &mut found));
        let configuration = Configuration::read(configuration, &mut found);
        let read = message.unwrap_or_default();
        found.unless_any(Self {
            tenant,
            message: Value::Object(read.members),
            context: read.context,
            task: read.task,
            return_immediately: configuration.return_immediately,
            history_length: configuration.history_length,
            wants_push: configuration.wants_push,
        })
    }
}

impl Named {
    /// Reads `params`.
    ///
    /// # Errors
    /// Every fault found, with its place.
    pub fn parse(params: &Value) -> Result<Self, Violations> {
        let mut found = Violations::default();
        let Some(mut fields) = Fields::of(params, "", &mut found) else {
            return Err(found);
        };
        let tenant = fields.text("tenant", TENANT_LEN_MAX);
        let history_length = fields.count("historyLength");
        let id = fields.required_text("id", ID_LEN_MAX);
        let task = id.and_then(|id| TaskId::parse(&id).ok());
        found.unless_any(Self { tenant, task, history_length })
    }
}

/// A tenant is a handle here.
const TENANT_LEN_MAX: usize = proto_types::Handle::LEN_MAX;
/// Longer than any id that we give out; whether such an id exists is another question.
const ID_LEN_MAX: usize = 512;
/// Media types that a caller accepts; arbitrary.
const OUTPUT_MODES_MAX: usize = 64;

#[derive(Default)]
struct Configuration {
    return_immediately: bool,
    history_length: Option<u32>,
    wants_push: bool,
}

impl Configuration {
    fn read(value: Option<&serde_json::Map<String, Value>>, found: &mut Violations) -> Self {
        let Some(members) = value else { return Self::default() };
        let mut fields = Fields::new(members, "configuration", found);
        // Read to be checked: an agent's output is sent whatever its type, as A2A 1.0 allows (4.2.2).
        let _ = fields.texts("acceptedOutputModes", OUTPUT_MODES_MAX);
        Self {
            return_immediately: fields.flag("returnImmediately"),
            history_length: fields.count("historyLength"),
            wants_push: fields.object("taskPushNotificationConfig").is_some(),
        }
    }
}

#[cfg(test)]
mod tests;
