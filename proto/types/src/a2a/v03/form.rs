//! The two forms in which A2A 0.3 writes the same things, and the words that they differ in.
//!
//! Decides the words. Must never decide where a member stands: printers and readers do.

use crate::a2a::message::read_role;
use crate::a2a::task::read_state;
use crate::a2a::{Role, TaskState};
use crate::schema::{Object, Problem, Spot};

/// A form of 0.3.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// That of `types.ts`, which JSON-RPC carries: a `kind` says what an object is.
    JsonRpc,
    /// The ProtoJSON of package `a2a.v1`, which HTTP+JSON carries: the name of a member says what it is.
    Rest,
}

/// The kinds of what a server sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A task as it is.
    Task,
    /// A whole answer.
    Message,
    /// A change of status.
    StatusUpdate,
    /// An artifact, or more of it.
    ArtifactUpdate,
}

impl Kind {
    const ALL: [Self; 4] = [Self::Task, Self::Message, Self::StatusUpdate, Self::ArtifactUpdate];

    /// Its word.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Task => "task",
            Self::Message => "message",
            Self::StatusUpdate => "status-update",
            Self::ArtifactUpdate => "artifact-update",
        }
    }
}

impl Form {
    /// The word of a state.
    pub(super) const fn state(self, state: TaskState) -> &'static str {
        match (self, state) {
            (Self::Rest, TaskState::Canceled) => "TASK_STATE_CANCELLED",
            (Self::Rest, state) => state.as_str(),
            (Self::JsonRpc, TaskState::Submitted) => "submitted",
            (Self::JsonRpc, TaskState::Working) => "working",
            (Self::JsonRpc, TaskState::Completed) => "completed",
            (Self::JsonRpc, TaskState::Failed) => "failed",
            (Self::JsonRpc, TaskState::Canceled) => "canceled",
            (Self::JsonRpc, TaskState::InputRequired) => "input-required",
            (Self::JsonRpc, TaskState::Rejected) => "rejected",
            (Self::JsonRpc, TaskState::AuthRequired) => "auth-required",
        }
    }

    /// The word of a role.
    pub(super) const fn role(self, role: Role) -> &'static str {
        match (self, role) {
            (Self::Rest, role) => role.as_str(),
            (Self::JsonRpc, Role::User) => "user",
            (Self::JsonRpc, Role::Agent) => "agent",
        }
    }

    /// The member of a message that has its parts. Those of an artifact are `parts` in both forms.
    pub(super) const fn parts(self) -> &'static str {
        match self {
            Self::JsonRpc => "parts",
            Self::Rest => "content",
        }
    }

    /// The members of a file: its bytes, and where it is.
    pub(super) const fn file(self) -> (&'static str, &'static str) {
        match self {
            Self::JsonRpc => ("bytes", "uri"),
            Self::Rest => ("fileWithBytes", "fileWithUri"),
        }
    }

    /// The member of the configuration that says where to push.
    pub(super) const fn push(self) -> &'static str {
        match self {
            Self::JsonRpc => "pushNotificationConfig",
            Self::Rest => "pushNotification",
        }
    }

    /// Reads a role.
    pub(super) fn read_role(self, spot: Spot<'_, '_>) -> Option<Role> {
        if self == Self::Rest {
            return read_role(spot);
        }
        let named = |text: &str| Role::ALL.iter().copied().find(|role| self.role(*role) == text);
        spot.parsed("user or agent", named)
    }

    /// Reads a state. 1.0 has no word for `unknown`: what we cannot name we cannot act on. In ProtoJSON a number is one too,
    /// and the word of 1.0 for `canceled` is understood beside that of 0.3.
    pub(super) fn read_state(self, spot: Spot<'_, '_>) -> Option<TaskState> {
        if self == Self::Rest && spot.value.as_str() != Some(self.state(TaskState::Canceled)) {
            return read_state(spot);
        }
        let named =
            |text: &str| TaskState::ALL.iter().copied().find(|state| self.state(*state) == text);
        spot.parsed("a state of 0.3 other than unknown", named)
    }

    /// Holds an object to its kind. Who leaves it out is not held to it: 0.3's own examples do so (9.4).
    pub(super) fn check(self, object: &Object<'_, '_>, expected: Kind) -> Option<()> {
        match self {
            Self::JsonRpc => check_kind(object, expected),
            Self::Rest => Some(()),
        }
    }
}

/// Holds an object to the kind that belongs where it stands, if it says one.
fn check_kind(object: &Object<'_, '_>, expected: Kind) -> Option<()> {
    let stated = object.optional("kind", |spot| {
        spot.parsed(expected.as_str(), |text| (text == expected.as_str()).then_some(()))
    });
    stated.map(Option::unwrap_or_default)
}

/// The kind of what a server sends: what it says, or else what its members tell. Early servers say none.
pub(super) fn read_kind(object: &Object<'_, '_>) -> Option<Kind> {
    const MARKS: [(&str, Kind); 4] = [
        ("messageId", Kind::Message),
        ("artifact", Kind::ArtifactUpdate),
        ("taskId", Kind::StatusUpdate),
        ("id", Kind::Task),
    ];
    let stated = object.optional("kind", |spot| {
        let named = |text: &str| Kind::ALL.into_iter().find(|kind| kind.as_str() == text);
        spot.parsed("task, message, status-update or artifact-update", named)
    })?;
    let marked = || MARKS.into_iter().find(|(name, _)| object.member(name).is_some());
    stated
        .or_else(|| marked().map(|(_, kind)| kind))
        .or_else(|| object.fault_at("kind", Problem::Missing))
}
