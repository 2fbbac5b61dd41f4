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
use registry_api::{Principal, Problem, field};
use registry_core::viewer::Viewer;
use tonic::metadata::{MetadataMap, MetadataValue};
use tonic::{Response, Status};

use crate::admission::CREDENTIAL_HEADERS;
use crate::allowance;
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

/// Who calls, or why that is not known. It is an extension of the request: `front::access` finds it out once, before the
/// message is read.
#[derive(Clone, Debug)]
pub(crate) struct Caller(pub(crate) Result<Principal, Problem>);

/// Who calls, as it was found out.
fn caller<T>(request: &tonic::Request<T>) -> Result<Principal, Problem> {
    let found = request.extensions().get::<Caller>().cloned();
    let Caller(known) =
        found.ok_or_else(|| Problem::internal("the access layer has not seen this call"))?;
    known
}

/// The state that a call asks for, and with whose eyes it is read.
async fn look(
    member: &Member,
    caller: &Principal,
    consistency: i32,
) -> Result<(Reading, Viewer), Problem> {
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

/// How many entries a page has. Who is not verified pays for them before they are read.
fn page<T>(request: &tonic::Request<T>, limit: u32) -> Result<usize, Problem> {
    let limit = field::page(limit)?;
    allowance::page(request.extensions(), limit)?;
    Ok(limit)
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

#[cfg(test)]
mod tests {
    use registry_api::Code;

    use super::*;

    #[test]
    fn a_handler_is_told_who_calls_and_never_asks_the_metadata_again() {
        let mut request = tonic::Request::new(());
        request.metadata_mut().insert("authorization", MetadataValue::from_static("Bearer x"));
        let untold = caller(&request).map_err(|problem| problem.code());
        assert_eq!(untold, Err(Code::Internal), "the access layer has not seen it");
        for identified in [
            Ok(Principal::Anonymous),
            Ok(Principal::Operator),
            Err(Problem::new(Code::Unauthenticated, "the credential is not known")),
        ] {
            request.extensions_mut().insert(Caller(identified.clone()));
            assert_eq!(caller(&request), identified);
        }
    }
}
