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
    /// End a task.
    CancelTask,
}

/// Why a call names no operation that is served.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The version is not served; the answer names those that are.
    #[error("only A2A version 1.0 is served")]
    Version,
    /// A name of A2A 0.3 in a 1.0 call.
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
pub const VERSIONS: [&str; 1] = [ProtocolVersion::V10.as_str()];

/// Checks the version that the caller states, in the header or else in the query. A missing one
/// means 0.3 (A2A 1.0, section 3.6.2).
///
/// # Errors
/// [`Error::Version`].
pub fn check_version(stated: Option<&str>) -> Result<(), Error> {
    match ProtocolVersion::negotiate(stated) {
        Ok(ProtocolVersion::V10) => Ok(()),
        Ok(ProtocolVersion::V03) | Err(_) => Err(Error::Version),
    }
}

impl Operation {
    /// The operation that a method names.
    ///
    /// # Errors
    /// See [`enum@Error`].
    pub fn of(method: &str) -> Result<Self, Error> {
        let method = match Method::parse(method) {
            Some((method, ProtocolVersion::V10)) => method,
            Some((_, ProtocolVersion::V03)) => return Err(Error::Legacy),
            None => return Err(Error::Unknown),
        };
        match method {
            Method::SendMessage => Ok(Self::SendMessage),
            Method::SendStreamingMessage => Ok(Self::SendStreamingMessage),
            Method::GetTask => Ok(Self::GetTask),
            Method::CancelTask => Ok(Self::CancelTask),
            Method::ListTasks | Method::SubscribeToTask | Method::GetExtendedAgentCard => {
                Err(Error::Unsupported)
            }
            Method::CreateTaskPushNotificationConfig
            | Method::GetTaskPushNotificationConfig
            | Method::ListTaskPushNotificationConfigs
            | Method::DeleteTaskPushNotificationConfig => Err(Error::PushNotifications),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_version_is_0_3_and_only_1_0_is_served() {
        for good in ["1.0", " 1.0 "] {
            assert_eq!(check_version(Some(good)), Ok(()), "{good}");
        }
        for bad in ["", "0.3", "1", "1.", "1.1", "2.0", "01.0", "1.0.", "1.0.x"] {
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
            ("tasks/sendSubscribe", Err(Error::Unknown)),
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
