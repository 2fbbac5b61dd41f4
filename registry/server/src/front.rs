//! The one listener: gRPC to the services, everything else to REST, by the media type.
//!
//! Both protocols are refused alike: more than a source's share (`allowance.rs`), a path with two readings, a bound on
//! age that cannot be held (`freshness.rs`). Before it, `deploy-service` has bounded the connection and refused messages
//! that can be read in two ways. `front/access.rs` then says who may call a gRPC method, as the table of routes does for
//! REST.

mod access;
mod services;

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::Router;
use axum::body::Body;
use axum::response::Response;
use deploy_service::sources::Exceeded;
use deploy_service::trace::Span;
use deploy_service::{Claim, Readiness, Source};
use futures_util::future::{BoxFuture, Either};
use http::Request;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::request::Parts;
use proto_types::{Class, path};
use registry_api::{Principal, Problem, identity};
use tonic_health::server::HealthReporter;
use tower::Service;

use crate::allowance::{Allowance, Sources};
use crate::member::Member;
use crate::{audit, certificate, epoch, freshness, holder, rest};

/// What members say to each other; they show the cluster's secret, and say a lot.
const MEMBERS: &str = "/ecumene.raft.v1.";

/// What the listener serves.
#[derive(Clone)]
pub(crate) struct Front {
    member: Arc<Member>,
    sources: Arc<Sources>,
    rest: Router,
    grpc: Router,
}

impl Front {
    /// Every service of the role, and the reporter of their health.
    pub(crate) async fn new(
        member: Arc<Member>,
        readiness: &Readiness,
        sources: Sources,
    ) -> Result<(Self, HealthReporter), tonic_reflection::server::Error> {
        let (grpc, reporter) = services::routes(&member).await?;
        let rest = rest::router(Arc::clone(&member), readiness);
        Ok((Self { member, sources: Arc::new(sources), rest, grpc }, reporter))
    }

    /// Answers what may be asked.
    async fn answered(self, request: Request<Body>, is_grpc: bool) -> Response {
        let Self { member, grpc, rest, .. } = self;
        let mut response = match is_grpc {
            true => audit::watch(&member.refusals, request, |it| called(&member, it, grpc)).await,
            false => audit::watch(&member.refusals, request, |it| routed(it, rest)).await,
        };
        epoch::name(&member, &mut response);
        let (span, status) = (Span::current(), response.status());
        span.set("http.response.status_code", i64::from(status.as_u16()));
        if status.is_server_error() {
            span.fail(status.canonical_reason().unwrap_or_default());
        }
        response
    }

    /// What must hold before anything is read: cheapest first.
    fn refusal(&self, parts: &mut Parts, is_grpc: bool) -> Option<Response> {
        if is_grpc && parts.uri.path().starts_with(MEMBERS) {
            return None;
        }
        if let Err(exceeded) = self.within_share(parts) {
            return Some(self.sources.refused(exceeded, |problem| answer(problem, is_grpc)));
        }
        let read = if is_grpc { Ok(()) } else { path::check(parts.uri.path()) };
        let read = read.map_err(Problem::from);
        let young = read.and_then(|()| freshness::check(&self.member, parts));
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

/// What a request is in its trace, until its handler names it. Consensus is no part of anybody's.
fn span(request: &Request<Body>) -> Span {
    match request.uri().path().starts_with(MEMBERS) {
        true => Span::default(),
        false => Span::server("request", request),
    }
}

/// A problem in the language of the caller.
fn answer(problem: Problem, is_grpc: bool) -> Response {
    if is_grpc { access::refused(problem) } else { rest::refused(problem) }
}

/// What a method answers, to who may call it.
async fn called(member: &Member, request: Request<Body>, grpc: Router) -> Response {
    match access::check(member, request).await {
        Ok(request) => routed(request, grpc).await,
        Err(refused) => *refused,
    }
}

async fn routed(request: Request<Body>, mut router: Router) -> Response {
    let Ok(response) = router.call(request).await;
    response
}

impl Service<Request<Body>> for Front {
    type Response = Response;
    type Error = Infallible;
    type Future = Either<
        Ready<Result<Response, Infallible>>,
        BoxFuture<'static, Result<Response, Infallible>>,
    >;

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
        let span = span(&request);
        let front = self.clone();
        let answered = async move { Ok::<_, Infallible>(front.answered(request, is_grpc).await) };
        // Watches and sessions never end: a span is over with the head of the answer.
        Either::Right(Box::pin(span.scope(answered)))
    }
}
