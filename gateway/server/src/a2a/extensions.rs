//! The extensions of A2A in the heads of calls and answers (docs/extensions.md). What they are, the core decides.
//!
//! Decides which of them count for a call. Must never let one count for an attached agent, whose own they are.

use gateway_core::CallError;
use gateway_core::dispatch::Operation;
use gateway_core::extensions::{EventIds, Extensions, Numbering};
use gateway_core::params::fault;
use http::{HeaderMap, HeaderName, HeaderValue};
use proto_types::a2a::ProtocolVersion;

use super::{Binding, Params, Prepaid, Protocol};

const V10: HeaderName = HeaderName::from_static("a2a-extensions");
/// The same as A2A 0.3 names it.
const V03: HeaderName = HeaderName::from_static("x-a2a-extensions");
const LAST_EVENT: HeaderName = HeaderName::from_static("last-event-id");

/// What the head of a call asks for. A client may name it as either version does.
pub(crate) fn requested(headers: &HeaderMap) -> Extensions {
    let values = [V10, V03].map(|name| headers.get_all(name));
    let texts = values.into_iter().flatten().filter_map(|value| value.to_str().ok());
    Extensions::requested(texts)
}

/// The id of the event that a client has read last; the text is empty if it is none that we have told.
pub(crate) fn last_event(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(LAST_EVENT)?;
    Some(value.to_str().unwrap_or_default().to_owned())
}

/// Which of the extensions that are asked for count for a call, and how its events are numbered if they are.
pub(super) fn extended(
    params: &Params,
    (operation, binding): (Operation, &Binding),
    (requested, last_event): (Extensions, Option<&str>),
) -> Result<(Extensions, Option<Numbering>), CallError> {
    if matches!(params, Params::Prepaid(Prepaid::Relay(_))) {
        return Ok((Extensions::default(), None));
    }
    let is_sse = !matches!(binding.protocol, Protocol::Grpc(_));
    let extensions = requested.within(operation, is_sse);
    let is_numbered = extensions.resumable_streams;
    let numbering = is_numbered.then(|| numbering(params, last_event)).transpose()?;
    Ok((extensions, numbering))
}

/// After which event a stream goes on: one that subscribes to a task may go on after any of this task.
fn numbering(params: &Params, last_event: Option<&str>) -> Result<Numbering, CallError> {
    let named = match params {
        Params::Prepaid(Prepaid::Subscribe(_, named)) => named.task.as_ref(),
        _ => None,
    };
    let (Some(task), Some(last)) = (named, last_event) else { return Ok(Numbering::default()) };
    match EventIds::of(task).read(last) {
        Some(after) => Ok(Numbering { after: Some(after) }),
        None => {
            let must_be = "the id of an event of this task";
            Err(CallError::Params(vec![fault("/Last-Event-ID", must_be)]))
        }
    }
}

impl Params {
    /// A message that begins a task has the same one whenever it is sent.
    pub(super) fn repeatable(self) -> Self {
        match self {
            Self::Begin { agent, send } => Self::Prepaid(Prepaid::Repeatable { agent, send }),
            params => params,
        }
    }
}

/// Says in the head of an answer which extensions its call has activated.
pub(super) fn mark(headers: &mut HeaderMap, extensions: Extensions, version: ProtocolVersion) {
    let Some(uris) = extensions.header() else { return };
    let name = match version {
        ProtocolVersion::V10 => V10,
        ProtocolVersion::V03 => V03,
    };
    headers.insert(name, HeaderValue::from_static(uris));
}

#[cfg(test)]
mod tests {
    use gateway_core::extensions::{IDEMPOTENT_SEND, RESUMABLE_STREAMS};

    use super::*;

    #[test]
    fn an_extension_is_asked_for_in_any_header_of_either_version_and_told_in_the_callers() {
        let mut headers = HeaderMap::new();
        assert_eq!(requested(&headers), Extensions::default());
        headers.append(V03, HeaderValue::from_static(RESUMABLE_STREAMS));
        headers.append(V10, HeaderValue::from_static("urn:other"));
        headers.append(V10, HeaderValue::from_static(IDEMPOTENT_SEND));
        let both = Extensions { idempotent_send: true, resumable_streams: true };
        assert_eq!(requested(&headers), both);
        for (version, name) in [(ProtocolVersion::V10, V10), (ProtocolVersion::V03, V03)] {
            let mut told = HeaderMap::new();
            mark(&mut told, both, version);
            assert_eq!((told.len(), requested(&told)), (1, both));
            assert!(told.contains_key(name), "{version}");
        }
    }
}
