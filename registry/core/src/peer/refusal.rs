//! The refusals of what peers ask for, in words.

use proto_types::Origin;
use proto_types::peer::Fault;

use crate::bound;
use crate::change::Refusal;

/// How an act that does not fit is refused.
pub(crate) fn refusal(origin: &Origin, fault: Fault) -> Refusal {
    let origin = origin.clone();
    match fault {
        Fault::Order { expected_epoch, expected_seq, .. } => {
            Refusal::OperationOutOfOrder { origin, epoch: expected_epoch, seq: expected_seq }
        }
        Fault::Fork => bound::conflict("operation", origin.as_str()),
        Fault::Status(standing) => Refusal::PeerNotActive { origin, status: standing.to_string() },
        Fault::KeyUnknown { kid } => {
            Refusal::NotFound { kind: "key".to_owned(), id: kid.to_string() }
        }
        Fault::Keys(cause) => bound::invalid("keys", &cause.to_string()),
        Fault::Prolonged { .. } | Fault::Usage { .. } | Fault::Misplaced => {
            bound::invalid("action", &fault.to_string())
        }
    }
}
