//! The stream of a peer, told to an operator.
//!
//! Decides that it ends when the peer may not act any more, and what an event is. Must never tell what is no JSON object.

use bytes::Bytes;
use deploy_service::sse;
use gateway_core::{CallError, Failure};
use proto_types::{Origin, json};

use crate::a2a::Binding;
use crate::flow::Source;
use crate::gateway::Gateway;

use super::check_fresh;

/// A peer, as this operator hears it.
pub(super) struct OfPeer(pub(super) Origin);

impl Source for OfPeer {
    /// A peer that may not act any more is not listened to either.
    fn check(&self, gateway: &Gateway) -> Result<(), Failure> {
        check_fresh(gateway)?;
        let peers = gateway.cache.peers.load();
        match peers.find(&self.0).is_some_and(|peer| peer.active) {
            true => Ok(()),
            false => Err(Failure::NotFound),
        }
    }

    fn frame(&mut self, _: &Gateway, _: &Binding, data: &[u8]) -> Result<Bytes, Failure> {
        frame(data)
    }

    /// It ends as the peer does.
    fn end(&self, _: &Gateway) -> Option<Failure> {
        None
    }
}

/// An event whose data is one JSON object, which may have come on several lines.
fn frame(data: &[u8]) -> Result<Bytes, Failure> {
    let text = std::str::from_utf8(data).ok();
    let text = text.filter(|_| json::is_object(data).is_ok_and(|is_object| is_object));
    let text = text.ok_or(Failure::Call(CallError::AgentResponse))?;
    Ok(sse::event("", &text.replace('\n', " ")))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_one_object_on_one_line_and_anything_else_ends_its_stream() {
        let told = frame(b"{\"a\":\n 1}").unwrap();
        assert_eq!(told, "data: {\"a\":  1}\n\n");
        for other in [&b"[1]"[..], b"a", b"{", b"\xff", b"{}\nevent: x"] {
            assert!(frame(other).is_err(), "{other:?}");
        }
    }
}
