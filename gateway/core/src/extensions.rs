//! The extensions of A2A that calls to hosted agents may use (docs/extensions.md): which ones a call activates, the ids of tasks
//! that the same message finds again, and the ids of events after which a stream goes on.
//!
//! Decides from its arguments alone. Must never activate what a caller has not asked for, nor take the id of one task's event
//! for another's.

mod position;

use proto_types::{ContextId, Digest, Handle, TaskId, base64url};
use serde_json::{Value, json};

use crate::dispatch::Operation;

pub use self::position::{EventIds, Numbering, Position, Rest};

/// The same message again is the same task.
pub const IDEMPOTENT_SEND: &str = "urn:ecumene:a2a-extension:idempotent-send:v1";
/// A stream goes on after the event that was read last.
pub const RESUMABLE_STREAMS: &str = "urn:ecumene:a2a-extension:resumable-streams:v1";

/// Which extensions are meant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Extensions {
    /// [`IDEMPOTENT_SEND`].
    pub idempotent_send: bool,
    /// [`RESUMABLE_STREAMS`].
    pub resumable_streams: bool,
}

impl Extensions {
    /// Those of ours among what a caller asks for: the values of its headers, each a list of URIs (A2A 1.0, section 3.2.6).
    pub fn requested<'h>(values: impl IntoIterator<Item = &'h str>) -> Self {
        let mut requested = Self::default();
        for uri in values.into_iter().flat_map(|value| value.split(',')) {
            match uri.trim() {
                IDEMPOTENT_SEND => requested.idempotent_send = true,
                RESUMABLE_STREAMS => requested.resumable_streams = true,
                _ => {}
            }
        }
        requested
    }

    /// Those that mean something for an operation. Ids of events are a matter of server-sent events: gRPC has none.
    #[must_use]
    pub const fn within(self, operation: Operation, is_sse: bool) -> Self {
        let sends = matches!(operation, Operation::SendMessage | Operation::SendStreamingMessage);
        let streams =
            matches!(operation, Operation::SendStreamingMessage | Operation::SubscribeToTask);
        Self {
            idempotent_send: self.idempotent_send && sends,
            resumable_streams: self.resumable_streams && streams && is_sse,
        }
    }

    /// The value of the header that names them; none if there are none.
    #[must_use]
    pub const fn header(self) -> Option<&'static str> {
        match (self.idempotent_send, self.resumable_streams) {
            (true, true) => Some(
                "urn:ecumene:a2a-extension:idempotent-send:v1, urn:ecumene:a2a-extension:resumable-streams:v1",
            ),
            (true, false) => Some(IDEMPOTENT_SEND),
            (false, true) => Some(RESUMABLE_STREAMS),
            (false, false) => None,
        }
    }
}

/// What cards say of them: `capabilities.extensions`.
#[must_use]
pub fn declarations() -> Value {
    json!([
        {
            "uri": IDEMPOTENT_SEND,
            "description": "The same messageId again, of the same caller to the same agent, is the same task.",
            "required": false,
        },
        {
            "uri": RESUMABLE_STREAMS,
            "description": "Events have ids; SubscribeToTask with Last-Event-ID goes on after that event.",
            "required": false,
        },
    ])
}

/// The id of the task that a message of this id begins, or has begun. No two callers, and no two agents, have one in common.
#[must_use]
pub fn task_of_message(owner: &str, agent: &Handle, message: &str) -> TaskId {
    let id = derived(b"ecumene/task-of-message\0", &[owner, agent.as_str(), message]);
    TaskId::parse(&id).expect("43 letters and digits are a task id")
}

/// The conversation of such a task, if its message names none.
#[must_use]
pub fn context_of_task(task: &TaskId) -> ContextId {
    let id = derived(b"ecumene/context-of-task\0", &[task.as_str()]);
    ContextId::parse(&id).expect("43 letters and digits are a context id")
}

/// Each text counts with its length: none runs into the next.
fn derived(label: &[u8], texts: &[&str]) -> String {
    let mut bytes = label.to_vec();
    for text in texts {
        bytes.extend_from_slice(&(text.len() as u64).to_be_bytes());
        bytes.extend_from_slice(text.as_bytes());
    }
    base64url::encode(Digest::of(&bytes).as_bytes())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    const BOTH: Extensions = Extensions { idempotent_send: true, resumable_streams: true };

    #[test]
    fn what_is_asked_for_is_activated_in_any_spelling_of_the_list_and_nothing_else_is() {
        let two = format!("urn:other,{IDEMPOTENT_SEND} , {RESUMABLE_STREAMS}");
        assert_eq!(Extensions::requested([two.as_str()]), BOTH);
        assert_eq!(Extensions::requested([IDEMPOTENT_SEND, "", RESUMABLE_STREAMS]), BOTH);
        for none in ["", "urn:other", "urn:ecumene:a2a-extension:idempotent-send:v2"] {
            assert_eq!(Extensions::requested([none]), Extensions::default(), "{none}");
        }
    }

    #[test]
    fn an_extension_is_active_where_it_means_something() {
        for (operation, is_sse, sends, streams) in [
            (Operation::SendMessage, true, true, false),
            (Operation::SendStreamingMessage, true, true, true),
            (Operation::SendStreamingMessage, false, true, false),
            (Operation::SubscribeToTask, true, false, true),
            (Operation::SubscribeToTask, false, false, false),
            (Operation::GetTask, true, false, false),
        ] {
            let active = BOTH.within(operation, is_sse);
            let expected = Extensions { idempotent_send: sends, resumable_streams: streams };
            assert_eq!(active, expected, "{operation:?} {is_sse}");
            assert_eq!(Extensions::default().within(operation, is_sse), Extensions::default());
        }
    }

    #[test]
    fn the_header_that_is_told_names_what_is_active() {
        for idempotent_send in [false, true] {
            for resumable_streams in [false, true] {
                let told = Extensions { idempotent_send, resumable_streams };
                assert_eq!(Extensions::requested(told.header()), told, "{told:?}");
            }
        }
        assert_eq!(Extensions::default().header(), None);
    }

    #[test]
    fn a_message_finds_its_task_again_and_no_other_message_does() {
        let agent = |text: &str| Handle::parse(text).unwrap();
        let id = task_of_message("https://a.example", &agent("echo"), "m1");
        assert_eq!(id, task_of_message("https://a.example", &agent("echo"), "m1"));
        for other in [
            task_of_message("https://c.example", &agent("echo"), "m1"),
            task_of_message("https://a.example", &agent("echo2"), "m1"),
            task_of_message("https://a.example", &agent("echo"), "m2"),
            // The same letters, divided otherwise.
            task_of_message("https://a.examplee", &agent("cho"), "m1"),
        ] {
            assert_ne!(id, other);
        }
        assert_ne!(context_of_task(&id).as_str(), id.as_str());
        assert_eq!(context_of_task(&id), context_of_task(&id));
    }
}
