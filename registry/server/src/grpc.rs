//! The gRPC services: each call is who asks, what it means, what it comes to, in this order.
//!
//! It decides what every answer carries: the revision it was read at, and the code of a refusal.
//! It must never hold a rule about a document; those are in `registry-api`.

mod agents;
mod cards;
mod cluster;
mod conduct;
mod copies;
mod directory;
mod envelopes;
mod fleet;
mod log;
mod membership;
mod namespaces;
mod partners;
mod peers;
mod records;
mod search;
mod status;
mod tasks;
mod watch;

use deploy_service::Source;
use registry_api::identity;
use registry_api::{Principal, Problem};
use registry_core::viewer::Viewer;
use tonic::metadata::{MetadataMap, MetadataValue};
use tonic::{Response, Status};

use crate::admission::CREDENTIAL_HEADERS;
use crate::certificate;
use crate::member::{Member, Reading};

pub(crate) use self::cluster::ClusterService;
pub(crate) use self::directory::DirectoryService;
pub(crate) use self::fleet::FleetService;
pub(crate) use self::log::LogService;
pub(crate) use self::partners::PartnersService;
pub(crate) use self::search::SearchService;

/// The revision that a read saw.
pub(crate) const REVISION_KEY: &str = "ecumene-revision";

/// How old it may be, in ms; absent where it was confirmed.
pub(crate) const AGE_KEY: &str = "ecumene-age-ms";

/// By what time it was judged, in ms since 1970: whoever reads it can tell that its own clock is wrong.
pub(crate) const TIME_KEY: &str = "ecumene-time-ms";

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
pub(crate) async fn caller(member: &Member, metadata: &MetadataMap) -> Result<Principal, Problem> {
    let identity = metadata.get(certificate::HEADER).and_then(|value| value.to_str().ok());
    let values = metadata.get_all("authorization");
    let names = identity::TOKEN_HEADERS.into_iter();
    let tokens = names.flat_map(|name| metadata.get_all(name).iter().collect::<Vec<_>>());
    let tokens = tokens.map(|token| token.to_str().ok());
    let shown = identity::single(values.iter().map(|value| value.to_str().ok()), tokens)?;
    member.caller(shown.as_deref(), identity).await
}

/// The state that a call asks for, and with whose eyes it is read.
async fn look(
    member: &Member,
    metadata: &MetadataMap,
    consistency: i32,
) -> Result<(Reading, Viewer), Problem> {
    let caller = caller(member, metadata).await?;
    let reading = member.read(consistency).await?;
    let viewer = caller.viewer(&reading.view)?;
    Ok((reading, viewer))
}

/// The verifiable credential that a call shows.
fn credential(metadata: &MetadataMap) -> Result<Option<String>, Problem> {
    let named = CREDENTIAL_HEADERS.into_iter().map(|name| metadata.get_all(name));
    let named: Vec<_> = named.collect();
    let mut values = named.iter().flatten();
    let wrong = || Problem::argument(CREDENTIAL_HEADERS[0], "one, of visible characters");
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => value.to_str().map(|text| Some(text.into())).map_err(|_| wrong()),
        (Some(_), Some(_)) => Err(wrong()),
    }
}

/// Where the call came from; `None` where there is no socket.
fn origin<T>(request: &tonic::Request<T>) -> Option<Source> {
    request.extensions().get::<Source>().copied()
}

/// An answer that says which state it was read from.
fn at<T>(reading: &Reading, message: T) -> Response<T> {
    let mut response = Response::new(message);
    let metadata = response.metadata_mut();
    metadata.insert(REVISION_KEY, MetadataValue::from(reading.revision.0));
    metadata.insert(TIME_KEY, MetadataValue::from(reading.time.0));
    if let Some(age_ms) = reading.age_ms {
        metadata.insert(AGE_KEY, MetadataValue::from(age_ms));
    }
    response
}
