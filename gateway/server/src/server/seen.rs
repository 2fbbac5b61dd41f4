//! What became known of a request on its way through the layers.
//!
//! Decides how its end is told, counted and logged. Must never log a credential or a body, nor tell
//! the caller what the log says.

use std::net::IpAddr;
use std::time::Duration;

use axum::body::Body;
use axum::response::Response;
use deploy_service::trace::Span;
use gateway_core::errors::Reader;
use gateway_core::gcra::{Remaining, RetryAfter};
use gateway_core::limits::Policy;
use gateway_core::path::Route;
use gateway_core::{Caller, CallerKind, Failure, errors};
use http::{HeaderMap, Request};
use proto_types::MonoUs;
use proto_types::a2a::rpc::Id;

use crate::a2a::Binding;
use crate::charger::Bearer;
use crate::cors::Grant;
use crate::gateway::Gateway;
use crate::{clock, grpc, refusals, reply};

use super::access::{Access, Line};

/// One request, as far as it is known.
pub(super) struct Seen {
    pub(super) address: IpAddr,
    pub(super) route: &'static str,
    pub(super) operation: &'static str,
    /// Whose token was verified.
    pub(super) bearer: Option<Bearer>,
    /// Who was let in without a token.
    pub(super) client: Option<Caller>,
    /// Whether the token was spent for this request.
    pub(super) spent: bool,
    /// Whether another gateway of the fleet has handed it on.
    pub(super) is_handed_on: bool,
    /// Whether its token is another gateway's to spend, who answers it.
    pub(super) is_elsewhere: bool,
    /// How the answer is encoded, where A2A is spoken.
    pub(super) binding: Option<Binding>,
    /// Whether the call has no id: then there is no answer, whatever becomes of it.
    pub(super) is_notification: bool,
    /// Who reads a refusal.
    reader: Reader,
    /// Which pages may read the answer.
    pub(super) cors: Option<Grant>,
    pub(super) limit: Option<(Policy, Result<Remaining, RetryAfter>)>,
    /// Where each request is logged.
    access: Option<Access>,
    start: MonoUs,
}

impl Seen {
    pub(super) fn new(address: IpAddr, reader: Reader, access: Option<Access>) -> Self {
        let (route, operation) = ("none", "");
        let (bearer, client, binding, limit) = (None, None, None, None);
        let (spent, is_notification, start) = (false, false, clock::mono());
        Self {
            address,
            route,
            operation,
            bearer,
            client,
            spent,
            is_handed_on: false,
            is_elsewhere: false,
            binding,
            is_notification,
            reader,
            cors: None,
            limit,
            access,
            start,
        }
    }

    /// The route is known.
    pub(super) fn enter(&mut self, route: &Route, headers: &HeaderMap) {
        self.binding = match route {
            // Until the call's own id is read.
            route if route.speaks_json_rpc() => Some(Binding::json_rpc(Id::Null)),
            Route::HttpJson(endpoint) => Some(Binding::http_json(endpoint.version, headers)),
            Route::Grpc(_) if grpc::is_grpc(headers) => Some(Binding::grpc(None)),
            _ => None,
        };
        self.route = match route {
            Route::InstanceRpc | Route::AgentRpc(_) | Route::HttpJson(_) | Route::Grpc(_) => "call",
            Route::InstanceCard | Route::AgentCard(_) => "card",
            Route::Descriptor(_) | Route::Jwks => "descriptor",
            Route::FederationProxy => "proxy",
            Route::FederationStatus
            | Route::FederationDirectory
            | Route::A2aStatus
            | Route::MeshAgents
            | Route::MeshPeers => "federation",
            Route::Publish => "publish",
            Route::Pull(_) => "pull",
            Route::Acknowledge(_) => "ack",
            Route::DeadLetters => "dead-letters",
            Route::Health | Route::Ready => "health",
            Route::Metrics => "metrics",
            Route::ErrorPage(_) | Route::Contract(_) => "docs",
        };
    }

    /// The answer, if a page asks only what it may do.
    pub(super) fn preflight(&self, request: &Request<Body>) -> Option<Response> {
        self.cors.as_ref()?.preflight(request)
    }

    /// Tells, counts and logs the end.
    pub(super) fn conclude(
        mut self,
        gateway: &Gateway,
        span: &Span,
        answered: Result<Response, Failure>,
    ) -> Response {
        let outcome = answered.as_ref().map_or_else(errors::Failure::audit_code, |_| "ok");
        gateway.counts.metrics.count(self.route, outcome);
        self.describe(span, outcome);
        let now = clock::mono();
        let took = Duration::from_micros(now.since(self.start));
        gateway.counts.metrics.durations.observe(self.route, took, span.trace_id());
        if matches!(answered, Err(Failure::Internal)) {
            span.fail(outcome);
        }
        self.log(gateway, (outcome, answered.as_ref().err()), now);
        let line = self.line(span, outcome);
        let is_told = self.is_told_nonce(&answered);
        if let Some(bearer) = self.bearer.take() {
            gateway.charger.note(bearer, self.spent, answered.as_ref().map(drop));
        }
        let mut response = self.tell(answered);
        if is_told {
            gateway.fleet.tell_nonce(response.headers_mut());
        }
        match line {
            Some(line) => line.until_sent(response),
            None => response,
        }
    }

    /// A line of the log, where one is due.
    fn log(
        &self,
        gateway: &Gateway,
        (outcome, failure): (&'static str, Option<&Failure>),
        now: MonoUs,
    ) {
        let (route, operation, took_us) = (self.route, self.operation, now.since(self.start));
        match failure {
            None => tracing::debug!(route, operation, caller = self.caller(), took_us, "answered"),
            Some(Failure::Internal) => {
                tracing::error!(route, operation, caller = self.caller(), took_us, "failed");
            }
            Some(_) => {
                let line = gateway.counts.refusals.line(self.is_verified(), outcome, now);
                self.log_refusal(line, outcome, took_us);
            }
        }
    }

    /// Its line in the access log, if there is one.
    fn line(&mut self, span: &Span, outcome: &'static str) -> Option<Line> {
        let access = self.access.take()?;
        let caller_kind = match (&self.bearer, &self.client) {
            (Some(_), _) => CallerKind::Peer.as_str(),
            (None, Some(client)) => client.kind().as_str(),
            (None, None) => "",
        };
        Some(Line {
            access,
            route: self.route,
            operation: self.operation,
            caller_kind,
            caller: self.caller().to_owned(),
            outcome,
            address: self.address,
            trace_id: span.trace_id(),
            start: self.start,
        })
    }

    /// Says in the trace what the log says. All but the caller, which was let in, are words of ours.
    fn describe(&self, span: &Span, outcome: &'static str) {
        if !span.is_recording() {
            return;
        }
        span.rename(if self.operation.is_empty() { self.route } else { self.operation });
        span.set("ecumene.route", self.route);
        span.set("ecumene.outcome", outcome);
        if let Some(bearer) = &self.bearer {
            span.set("ecumene.peer", bearer.origin().as_str().to_owned());
        }
        if let Some(client) = &self.client {
            span.set("ecumene.caller", client.as_str().to_owned());
        }
    }

    fn log_refusal(&self, line: refusals::Line, outcome: &'static str, took_us: u64) {
        let (route, operation, caller) = (self.route, self.operation, self.caller());
        let address = self.address;
        match line {
            refusals::Line::Debug => {
                tracing::debug!(route, operation, %address, outcome, took_us, "refused")
            }
            refusals::Line::Info(unsaid) => {
                tracing::info!(
                    route, operation, caller, %address, outcome, took_us, unsaid, "refused"
                );
            }
            refusals::Line::HeldBack => {}
        }
    }

    /// Whether a credential of the caller holds.
    fn is_verified(&self) -> bool {
        let is_known = |client: &Caller| client.kind() != CallerKind::Public;
        self.bearer.is_some() || self.client.as_ref().is_some_and(is_known)
    }

    /// Who was let in; empty for a stranger.
    fn caller(&self) -> &str {
        match (&self.bearer, &self.client) {
            (Some(bearer), _) => bearer.origin().as_str(),
            (None, Some(client)) => client.as_str(),
            (None, None) => "",
        }
    }

    /// Whether the next token may be bound to what it is told: a peer's, and that of whoever is refused for its token. An answer of
    /// another gateway has that one's nonce, but the connection leads here.
    fn is_told_nonce(&self, answered: &Result<Response, Failure>) -> bool {
        use Failure::{Credential, Denied, Replayed};
        let is_refused = matches!(answered, Err(Denied(_) | Replayed | Credential(_)));
        is_refused || self.spent || self.is_elsewhere || self.bearer.is_some()
    }

    /// What is sent.
    fn tell(self, answered: Result<Response, Failure>) -> Response {
        // To its bearer a token that was spent, or is another request's, looks like a forged one: a refusal tells
        // nothing that was read of the call.
        let denied = matches!(answered, Err(Failure::Denied(_) | Failure::Replayed));
        let binding = self.binding.map(|known| if denied { known.without_id() } else { known });
        let mut response = match answered {
            Ok(response) => response,
            Err(failure) => reply::failure(&failure, binding.as_ref(), self.reader),
        };
        if self.is_notification && !denied {
            reply::silence(&mut response);
        }
        if let Some(grant) = self.cors {
            grant.mark(response.headers_mut());
        }
        // What is left of a peer's limit is told to nobody who has spent no token of it: others may have seen one.
        let may_know = self.spent || self.client.is_some();
        if let Some((policy, left)) = self.limit.filter(|_| may_know) {
            reply::add_limit(&mut response, policy, left);
        }
        response
    }
}
