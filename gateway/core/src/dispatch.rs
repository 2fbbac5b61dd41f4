//! Which operations of A2A are served, under which version of the protocol.
//!
//! Decides from the method's name and `A2A-Version` alone. Must never guess: a name we know but do
//! not serve is refused as such, so that a client can tell "not supported" from "misspelled".

use proto_types::a2a::{Method, ProtocolVersion};

/// What a caller wants done, of all that A2A 1.0 has (section 9.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Send a message, wait for the task unless told otherwise.
    SendMessage,
    /// Send a message and follow the task.
    SendStreamingMessage,
    /// Look at a task.
    GetTask,
    /// Look at all tasks.
    ListTasks,
    /// End a task.
    CancelTask,
    /// Follow a task that is there.
    SubscribeToTask,
    /// Look at the card as this caller may see it.
    GetExtendedAgentCard,
    /// Have the changes of a task pushed somewhere.
    CreateTaskPushNotificationConfig,
    /// Look at where they are pushed.
    GetTaskPushNotificationConfig,
    /// Look at all places where they are pushed.
    ListTaskPushNotificationConfigs,
    /// Have them pushed there no more.
    DeleteTaskPushNotificationConfig,
}

/// Why a call names no operation that is served.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The version is not served, or not under this name; the answer names those that are.
    #[error("this version of A2A is not served here")]
    Version,
    /// Two versions are stated, of which each could be meant.
    #[error("two A2A versions are stated")]
    VersionConflict,
    /// A name of A2A 0.3 in a 1.0 call.
    #[error("a method of A2A 0.3 in a call of 1.0")]
    Legacy,
    /// An operation that this version has no form for.
    #[error("an operation that is not supported in this version")]
    Unsupported,
    /// The agent's tasks are pushed nowhere.
    #[error("push notifications are not supported by this agent")]
    PushNotifications,
    /// No version has such a method.
    #[error("no such method")]
    Unknown,
}

/// The versions served, as `VersionNotSupportedError` tells them.
pub const VERSIONS: [&str; 2] = [ProtocolVersion::V10.as_str(), ProtocolVersion::V03.as_str()];

/// The version that the caller states, in headers and in the query: all of them must be one.
/// A missing one means 0.3 (A2A 1.0, section 3.6.2).
///
/// # Errors
/// [`Error::Version`], [`Error::VersionConflict`].
pub fn stated_version<'s>(
    stated: impl IntoIterator<Item = &'s str>,
) -> Result<ProtocolVersion, Error> {
    let mut meant = None;
    // A header that is sent twice may have become one list on its way (RFC 9110, section 5.3).
    for stated in stated.into_iter().flat_map(|stated| stated.split(',')) {
        let version = ProtocolVersion::negotiate(Some(stated)).map_err(|_| Error::Version)?;
        if meant.replace(version).is_some_and(|before| before != version) {
            return Err(Error::VersionConflict);
        }
    }
    Ok(meant.unwrap_or(ProtocolVersion::V03))
}

impl Operation {
    /// The operation that a JSON-RPC method names, in the version that its caller states.
    ///
    /// # Errors
    /// See [`enum@Error`].
    pub fn named(method: &str, stated: ProtocolVersion) -> Result<Self, Error> {
        let (method, version) = Method::parse(method).ok_or(Error::Unknown)?;
        match (version, stated) {
            (ProtocolVersion::V10, ProtocolVersion::V03) => Err(Error::Version),
            (ProtocolVersion::V03, ProtocolVersion::V10) => Err(Error::Legacy),
            _ => Ok(Self::of(method)),
        }
    }

    /// The operation of a method of the protocol.
    #[must_use]
    pub const fn of(method: Method) -> Self {
        match method {
            Method::SendMessage => Self::SendMessage,
            Method::SendStreamingMessage => Self::SendStreamingMessage,
            Method::GetTask => Self::GetTask,
            Method::ListTasks => Self::ListTasks,
            Method::CancelTask => Self::CancelTask,
            Method::SubscribeToTask => Self::SubscribeToTask,
            Method::GetExtendedAgentCard => Self::GetExtendedAgentCard,
            Method::CreateTaskPushNotificationConfig => Self::CreateTaskPushNotificationConfig,
            Method::GetTaskPushNotificationConfig => Self::GetTaskPushNotificationConfig,
            Method::ListTaskPushNotificationConfigs => Self::ListTaskPushNotificationConfigs,
            Method::DeleteTaskPushNotificationConfig => Self::DeleteTaskPushNotificationConfig,
        }
    }

    /// Its name, for logs and counters.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::SendMessage => "SendMessage",
            Self::SendStreamingMessage => "SendStreamingMessage",
            Self::GetTask => "GetTask",
            Self::ListTasks => "ListTasks",
            Self::CancelTask => "CancelTask",
            Self::SubscribeToTask => "SubscribeToTask",
            Self::GetExtendedAgentCard => "GetExtendedAgentCard",
            Self::CreateTaskPushNotificationConfig => "CreateTaskPushNotificationConfig",
            Self::GetTaskPushNotificationConfig => "GetTaskPushNotificationConfig",
            Self::ListTaskPushNotificationConfigs => "ListTaskPushNotificationConfigs",
            Self::DeleteTaskPushNotificationConfig => "DeleteTaskPushNotificationConfig",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const V03: ProtocolVersion = ProtocolVersion::V03;
    const V10: ProtocolVersion = ProtocolVersion::V10;

    #[test]
    fn a_missing_version_is_0_3_and_others_than_the_two_are_refused() {
        for older in [&[][..], &[""], &["0.3"], &["0.3.0"], &["0.3", ""]] {
            assert_eq!(stated_version(older.iter().copied()), Ok(V03), "{older:?}");
        }
        for bad in ["1", "1.", "1.1", "1.1.0", "2.0", "01.0", "0.2", "0.2.6"] {
            assert_eq!(stated_version([bad]), Err(Error::Version), "{bad}");
        }
    }

    #[test]
    fn the_patch_number_of_a_version_does_not_count() {
        for good in ["1.0", " 1.0 ", "1.0.0", "1.0.1", "1.0.12"] {
            assert_eq!(stated_version([good]), Ok(V10), "{good}");
        }
        for bad in ["1.0.", "1.0.x", "1.0.-1", "1.0.1.2", "1.0.1-rc1", ".1.0"] {
            assert_eq!(stated_version([bad]), Err(Error::Version), "{bad}");
        }
    }

    #[test]
    fn versions_that_differ_are_refused_wherever_they_are_stated() {
        for (stated, expected) in [
            (&["1.0", "1.0"][..], Ok(V10)),
            (&["1.0", "1.0.1"], Ok(V10)),
            (&["1.0, 1.0"], Ok(V10)),
            (&["1.0", "0.3"], Err(Error::VersionConflict)),
            (&["0.3", "1.0"], Err(Error::VersionConflict)),
            (&["1.0,0.3"], Err(Error::VersionConflict)),
            (&["1.0", ""], Err(Error::VersionConflict)),
            (&["1.0", "2.0"], Err(Error::Version)),
        ] {
            assert_eq!(stated_version(stated.iter().copied()), expected, "{stated:?}");
        }
    }

    #[test]
    fn a_name_means_one_operation_in_its_own_version_alone() {
        for (newer, older, operation) in [
            ("SendMessage", "message/send", Ok(Operation::SendMessage)),
            ("SendStreamingMessage", "message/stream", Ok(Operation::SendStreamingMessage)),
            ("GetTask", "tasks/get", Ok(Operation::GetTask)),
            ("CancelTask", "tasks/cancel", Ok(Operation::CancelTask)),
            ("SubscribeToTask", "tasks/resubscribe", Ok(Operation::SubscribeToTask)),
            (
                "GetExtendedAgentCard",
                "agent/getAuthenticatedExtendedCard",
                Ok(Operation::GetExtendedAgentCard),
            ),
            (
                "CreateTaskPushNotificationConfig",
                "tasks/pushNotificationConfig/set",
                Ok(Operation::CreateTaskPushNotificationConfig),
            ),
            (
                "DeleteTaskPushNotificationConfig",
                "tasks/pushNotificationConfig/delete",
                Ok(Operation::DeleteTaskPushNotificationConfig),
            ),
        ] {
            assert_eq!(Operation::named(newer, V10), operation, "{newer}");
            assert_eq!(Operation::named(older, V03), operation, "{older}");
            assert_eq!(Operation::named(newer, V03), Err(Error::Version), "{newer}");
            assert_eq!(Operation::named(older, V10), Err(Error::Legacy), "{older}");
            if let Ok(operation) = operation {
                assert_eq!(operation.name(), newer);
            }
        }
        assert_eq!(Operation::named("ListTasks", V10), Ok(Operation::ListTasks));
        for unknown in ["tasks/list", "tasks/sendSubscribe", "sendMessage", "SendMessage ", ""] {
            for version in [V03, V10] {
                assert_eq!(Operation::named(unknown, version), Err(Error::Unknown), "{unknown}");
            }
        }
    }
}
