//! What can go wrong in a command, and the exit code it gives: 1 failure, 2 usage, 3 not now (nobody answers, or
//! too much was asked at once), 4 denied, 5 not found, 6 conflict. It must never hide what the other side said.

use std::fmt;

use proto_types::Code as Known;
use registry_client::code_of;
use tonic::Code;

/// Refusals of too much that pass by themselves. A bound that is reached does not.
const PASSING: [Known; 4] =
    [Known::RateLimited, Known::TooManyStreams, Known::ShareReached, Known::Overloaded];

/// The code of a write whose outcome nobody knows, as a message ends with it.
const IN_DOUBT: &str = " [in-doubt]";

/// What to do about it, before the code.
const DOUBT: &str = "; the outcome is not known: look whether it was done, and if not, repeat it and name another \
                     member or gateway first";

/// A command that did not do what was asked.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    exit: u8,
    message: String,
    /// Nothing came of it at this member, and another one may do it.
    undone: bool,
}

impl Failure {
    /// The exit code of the process.
    pub(crate) fn exit_code(&self) -> u8 {
        self.exit
    }

    /// Whether another member may be asked for the same.
    pub(crate) fn is_undone(&self) -> bool {
        self.undone
    }

    /// A failure of this machine.
    pub(crate) fn internal(error: impl fmt::Display) -> Self {
        Self { exit: 1, message: error.to_string(), undone: false }
    }

    /// The command line or a file named on it is wrong.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self { exit: 2, message: message.into(), undone: false }
    }

    /// Another process holds what this one would need for itself.
    pub(crate) fn conflict(message: impl Into<String>) -> Self {
        Self { exit: 6, message: message.into(), undone: false }
    }

    /// Nobody answered.
    pub(crate) fn unreachable(who: &str, why: impl fmt::Display) -> Self {
        Self { exit: 3, message: format!("{who} does not answer: {why}"), undone: true }
    }

    /// It has not come about yet.
    pub(crate) fn late(message: String) -> Self {
        Self { exit: 3, message, undone: false }
    }

    /// What a member says that cannot do it.
    pub(crate) fn of_member(self, member: &str) -> Self {
        Self { message: format!("{member}: {}", self.message), undone: true, ..self }
    }

    /// The same of a write that may have been made: nobody is asked for it again.
    pub(crate) fn in_doubt(self) -> Self {
        let said = self.message.strip_suffix(IN_DOUBT).unwrap_or(&self.message);
        let said = said.strip_suffix(DOUBT).unwrap_or(said);
        Self { message: format!("{said}{DOUBT}{IN_DOUBT}"), undone: false, ..self }
    }

    /// What kept each member from answering, with the last one's exit code.
    pub(crate) fn all(failures: Vec<Self>) -> Self {
        let Some(exit) = failures.last().map(|last| last.exit) else {
            return Self::usage("there is no member of the registry to ask");
        };
        let messages: Vec<_> = failures.into_iter().map(|failure| failure.message).collect();
        Self { exit, message: messages.join("; "), undone: true }
    }

    /// An HTTP answer that is not a success.
    pub(crate) fn http(status: http::StatusCode, body: &[u8]) -> Self {
        let exit = match status.as_u16() {
            401 | 403 => 4,
            404 | 410 => 5,
            409 | 412 => 6,
            429 | 502..=504 => 3,
            _ => 1,
        };
        let text = String::from_utf8_lossy(&body[..body.len().min(2_000)]);
        Self { exit, message: format!("{status}: {text}"), undone: false }
    }
}

impl Failure {
    /// The error of a JSON-RPC answer (A2A 1.0, section 5.4, and our own codes of -32040 to -32047).
    pub(crate) fn rpc(error: &serde_json::Value) -> Self {
        let exit = match error["code"].as_i64() {
            Some(-32040 | -32041) => 4,
            Some(-32001 | -32042) => 5,
            Some(-32002) => 6,
            Some(-32047..=-32045) => 3,
            _ => 1,
        };
        Self { exit, message: format!("the gateway answered {error}"), undone: false }
    }
}

impl std::error::Error for Failure {}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

/// What a registry says to whom shows none.
const NO_CREDENTIAL: &str = "this call needs a credential";

/// Where commands have theirs from.
const WHERE_FROM: &str = "name the profile that `ecumene up` has written, with --profile or ECUMENE_PROFILE, or the \
                          operator's token with --operator-token-file";

impl From<tonic::Status> for Failure {
    fn from(status: tonic::Status) -> Self {
        // A call that no member has answered fails with one of ours.
        let cause = std::error::Error::source(&status);
        if let Some(ours) = cause.and_then(|cause| cause.downcast_ref::<Self>()) {
            return ours.clone();
        }
        let code = code_of(&status);
        let exit = match status.code() {
            Code::ResourceExhausted if code.is_some_and(passes) => 3,
            Code::Unavailable | Code::DeadlineExceeded => 3,
            Code::Unauthenticated | Code::PermissionDenied => 4,
            Code::NotFound => 5,
            Code::AlreadyExists | Code::Aborted | Code::FailedPrecondition => 6,
            _ => 1,
        };
        let hint = match (status.code(), code) {
            // The registry's own words have its code beside them.
            (_, None) if status.message().is_empty() => {
                format!("it answered {:?} and no word: is a registry there?", status.code())
            }
            (Code::Unauthenticated, Some(_)) if status.message().starts_with(NO_CREDENTIAL) => {
                format!(": {WHERE_FROM}")
            }
            _ => String::new(),
        };
        let code = code.map(|code| format!(" [{code}]")).unwrap_or_default();
        Self { exit, message: format!("{}{hint}{code}", status.message()), undone: false }
    }
}

fn passes(code: &str) -> bool {
    code.parse::<Known>().is_ok_and(|code| PASSING.contains(&code))
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::internal(error)
    }
}

#[cfg(test)]
mod tests {
    use proto_types::metadata::CODE_KEY;

    use super::*;

    #[test]
    fn every_kind_of_status_has_its_exit_code() {
        for (code, exit) in [
            (Code::Unavailable, 3),
            (Code::PermissionDenied, 4),
            (Code::Unauthenticated, 4),
            (Code::NotFound, 5),
            (Code::AlreadyExists, 6),
            (Code::InvalidArgument, 1),
        ] {
            assert_eq!(Failure::from(tonic::Status::new(code, "x")).exit_code(), exit, "{code:?}");
        }
        for (code, exit) in [
            (-32040, 4),
            (-32041, 4),
            (-32042, 5),
            (-32001, 5),
            (-32002, 6),
            (-32043, 1),
            (-32044, 1),
            (-32045, 3),
            (-32046, 3),
            (-32047, 3),
            (-32603, 1),
        ] {
            let told = Failure::rpc(&serde_json::json!({ "code": code, "message": "x" }));
            assert_eq!(told.exit_code(), exit, "{code}");
        }
        assert_eq!(Failure::http(http::StatusCode::CONFLICT, b"").exit_code(), 6);
        assert_eq!(Failure::http(http::StatusCode::GONE, b"").exit_code(), 5);
    }

    #[test]
    fn who_shows_no_credential_hears_where_commands_have_theirs_from() {
        let told = |code: Option<&str>, message: &str| {
            let mut status = tonic::Status::new(Code::Unauthenticated, message);
            if let Some(code) = code {
                status.metadata_mut().insert(CODE_KEY, code.parse().expect("ASCII"));
            }
            Failure::from(status).to_string()
        };
        let none = told(Some("unauthenticated"), NO_CREDENTIAL);
        assert!(none.contains("ECUMENE_PROFILE") && none.ends_with("[unauthenticated]"), "{none}");
        assert_eq!(
            told(Some("unauthenticated"), "it is not known"),
            "it is not known [unauthenticated]"
        );
        assert!(told(None, "").contains("is a registry there?"), "no registry has answered");
    }

    #[test]
    fn a_failure_of_ours_comes_through_a_status_as_it_was() {
        let ours = Failure::unreachable("http://m1.example", "refused");
        let told = Failure::from(tonic::Status::from_error(Box::new(ours.clone())));
        assert_eq!((told.exit_code(), told.is_undone()), (3, true));
        assert_eq!(told.to_string(), ours.to_string());
    }

    #[test]
    fn a_write_in_doubt_says_so_once_and_is_for_nobody_else() {
        let lost = Failure::unreachable("http://m1.example", "the connection broke").in_doubt();
        let says = "the connection broke; the outcome is not known: look whether it was done, and if not, repeat it \
                    and name another member or gateway first [in-doubt]";
        assert!(lost.to_string().ends_with(says) && !lost.is_undone(), "{lost}");
        assert_eq!(lost.clone().in_doubt().to_string(), lost.to_string());
        let mut status = tonic::Status::unavailable("the leader was lost");
        status.metadata_mut().insert(CODE_KEY, "in-doubt".parse().expect("ASCII"));
        let said = Failure::from(status).in_doubt().to_string();
        assert!(said.starts_with("the leader was lost; the outcome is not known: look"), "{said}");
        assert_eq!(said.matches("[in-doubt]").count(), 1, "{said}");
    }

    #[test]
    fn what_is_too_much_just_now_is_told_from_what_is_too_much() {
        for (code, exit) in [
            ("rate-limited", 3),
            ("too-many-streams", 3),
            ("share-reached", 3),
            ("overloaded", 3),
            ("bound-reached", 1),
            ("body-too-large", 1),
        ] {
            let mut status = tonic::Status::new(Code::ResourceExhausted, "x");
            status.metadata_mut().insert(CODE_KEY, code.parse().expect("ASCII"));
            assert_eq!(Failure::from(status).exit_code(), exit, "{code}");
        }
        for status in [429_u16, 502, 503, 504] {
            let status = http::StatusCode::from_u16(status).expect("a status");
            assert_eq!(Failure::http(status, b"").exit_code(), 3, "{status}");
        }
    }
}
