//! The refusals of an A2A call itself.
//!
//! Decides which there are; what is told for each, the table does. Must never hold more than its caller may know.

use proto_types::a2a::A2aError;

use crate::dispatch;
use crate::params::Faults;

/// Why an A2A call is refused (A2A 1.0.1, section 5.4; JSON-RPC 2.0, section 5.1).
#[derive(Clone, Debug, PartialEq)]
pub enum CallError {
    /// Not JSON that has one meaning.
    Parse,
    /// Not a JSON-RPC request; where and why, as far as it was one.
    Request(Faults),
    /// The method names no operation that is served.
    Operation(dispatch::Error),
    /// Parameters are wrong; where and why.
    Params(Faults),
    /// The agent does not take parts of such a media type; which ones.
    ContentType(Faults),
    /// There is no such task, or it is another's.
    TaskNotFound,
    /// The task is over.
    TaskNotCancelable,
    /// The task takes no more messages.
    TaskOver,
    /// The task has ended: nothing follows that could be subscribed to.
    TaskEnded,
    /// The agent's outcome cannot be shown.
    AgentResponse,
    /// An attached agent refuses; how, and its own text, which is bounded and has no control characters.
    Upstream(A2aError, String),
    /// A call that is not relayed to attached agents.
    AttachedUnsupported,
    /// A call to a peer, and there is no key to sign a token for it with.
    NoFederationKey,
}
