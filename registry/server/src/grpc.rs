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

use proto_types::Revision;
use proto_wire::registry::v1::{self as wire, Consistency};
use registry_api::{Principal, Problem, field};
use registry_core::viewer::Viewer;
use tonic::metadata::MetadataValue;
use tonic::{Response, Status};

use crate::allowance;
use crate::call::{Call, Caller};
use crate::member::{Member, Reading};
use crate::operations;

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

/// The call of a request, as `front::access` found it out before the message was read.
fn call<T>(request: &tonic::Request<T>) -> Result<Call, Problem> {
    Caller::of(request.extensions())?.call()
}

/// The same, with the verifiable credential that it shows.
fn call_with_credential<T>(request: &tonic::Request<T>) -> Result<Call, Problem> {
    Caller::of(request.extensions())?.with_credential()
}

/// Who calls.
fn caller<T>(request: &tonic::Request<T>) -> Result<Principal, Problem> {
    Ok(call(request)?.principal)
}

/// The consistency that a request names.
fn consistency(named: i32) -> Result<Consistency, Problem> {
    let named = Consistency::try_from(named);
    named.map_err(|_| Problem::argument("consistency", "0 (stale) or 1 (strong)"))
}

/// The state that a request asks for.
async fn read(member: &Member, named: i32) -> Result<Reading, Problem> {
    member.read(consistency(named)?).await
}

/// The same, and with whose eyes it is read.
async fn look(
    member: &Member,
    caller: &Principal,
    named: i32,
) -> Result<(Reading, Viewer), Problem> {
    operations::look(member, caller, consistency(named)?).await
}

/// How many entries a page has. Who is not verified pays for them before they are read.
fn page<T>(request: &tonic::Request<T>, limit: u32) -> Result<usize, Problem> {
    let limit = field::page(limit)?;
    allowance::page(request.extensions(), limit)?;
    Ok(limit)
}

/// The answer of a write that is only its revision.
fn done(revision: Revision) -> Response<wire::Done> {
    Response::new(wire::Done { revision: revision.0 })
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
            let principal = identified.clone();
            let found =
                Caller { principal, credential: Ok(None), is_strangers: false, source: None };
            request.extensions_mut().insert(found);
            assert_eq!(caller(&request), identified);
        }
    }
}
