//! The cluster epoch that every answer carries, so that a caller drops what it kept of another epoch.
//!
//! After a restore `registry-core` puts the new epoch's revisions above all of before (`epoch.rs` there). `cursor.rs`
//! refuses a cursor of before; `registry-api` refuses tokens of before (`decode/token.rs`, `identity/peer.rs`); a gateway
//! takes no answer of an epoch that is over (docs/decisions/0033-cluster-epochs.md).

use axum::response::Response;
use http::HeaderValue;
use proto_types::metadata::EPOCH_KEY;

use crate::member::Member;

/// Adds it to an answer. A member that has no state yet has none.
pub(crate) fn name(member: &Member, response: &mut Response) {
    if let Some(epoch) = member.registry.epoch() {
        response.headers_mut().insert(EPOCH_KEY, HeaderValue::from(epoch));
    }
}
