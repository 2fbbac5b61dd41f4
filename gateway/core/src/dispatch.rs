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
    /// Follow a task that was opened before. Not served yet; but who asks for a task that is not there
    /// hears that.
    SubscribeToTask,
}

/// Why a call names no operation that is served.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The version is not served; the answer names those that are.
    #[error("only A2A version 1.0 is served")]
    Version,
    /// Two versions are stated, of which each could be meant.
    #[error("two A2A versions are stated")]
    VersionConflict,
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

/// Checks the versions that the caller states, in headers and in the query: all of them must be one.
/// A missing one means 0.3 (A2A 1.0, section 3.6.2).
///
/// # Errors
/// [`Error::Version`], [`Error::VersionConflict`].
pub fn check_version<'s>(stated: impl IntoIterator<Item = &'s str>) -> Result<(), Error> {
    let mut meant = None;
    // A header that is sent twice may have become one list on its way (RFC 9110, section 5.3).
    for stated in stated.into_iter().flat_map(|stated| stated.split(',')) {
        let version = ProtocolVersion::negotiate(Some(stated)).map_err(|_| Error::Version)?;
        if meant.replace(version).is_some_and(|before| before != version) {
            return Err(Error::VersionConflict);
        }
    }
    match meant {
        Some(ProtocolVersion::V10) => Ok(()),
        Some(ProtocolVersion::V03) | None => Err(Error::Version),
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
            Method::SubscribeToTask => Ok(Self::SubscribeToTask),
            Method::ListTasks | Method::GetExtendedAgentCard => Err(Error::Unsupported),
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
            Self::SubscribeToTask => "SubscribeToTask",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_version_is_0_3_and_only_1_0_is_served() {
        for bad in ["", "0.3", "0.3.0", "1", "1.", "1.1", "1.1.0", "2.0", "01.0"] {
            assert_eq!(check_version([bad]), Err(Error::Version), "{bad}");
        }
        assert_eq!(check_version([]), Err(Error::Version));
    }

    #[test]
    fn the_patch_number_of_a_version_does_not_count() {
        for good in ["1.0", " 1.0 ", "1.0.0", "1.0.1", "1.0.12"] {
            assert_eq!(check_version([good]), Ok(()), "{good}");
        }
        for bad in ["1.0.", "1.0.x", "1.0.-1", "1.0.1.2", "1.0.1-rc1", ".1.0"] {
            assert_eq!(check_version([bad]), Err(Error::Version), "{bad}");
        }
    }

    #[test]
    fn versions_that_differ_are_refused_wherever_they_are_stated() {
        for (stated, expected) in [
            (&["1.0", "1.0"][..], Ok(())),
            (&["1.0", "1.0.1"], Ok(())),
            (&["1.0, 1.0"], Ok(())),
            (&["1.0", "0.3"], Err(Error::VersionConflict)),
            (&["0.3", "1.0"], Err(Error::VersionConflict)),
            (&["1.0,0.3"], Err(Error::VersionConflict)),
            (&["1.0", ""], Err(Error::VersionConflict)),
            (&["1.0", "2.0"], Err(Error::Version)),
        ] {
            assert_eq!(check_version(stated.iter().copied()), expected, "{stated:?}");
        }
    }

    #[test]
    fn known_names_that_are_not_served_are_told_from_unknown_ones() {
        for (method, expected) in [
            ("SendMessage", Ok(Operation::SendMessage)),
            ("SendStreamingMessage", Ok(Operation::SendStreamingMessage)),
            ("GetTask", Ok(Operation::GetTask)),
            ("CancelTask", Ok(Operation::CancelTask)),
            ("ListTasks", Err(Error::Unsupported)),
            ("SubscribeToTask", Ok(Operation::SubscribeToTask)),
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
        for operation in [Operation::SendMessage, Operation::CancelTask, Operation::SubscribeToTask]
        {
            assert_eq!(Operation::of(operation.name()), Ok(operation));
        }
    }
}
