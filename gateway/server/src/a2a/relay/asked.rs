//! What is asked of an attached agent, as the operator's policies look at it. It must never be changed here.

use gateway_core::relay::Outgoing;
use proto_types::a2a::Message;

use crate::agents::Agent;

use super::Relay;

impl Relay {
    /// Who is asked.
    pub(in crate::a2a) fn agent(&self) -> &Agent {
        &self.agent
    }

    /// The message that is sent, if one is.
    pub(in crate::a2a) const fn message(&self) -> Option<&Message> {
        match &self.outgoing {
            Outgoing::Send(request) | Outgoing::Stream(request) => Some(&request.message),
            _ => None,
        }
    }
}
