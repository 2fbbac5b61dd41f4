//! What a call asks for, as the operator's policies look at it.
//!
//! Decides which agent a call is of, and what of its message counts. Must never say that no agent is called where one is: a
//! policy about that agent would not see the call.

use gateway_core::dispatch::Operation;
use proto_types::a2a::Message;

use crate::agents::Agent;

use super::{Call, Params, Prepaid, Query};

impl Call {
    /// Whether its message says where the changes of its task are pushed.
    pub(crate) fn sets_receiver(&self) -> bool {
        match &self.params {
            Params::Begin { send, .. }
            | Params::Prepaid(Prepaid::Repeatable { send, .. } | Prepaid::Continue { send, .. }) => {
                send.push.is_some()
            }
            Params::Prepaid(_) => false,
        }
    }

    /// Whether the registry keeps something new for it, whatever pays.
    pub(crate) const fn begins(&self) -> bool {
        matches!(self.params, Params::Begin { .. })
    }

    /// What is asked for. A stream that nobody hears is a message like others.
    pub(crate) const fn operation(&self) -> Operation {
        self.operation
    }

    /// The agent that is called. A call that names a task alone, or asks for the tasks or the card of the instance, has none.
    pub(crate) fn agent(&self) -> Option<&Agent> {
        match &self.params {
            Params::Begin { agent, .. }
            | Params::Prepaid(
                Prepaid::Repeatable { agent, .. } | Prepaid::Continue { agent, .. },
            ) => Some(agent),
            Params::Prepaid(
                Prepaid::Subscribe(agent, _)
                | Prepaid::Query(
                    Query::Get(agent, _)
                    | Query::Cancel(agent, _)
                    | Query::Tasks(agent, _)
                    | Query::Push(agent, _)
                    | Query::Card(agent),
                ),
            ) => agent.as_deref(),
            Params::Prepaid(Prepaid::Relay(relay)) => Some(relay.agent()),
        }
    }

    /// The message that is sent, if one is.
    pub(crate) fn message(&self) -> Option<&Message> {
        match &self.params {
            Params::Begin { send, .. }
            | Params::Prepaid(Prepaid::Repeatable { send, .. } | Prepaid::Continue { send, .. }) => {
                Some(&send.message)
            }
            Params::Prepaid(Prepaid::Relay(relay)) => relay.message(),
            Params::Prepaid(Prepaid::Subscribe(..) | Prepaid::Query(_)) => None,
        }
    }
}
