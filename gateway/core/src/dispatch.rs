//! Which A2A operation a JSON-RPC method names, under which version of the protocol.
//!
//! Decides from the method's name and `A2A-Version` alone; the names of A2A 1.0 and 0.3 are
//! disjoint. Must never guess: a name we know but do not serve is refused as such, so that a client
//! can tell "not supported" from "misspelled".

/// What a caller wants done. All of A2A 1.0 (section 9.4) that is served here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Send a message, wait for the task unless told otherwise.
    SendMessage,
    /// Send a message and follow the task.
    SendStreamingMessage,
    /// Look at a task.
    GetTask,
    /// End a task.
    CancelTask,
}

/// Why a call names no operation that is served.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The version is not served; the answer names those that are.
    #[error("only A2A version 1.0 is served")]
    Version,
    /// A name of A2A 0.3 or before in a 1.0 call.
    #[error("a method of A2A 0.3, which is not supported yet")]
    Legacy,
    /// An operation of A2A 1.0 that is not served.
    #[error("an operation of A2A 1.0 that is not supported yet")]
    Unsupported,
    /// Push notifications are not served.
    #[error("push notifications are not supported yet")]
    PushNotifications,
    /// No version has such a method.
    #[error("no such method")]
    Unknown,
}

/// The versions served, as `VersionNotSupportedError` tells them.
pub const VERSIONS: [&str; 1] = ["1.0"];

/// Checks the version that the caller states, in the header or else in the query.
///
/// A missing or empty one means 0.3 (A2A 1.0, section 3.6.2). A patch number changes nothing
/// (section 3.6.1).
///
/// # Errors
/// [`Error::Version`].
pub fn check_version(stated: Option<&str>) -> Result<(), Error> {
    let mut numbers = stated.unwrap_or_default().trim().splitn(3, '.');
    let version = (numbers.next(), numbers.next());
    let patch_is_number = numbers.next().is_none_or(is_number);
    match version {
        (Some("1"), Some("0")) if patch_is_number => Ok(()),
        _ => Err(Error::Version),
    }
}

fn is_number(text: &str) -> bool {
    (1..=4).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
}

impl Operation {
    /// The operation that a method names.
    ///
    /// # Errors
    /// See [`enum@Error`].
    pub fn of(method: &str) -> Result<Self, Error> {
        match method {
            "SendMessage" => Ok(Self::SendMessage),
            "SendStreamingMessage" => Ok(Self::SendStreamingMessage),
            "GetTask" => Ok(Self::GetTask),
            "CancelTask" => Ok(Self::CancelTask),
            "ListTasks" | "SubscribeToTask" | "GetExtendedAgentCard" => Err(Error::Unsupported),
            "CreateTaskPushNotificationConfig"
            | "GetTaskPushNotificationConfig"
            | "ListTaskPushNotificationConfigs"
            | "DeleteTaskPushNotificationConfig" => Err(Error::PushNotifications),
            _ if is_legacy(method) => Err(Error::Legacy),
            _ => Err(Error::Unknown),
        }
    }

    /// Its name, for logs and counters.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::SendMessage => "SendMessage",
            Self::SendStreamingMessage => "SendStreamingMessage",
            Self::GetTask => "GetTask",
            Self::CancelTask => "CancelTask",
        }
    }
}

/// The methods of 0.1 to 0.3; all of them have a slash, and none of 1.0 has.
fn is_legacy(method: &str) -> bool {
    matches!(
        method,
        "message/send"
            | "message/stream"
            | "tasks/get"
            | "tasks/list"
            | "tasks/cancel"
            | "tasks/resubscribe"
            | "tasks/pushNotificationConfig/set"
            | "tasks/pushNotificationConfig/get"
            | "tasks/pushNotificationConfig/list"
            | "tasks/pushNotificationConfig/delete"
            | "agent/getAuthenticatedExtendedCard"
            | "tasks/send"
            | "tasks/sendSubscribe"
            | "tasks/pushNotification/set"
            | "tasks/pushNotification/get"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_version_is_0_3_and_only_1_0_is_served() {
        for good in ["1.0", " 1.0 ", "1.0.0", "1.0.1"] {
            assert_eq!(check_version(Some(good)), Ok(()), "{good}");
        }
        for bad in ["", "0.3", "0.3.0", "1", "1.", "1.1", "2.0", "01.0", "1.0.", "1.0.x", "1.0.0.0"]
        {
            assert_eq!(check_version(Some(bad)), Err(Error::Version), "{bad}");
        }
        assert_eq!(check_version(None), Err(Error::Version));
    }

    #[test]
    fn known_names_that_are_not_served_are_told_from_unknown_ones() {
        for (method, expected) in [
            ("SendMessage", Ok(Operation::SendMessage)),
            ("SendStreamingMessage", Ok(Operation::SendStreamingMessage)),
            ("GetTask", Ok(Operation::GetTask)),
            ("CancelTask", Ok(Operation::CancelTask)),
            ("ListTasks", Err(Error::Unsupported)),
            ("SubscribeToTask", Err(Error::Unsupported)),
            ("GetExtendedAgentCard", Err(Error::Unsupported)),
            ("CreateTaskPushNotificationConfig", Err(Error::PushNotifications)),
            ("message/send", Err(Error::Legacy)),
            ("tasks/resubscribe", Err(Error::Legacy)),
            ("tasks/sendSubscribe", Err(Error::Legacy)),
            ("sendMessage", Err(Error::Unknown)),
            ("SendMessage ", Err(Error::Unknown)),
            ("", Err(Error::Unknown)),
        ] {
            assert_eq!(Operation::of(method), expected, "{method}");
        }
        for operation in [Operation::SendMessage, Operation::CancelTask] {
            assert_eq!(Operation::of(operation.name()), Ok(operation));
        }
    }
}
