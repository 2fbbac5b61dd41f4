//! What a status says of a call: whether another member may be asked, and whether the call had an effect. It reads the
//! gRPC status and the stable code beside it. A lost answer never counts as one that says that nothing was begun.

use std::error::Error;
use std::io;

use proto_types::Code as Said;
use proto_types::metadata::CODE_KEY;
use tonic::{Code, Status};

/// The stable code that a refusal of the registry carries.
pub fn code_of(status: &Status) -> Option<&str> {
    status.metadata().get(CODE_KEY).and_then(|value| value.to_str().ok())
}

/// Whether a member cannot answer, where another one may. Every member would say the same of a refusal. A connection that
/// breaks while a member stops is `INTERNAL` by HTTP/2's rules; what a registry says itself has a stable code beside it.
pub fn is_away(status: &Status) -> bool {
    let is_broken = status.code() == Code::Internal && code_of(status).is_none();
    is_broken || says_away(status.code())
}

/// Whether a member says with this code that it cannot.
pub fn says_away(code: Code) -> bool {
    matches!(code, Code::Unavailable | Code::DeadlineExceeded | Code::Cancelled | Code::Unknown)
}

/// Whether this stable code says that nothing was proposed.
pub fn is_unproposed(code: &str) -> bool {
    matches!(code.parse::<Said>(), Ok(Said::NoLeader | Said::Stopping))
}

/// Whether the call certainly had no effect: the registry says that nothing was proposed, or the connection was never
/// made.
pub(crate) fn had_no_effect(status: &Status) -> bool {
    match code_of(status) {
        Some(code) => is_unproposed(code),
        None => {
            let mut causes = std::iter::successors(status.source(), |&error| error.source());
            let io = causes.find_map(|error| error.downcast_ref::<io::Error>());
            io.is_some_and(|io| io.kind() == io::ErrorKind::ConnectionRefused)
        }
    }
}

#[cfg(test)]
mod tests {
    use registry_api::Problem;

    use super::*;

    #[test]
    fn two_codes_say_that_nothing_was_proposed_and_every_code_is_read_from_its_status() {
        for said in Said::ALL {
            let status = Status::from(Problem::new(*said, "why"));
            assert_eq!(code_of(&status), Some(said.as_str()));
            let unproposed = matches!(said, Said::NoLeader | Said::Stopping);
            assert_eq!(had_no_effect(&status), unproposed, "{said}");
            assert!(is_away(&status) || !unproposed, "{said}: another member is asked");
        }
    }

    #[test]
    fn a_broken_connection_is_for_another_member_and_a_fault_of_the_registrys_own_is_not() {
        let broken = Status::internal("h2 protocol error");
        assert!(is_away(&broken) && !had_no_effect(&broken));
        assert!(!is_away(&Status::from(Problem::new(Said::Internal, "why"))));
        assert!(!is_away(&Status::not_found("why")));
    }

    #[test]
    fn without_a_code_a_call_had_no_effect_only_where_no_connection_was_made() {
        for (kind, no_effect) in
            [(io::ErrorKind::ConnectionRefused, true), (io::ErrorKind::ConnectionReset, false)]
        {
            let status = Status::from_error(Box::new(io::Error::from(kind)));
            assert_eq!(had_no_effect(&status), no_effect, "{kind}");
        }
        assert!(!had_no_effect(&Status::deadline_exceeded("no answer in time")));
    }
}
