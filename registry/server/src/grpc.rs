//! The gRPC services. Every answer carries the revision at which it was read, every refusal its code. Rules about
//! documents are in `registry-api`.

mod agents;
mod cards;
mod cluster;
mod conduct;
mod copies;
mod directory;
mod envelopes;
mod fleet;
mod log;
mod machines;
mod membership;
mod namespaces;
mod partners;
mod peers;
mod policies;
mod pushes;
mod records;
mod search;
mod status;
mod tasks;
mod tokens;
mod watch;

use deploy_service::trace::Span;
use proto_types::metadata::{AGE_KEY, REVISION_KEY, TIME_KEY};
use proto_types::{Digest, Revision};
use proto_wire::registry::v1::{self as wire, Consistency};
use registry_api::{Principal, Problem, field};
use registry_core::viewer::Viewer;
use tonic::metadata::MetadataValue;
use tonic::{Response, Status};

use crate::allowance;
use crate::call::{Call, Caller, log_cause};
use crate::member::{Member, Reading};
use crate::operations;

pub(crate) use self::cluster::ClusterService;
pub(crate) use self::directory::DirectoryService;
pub(crate) use self::fleet::FleetService;
pub(crate) use self::log::LogService;
pub(crate) use self::partners::PartnersService;
pub(crate) use self::search::SearchService;

/// What a handler gives.
type Handled<T> = Result<Response<T>, Problem>;

/// A service over the member: every call of its contract, its messages, and the handler that serves it.
macro_rules! service {
    ($service:ident: $contract:ident {
        $($call:ident($request:ty) -> $answer:ty = $($handler:ident)::+;)*
    } $(type $stream:ident = $items:ty;)*) => {
        #[derive(Clone)]
        pub(crate) struct $service(pub(crate) std::sync::Arc<crate::member::Member>);

        #[tonic::async_trait]
        impl $contract for $service {
            $(type $stream = $items;)*

            $(async fn $call(
                &self,
                request: tonic::Request<$request>,
            ) -> Result<tonic::Response<$answer>, tonic::Status> {
                let named = concat!(stringify!($contract), ".", stringify!($call));
                deploy_service::trace::Span::current().rename(named);
                super::finish($($handler)::+(&self.0, request).await)
            })*
        }
    };
}
use service;

/// Logs what the caller may not know, and answers.
fn finish<T>(handled: Handled<T>) -> Result<Response<T>, Status> {
    handled.map_err(|problem| {
        log_cause(&problem);
        if problem.status() >= 500 {
            Span::current().fail(problem.code().as_str());
        }
        problem.into()
    })
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

/// Adds the entity tag, as REST has it, for conditions in the metadata of a later write.
fn tagged<T>(mut response: Response<T>, version: &Digest) -> Response<T> {
    let tag = MetadataValue::try_from(version.etag())
        .expect("a digest is hexadecimal digits and a colon in quotes");
    response.metadata_mut().insert("etag", tag);
    response
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
