//! Changes as server-sent events (WHATWG HTML, section 9.2).
//!
//! It decides how an event is encoded and what keeps a connection alive. It must never let a text
//! of the state end a line: data is one line of JSON.

use std::convert::Infallible;
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::response::Response;
use deploy_service::sse;
use futures_util::{StreamExt as _, stream};
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue};
use proto_wire::to_json;
use registry_api::{Problem, render};
use registry_core::entry::ChangeEvent;
use serde_json::Value;

use crate::call::log_cause;
use crate::cursor;
use crate::follow::{Cursor, WatchItem, follow};
use crate::holder::Place;
use crate::member::Member;

use super::{Answered, at};

/// The media type.
pub(super) const MEDIA: &str = "text/event-stream";

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// What an event source waits before it connects again. Arbitrary.
const RETRY: &str = "retry: 1000\n\n";

/// The revision of the last event that the caller has seen, if it says so.
pub(super) fn last_id(headers: &HeaderMap) -> Result<Option<u64>, Problem> {
    let mut stated = headers.get_all(LAST_EVENT_ID).iter();
    let (Some(value), None) = (stated.next(), stated.next()) else {
        return match headers.contains_key(LAST_EVENT_ID) {
            true => Err(Problem::argument("Last-Event-ID", "it is stated more than once")),
            false => Ok(None),
        };
    };
    let id = value.to_str().ok().and_then(|text| text.parse().ok());
    id.map(Some).ok_or_else(|| Problem::argument("Last-Event-ID", "it is no revision"))
}

/// Opens a stream.
pub(super) async fn open(member: &Arc<Member>, cursor: Cursor, place: Place) -> Answered {
    let reading = cursor::reached(member, cursor.since).await?;
    let items = follow(member, cursor, place).map(|item| encoded(&item));
    let all = stream::once(async { Bytes::from_static(RETRY.as_bytes()) }).chain(items);
    let mut response = Response::new(Body::from_stream(all.map(Ok::<_, Infallible>)));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(MEDIA));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // Proxies that gather an answer before they pass it on must not do so here.
    headers.insert(HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));
    Ok(at(&reading, response))
}

/// One item. Progress is a comment and an id without data, which moves the source's last id
/// and is no event.
fn encoded(item: &Result<WatchItem, Problem>) -> Bytes {
    match item {
        Ok(WatchItem::Change(change)) => {
            let fields = format!("id: {}\nevent: change\n", change.revision.0);
            sse::event(&fields, &line(change).to_string())
        }
        Ok(WatchItem::Progress(revision)) => {
            format!(": nothing new\nid: {}\n\n", revision.0).into()
        }
        Err(problem) => {
            log_cause(problem);
            sse::event("event: problem\n", &String::from_utf8_lossy(&problem.to_json()))
        }
    }
}

/// One change.
pub(super) fn line(change: &ChangeEvent) -> Value {
    to_json(&render::directory::change(change))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use proto_types::{Revision, WallMs};
    use registry_core::entry::ChangeKind;

    use super::*;

    #[test]
    fn an_event_is_one_line_of_data_whatever_its_id_says() {
        let change = ChangeEvent {
            revision: Revision(7),
            at: WallMs(1),
            kind: ChangeKind::Envelope,
            id: "a\nevent: forged\r\ndata: x\u{2028}y\u{2029}z\u{85}".to_owned(),
            deleted: true,
            before: None,
            after: None,
            gateway: None,
        };
        let event = encoded(&Ok(WatchItem::Change(Box::new(change))));
        let lines: Vec<&str> = std::str::from_utf8(&event).unwrap().split('\n').collect();
        assert_eq!(lines[..2], ["id: 7", "event: change"]);
        assert!(lines[2].starts_with("data: {") && lines[2].ends_with('}'));
        assert!(!lines[2].contains(['\u{2028}', '\u{2029}', '\u{85}']), "{}", lines[2]);
        assert_eq!(lines[3..], ["", ""]);
        let progress = encoded(&Ok(WatchItem::Progress(Revision(9))));
        assert_eq!(progress, ": nothing new\nid: 9\n\n");
    }

    #[test]
    fn a_last_event_id_is_one_revision_or_refused() {
        let with = |value: &str| {
            let headers = [(LAST_EVENT_ID, HeaderValue::from_str(value).unwrap())];
            last_id(&headers.into_iter().collect()).ok()
        };
        assert_eq!(with("12"), Some(Some(12)));
        for bad in ["", "-1", "1.0", "x", "18446744073709551616"] {
            assert_eq!(with(bad), None, "{bad}");
        }
        assert_eq!(last_id(&HeaderMap::new()), Ok(None));
    }
}
