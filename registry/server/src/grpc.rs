//! The gRPC services: each call is who asks, what it means, what it comes to, in this order.
//!
//! It decides what every answer carries: the revision it was read at, and the code of a refusal.
//! It must never hold a rule about a document; those are in `registry-api`.

mod agents;
mod cards;
mod directory;
mod envelopes;
mod fleet;
mod partners;
mod peers;
mod records;
mod status;
mod tasks;
mod watch;

use registry_api::identity;
use registry_api::{Principal, Problem};
use tonic::metadata::{MetadataMap, MetadataValue};
use tonic::{Response, Status};

use crate::member::{Member, Reading};

pub(crate) use self::directory::DirectoryService;
pub(crate) use self::fleet::FleetService;
pub(crate) use self::partners::PartnersService;
pub(crate) use self::watch::{Cursor, await_changes};

/// The revision that a read saw.
pub(crate) const REVISION_KEY: &str = "ecumene-revision";

/// How old it may be, in ms; absent where it was confirmed.
pub(crate) const AGE_KEY: &str = "ecumene-age-ms";

/// What a handler gives.
type Handled<T> = Result<Response<T>, Problem>;

/// Logs what the caller may not know, and answers.
fn finish<T>(handled: Handled<T>) -> Result<Response<T>, Status> {
    handled.map_err(|problem| {
        log_cause(&problem);
        problem.into()
    })
}

/// Failures of ours are logged once, here.
pub(crate) fn log_cause(problem: &Problem) {
    if let Some(cause) = problem.cause() {
        tracing::error!(cause, code = %problem.code(), "a call failed");
    }
}

/// Who calls.
async fn caller(member: &Member, metadata: &MetadataMap) -> Result<Principal, Problem> {
    member.caller(authorization(metadata)?).await
}

fn authorization(metadata: &MetadataMap) -> Result<Option<&str>, Problem> {
    let values = metadata.get_all("authorization").iter();
    identity::single(values.map(|value| value.to_str().ok()))
}

/// An answer that says which state it was read from.
fn at<T>(reading: &Reading, message: T) -> Response<T> {
    let mut response = Response::new(message);
    let metadata = response.metadata_mut();
    metadata.insert(REVISION_KEY, MetadataValue::from(reading.revision.0));
    if let Some(age_ms) = reading.age_ms {
        metadata.insert(AGE_KEY, MetadataValue::from(age_ms));
    }
    response
}
