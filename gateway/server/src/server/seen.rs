//! What became known of a request on its way through the layers.
//!
//! Decides how its end is told, counted and logged. Must never log a credential or a body, nor tell
//! the caller what the log says.

use std::net::IpAddr;

use axum::body::Body;
use axum::response::Response;
use deploy_service::trace::Span;
use gateway_core::errors::Reader;
use gateway_core::gcra::{Remaining, RetryAfter};
use gateway_core::limits::Policy;
use gateway_core::path::Route;
use gateway_core::{Failure, errors};
use http::{HeaderMap, Request};
use proto_types::MonoUs;
use proto_types::a2a::rpc::Id;

use crate::a2a::Binding;
use crate::charger::Bearer;
use crate::cors::Grant;
use crate::gateway::Gateway;
use crate::refusals::Line;
use crate::{clock, grpc, reply};

/// One request, as far as it is known.
pub(super) struct Seen {
    pub(super) address: IpAddr,
    pub(super) route: &'static str,
    pub(super) operation: &'static str,
    /// Whose token was verified.
    pub(super) bearer: Option<Bearer>,
    /// Whether it was spent for this request.
    pub(super) spent: bool,
    /// How the answer is encoded, where A2A is spoken.
    pub(super) binding: Option<Binding>,
    /// Whether the call has no id: then there is no answer, whatever becomes of it.
    pub(super) is_notification: bool,
    /// Who reads a refusal.
    reader: Reader,
    /// Which pages may read the answer.
    pub(super) cors: Option<Grant>,
    pub(super) limit: Option<(Policy, Result<Remaining, RetryAfter>)>,
    start: MonoUs,
}

impl Seen {
    pub(super) fn new(address: IpAddr, reader: Reader) -> Self {
        let (route, operation) = ("none", "");
        let (bearer, binding, limit) = (None, None, None);
        let (spent, is_notification, start) = (false, false, clock::mono());
        Self {
            address,
            route,
            operation,
            bearer,
            spent,
            binding,
            is_notification,
            reader,
            cors: None,
            limit,
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
            Route::Descriptor(_) => "descriptor",
            Route::FederationProxy => "proxy",
            Route::FederationStatus | Route::FederationDirectory => "federation",
            Route::Publish => "publish",
            Route::Pull(_) => "pull",
            Route::Acknowledge(_) => "ack",
            Route::Health | Route::Ready => "health",
            Route::Metrics => "metrics",
            Route::ErrorPage(_) => "docs",
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
        gateway.metrics.count(self.route, outcome);
        self.describe(span, outcome);
        let now = clock::mono();
        let (route, operation, took_us) = (self.route, self.operation, now.since(self.start));
        match &answered {
            Ok(_) => tracing::debug!(route, operation, peer = self.peer(), took_us, "answered"),
            Err(Failure::Internal) => {
                span.fail(outcome);
                tracing::error!(route, operation, peer = self.peer(), took_us, "failed");
            }
            Err(_) => {
                let line = gateway.refusals.line(self.bearer.is_some(), outcome, now);
                self.log_refusal(line, outcome, took_us);
            }
        }
        if let Some(bearer) = self.bearer.take() {
            gateway.charger.note(bearer, self.spent, answered.as_ref().map(drop));
        }
        self.tell(answered)
    }

    /// Says in the trace what the log says. All but the peer, whose token was verified, are words of ours.
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
    }

    fn log_refusal(&self, line: Line, outcome: &'static str, took_us: u64) {
        let (route, operation, peer) = (self.route, self.operation, self.peer());
        let address = self.address;
        match line {
            Line::Debug => tracing::debug!(route, operation, %address, outcome, took_us, "refused"),
            Line::Info(unsaid) => {
                tracing::info!(
                    route, operation, peer, %address, outcome, took_us, unsaid, "refused"
                );
            }
            Line::HeldBack => {}
        }
    }

    /// Whose token was verified; empty for a stranger.
    fn peer(&self) -> &str {
        self.bearer.as_ref().map_or("", |bearer| bearer.origin().as_str())
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
        // What is left of the peer's limit is told to nobody who has spent no token of it.
        if let Some((policy, left)) = self.limit.filter(|_| self.spent) {
            reply::add_limit(&mut response, policy, left);
        }
        response
    }
}
