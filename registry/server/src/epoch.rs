//! The cluster epoch beside every answer: what a caller keeps of one epoch is of no use in another.
//!
//! It decides nothing. It must never name an epoch that is not the state's.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::{HeaderName, HeaderValue};

use crate::member::Member;

/// How often the cluster was restored from a backup; in gRPC it is metadata of this name.
pub(crate) const EPOCH: HeaderName = HeaderName::from_static("ecumene-epoch");

/// Adds it to an answer. A member that has no state yet has none.
pub(crate) async fn state(
    State(member): State<Arc<Member>>,
    request: Request,
    next: Next,
) -> Response {
    let mut response = next.run(request).await;
    if let Some(epoch) = member.registry.epoch() {
        response.headers_mut().insert(EPOCH, HeaderValue::from(epoch));
    }
    response
}
