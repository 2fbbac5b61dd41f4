//! The one listener: gRPC to the services, everything else to REST.
//!
//! It decides by the media type alone, and refuses what neither may see: more than a source's
//! share, a path with two readings, a bound on age that cannot be held. It must never let a request
//! past these for the protocol that it speaks.

mod access;
mod services;

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::Router;
use axum::body::Body;
use axum::response::Response;
use axum::routing::future::RouteFuture;
use deploy_service::sources::Exceeded;
use deploy_service::{Claim, Readiness, Source, SourceLimit};
use futures_util::future::Either;
use http::header::{AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER};
use http::request::Parts;
use http::{HeaderName, HeaderValue, Request};
use proto_types::{Class, path};
use registry_api::{Principal, Problem, identity};
use tonic::Status;
use tonic_health::server::HealthReporter;
use tower::Service;

use crate::allowance::{self, Allowance};
use crate::member::Member;
use crate::{audit, certificate, epoch, freshness, holder, rest};

/// What members say to each other; they show the cluster's secret, and say a lot.
const MEMBERS: &str = "/ecumene.raft.v1.";

const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// What the listener serves.
#[derive(Clone)]
pub(crate) struct Front {
    member: Arc<Member>,
    sources: Arc<Sources>,
    rest: Router,
    grpc: Router,
}

/// What is known of where requests come from.
pub(crate) struct Sources {
    /// Of what is not verified.
    pub(crate) limit: SourceLimit,
}

impl Front {
    /// Every service of the role, and the reporter of their health.
    pub(crate) async fn new(
        member: Arc<Member>,
        readiness: &Readiness,
        sources: Sources,
    ) -> Result<(Self, HealthReporter), tonic_reflection::server::Error> {
        let (grpc, reporter) = services::routes(&member).await?;
        let watch = axum::middleware::from_fn_with_state(Arc::clone(&member), audit::watch);
        let epoch = axum::middleware::from_fn_with_state(Arc::clone(&member), epoch::state);
        let rest = rest::router(Arc::clone(&member), readiness).layer(watch.clone());
        let access = axum::middleware::from_fn_with_state(Arc::clone(&member), access::check);
        let grpc = grpc.layer(access).layer(watch).layer(epoch.clone());
        let rest = rest.layer(epoch);
        Ok((Self { member, sources: Arc::new(sources), rest, grpc }, reporter))
    }

    /// What must hold before anything is read: cheapest first.
    fn refusal(&self, parts: &mut Parts, is_grpc: bool) -> Option<Response> {
        if is_grpc && parts.uri.path().starts_with(MEMBERS) {
            return None;
        }
        if let Err(exceeded) = self.within_share(parts) {
            return Some(self.sources.refused(exceeded, is_grpc));
        }
        let read = if is_grpc { Ok(Vec::new()) } else { path::segments(parts.uri.path()) };
        let read = read.map_err(Problem::from);
        let young = read.and_then(|_| freshness::check(&self.member, parts));
        young.err().map(|problem| answer(problem, is_grpc))
    }

    /// Counts what is not verified against its source (attack case 36).
    fn within_share(&self, parts: &mut Parts) -> Result<(), Exceeded> {
        let Some(source) = parts.extensions.get::<Source>().copied() else { return Ok(()) };
        let Some(known) = self.verified(parts) else {
            let sources = Arc::clone(&self.sources);
            parts.extensions.insert(Allowance { sources, source });
            return self.sources.limit.check(source);
        };
        if let Some(claim) = parts.extensions.get::<Claim>()
            && holder::class(&known) == Class::System
        {
            claim.prove_system();
        }
        Ok(())
    }

    /// Who calls, if it shows a secret or a certificate that this member knows. One that only the
    /// leader knows yet counts as none for as long, and so does a token: whoever could make us check
    /// signatures without bound would need no other flood.
    fn verified(&self, parts: &Parts) -> Option<Principal> {
        let text = |name: &str| parts.headers.get(name).and_then(|value| value.to_str().ok());
        let view = self.member.registry.view().0;
        let certificate = certificate::carried(text(certificate::HEADER));
        let certified = certificate.map(|identity| certificate::principal(&identity, &view));
        let secret = text(AUTHORIZATION.as_str()).filter(|value| identity::is_secret(value));
        let shown =
            secret.map(|value| identity::identify(Some(value), self.member.auth_context(), &view));
        let mut known = certified.into_iter().chain(shown).flatten();
        known.find(|principal| *principal != Principal::Anonymous)
    }
}

impl Sources {
    /// The answer to what a source has no share left for.
    pub(crate) fn refused(&self, exceeded: Exceeded, is_grpc: bool) -> Response {
        let mut response = answer(allowance::problem(exceeded), is_grpc);
        let headers = response.headers_mut();
        headers.insert(RETRY_AFTER, HeaderValue::from(exceeded.retry_after_s()));
        let policy = (RATE_LIMIT_POLICY, self.limit.policy_header());
        for (name, value) in [policy, (RATE_LIMIT, self.limit.exceeded_header(exceeded))] {
            let value = HeaderValue::from_str(&value).expect("numbers and words of ours");
            headers.insert(name, value);
        }
        response
    }
}

/// A problem in the language of the caller.
fn answer(problem: Problem, is_grpc: bool) -> Response {
    if is_grpc { Status::from(problem).into_http() } else { rest::refused(problem) }
}

impl Service<Request<Body>> for Front {
    type Response = Response;
    type Error = Infallible;
    type Future = Either<Ready<Result<Response, Infallible>>, RouteFuture<Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        // Routers are always ready.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        certificate::carry(&mut request);
        let kind = request.headers().get(CONTENT_TYPE);
        let is_grpc = kind.is_some_and(|kind| kind.as_bytes().starts_with(b"application/grpc"));
        let (mut parts, body) = request.into_parts();
        if let Some(refused) = self.refusal(&mut parts, is_grpc) {
            return Either::Left(ready(Ok(refused)));
        }
        let request = Request::from_parts(parts, body);
        Either::Right(if is_grpc { self.grpc.call(request) } else { self.rest.call(request) })
    }
}
