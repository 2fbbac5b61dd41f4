//! The operations and their names in both generations of the protocol.
//!
//! Decides which operation a name means; the names of the generations are disjoint. Must never
//! guess a version: what is missing is 0.3, what is unknown is refused.

use serde::{Deserialize, Serialize};

use super::A2aError;

/// A version of the protocol, as it is negotiated: `Major.Minor` (3.6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum ProtocolVersion {
    /// 0.3.
    #[serde(rename = "0.3")]
    V03,
    /// 1.0.
    #[serde(rename = "1.0")]
    V10,
}

/// An operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the names are those of the specification, section 3.1")]
pub enum Method {
    SendMessage,
    SendStreamingMessage,
    GetTask,
    ListTasks,
    CancelTask,
    SubscribeToTask,
    CreateTaskPushNotificationConfig,
    GetTaskPushNotificationConfig,
    ListTaskPushNotificationConfigs,
    DeleteTaskPushNotificationConfig,
    GetExtendedAgentCard,
}

/// Each operation with its name in 1.0 and in 0.3; `ListTasks` has none in the JSON-RPC of 0.3.
const NAMES: [(Method, &str, Option<&str>); 11] = [
    (Method::SendMessage, "SendMessage", Some("message/send")),
    (Method::SendStreamingMessage, "SendStreamingMessage", Some("message/stream")),
    (Method::GetTask, "GetTask", Some("tasks/get")),
    (Method::ListTasks, "ListTasks", None),
    (Method::CancelTask, "CancelTask", Some("tasks/cancel")),
    (Method::SubscribeToTask, "SubscribeToTask", Some("tasks/resubscribe")),
    (
        Method::CreateTaskPushNotificationConfig,
        "CreateTaskPushNotificationConfig",
        Some("tasks/pushNotificationConfig/set"),
    ),
    (
        Method::GetTaskPushNotificationConfig,
        "GetTaskPushNotificationConfig",
        Some("tasks/pushNotificationConfig/get"),
    ),
    (
        Method::ListTaskPushNotificationConfigs,
        "ListTaskPushNotificationConfigs",
        Some("tasks/pushNotificationConfig/list"),
    ),
    (
        Method::DeleteTaskPushNotificationConfig,
        "DeleteTaskPushNotificationConfig",
        Some("tasks/pushNotificationConfig/delete"),
    ),
    (
        Method::GetExtendedAgentCard,
        "GetExtendedAgentCard",
        Some("agent/getAuthenticatedExtendedCard"),
    ),
];

impl Method {
    /// The operation of a JSON-RPC method, and the generation that calls it so.
    #[must_use]
    pub fn parse(name: &str) -> Option<(Self, ProtocolVersion)> {
        NAMES.iter().find_map(|(method, v10, v03)| {
            if *v10 == name {
                return Some((*method, ProtocolVersion::V10));
            }
            (*v03 == Some(name)).then_some((*method, ProtocolVersion::V03))
        })
    }

    /// Its name in the JSON-RPC of this version, if it has one there.
    #[must_use]
    pub fn name(self, version: ProtocolVersion) -> Option<&'static str> {
        NAMES.iter().find_map(|(method, v10, v03)| match version {
            _ if *method != self => None,
            ProtocolVersion::V10 => Some(*v10),
            ProtocolVersion::V03 => *v03,
        })
    }
}

// The form of the header and of cards: without a patch number.
crate::words!(ProtocolVersion { V03 = "0.3", V10 = "1.0" });

impl ProtocolVersion {
    /// Reads `A2A-Version`; empty and missing mean 0.3 (3.6.2), and patch numbers do not count (3.6).
    ///
    /// # Errors
    /// [`A2aError::VersionNotSupported`] for any other version.
    pub fn negotiate(header: Option<&str>) -> Result<Self, A2aError> {
        match header.map(without_patch) {
            None | Some("") => Ok(Self::V03),
            Some(stated) => stated.parse().map_err(|_| A2aError::VersionNotSupported),
        }
    }
}

/// `Major.Minor` of `Major.Minor.Patch`; what is neither stays as it is.
fn without_patch(stated: &str) -> &str {
    let stated = stated.trim();
    match stated.rsplit_once('.') {
        Some((version, patch)) if version.contains('.') && is_number(patch) => version,
        _ => stated,
    }
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}
