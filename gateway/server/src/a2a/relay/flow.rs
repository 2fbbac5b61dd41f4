//! The stream of an attached agent.
//!
//! Decides that it ends when its caller may not act any more or call the agent, or when that is attached elsewhere, and which end
//! is none. Must never tell an event with the ids that the agent gave.

use std::sync::Arc;

use bytes::Bytes;
use gateway_core::relay::UpstreamFault;
use gateway_core::upstream::ReplicaTag;
use gateway_core::{Caller, Failure};
use proto_types::Upstream;
use proto_types::a2a::StreamResponse;

use crate::flow::Source;
use crate::gateway::Gateway;
use crate::waiting::Lasting;

use super::super::binding::Binding;
use super::lasting::upstream_of;
use super::{Begun, Translator, is_of};

/// An attached agent, as one caller hears it.
pub(super) struct Heard {
    caller: Caller,
    translator: Translator,
    /// As it was when the stream began.
    upstream: Arc<Upstream>,
    /// By which its ids are sealed.
    replica: ReplicaTag,
    /// Whose it is: another one may have made its task.
    server: ReplicaTag,
    /// Whether the agent has said how it ends: with a message, or a task that is over or waits for its caller.
    has_ended: bool,
}

impl Heard {
    /// By its caller, of whose stream nothing is told yet.
    pub(super) fn new(caller: &Caller, begun: Begun) -> Self {
        let Begun { translator, upstream, replica, server } = begun;
        Self { caller: caller.clone(), translator, upstream, replica, server, has_ended: false }
    }
}

impl Source for Heard {
    /// Its caller may have ceased to be one, or to see the agent; that may be gone, or be elsewhere.
    fn check(&self, gateway: &Gateway) -> Result<(), Failure> {
        let now = upstream_of(gateway, (&self.caller, Lasting::Stream), &self.translator.handle)?;
        match Arc::ptr_eq(&now, &self.upstream) || is_of(self.server, &self.upstream, &now) {
            true => Ok(()),
            false => Err(Failure::NotFound),
        }
    }

    fn frame(
        &mut self,
        gateway: &Gateway,
        binding: &Binding,
        data: &[u8],
    ) -> Result<Bytes, Failure> {
        let event = self.translator.event(&gateway.upstreams, self.replica, data)?;
        self.has_ended = has_ended(&event).unwrap_or(self.has_ended);
        binding.frame(&event)
    }

    /// A body that is delimited by the end of its connection ends like this also where its server has died.
    fn end(&self, gateway: &Gateway) -> Option<Failure> {
        let fault = UpstreamFault::NotA2a("a stream that breaks off".to_owned());
        (!self.has_ended).then(|| self.translator.fault(&gateway.upstreams, fault))
    }
}

/// Whether a stream may end with this event (A2A 1.0, section 3.1.2), if it says anything about that.
fn has_ended(event: &StreamResponse) -> Option<bool> {
    match event {
        StreamResponse::Message(_) => Some(true),
        event => event.state().map(|state| state.is_terminal() || state.is_interrupted()),
    }
}
