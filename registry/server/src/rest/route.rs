//! One line of the table of routes: what is served, and what the published contract says of it.
//!
//! It decides that a handler and its description are one value, so that neither can exist without
//! the other. It must never describe what the code refuses, nor serve what it does not describe.

use std::any::type_name;
use std::collections::BTreeSet;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Query, Request};
use axum::handler::Handler;
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use axum::routing::{MethodFilter, MethodRouter, on};
use deploy_service::trace::{self, Span};
use http::{Method, Uri};
use registry_api::Code;
use registry_api::field::PAGE_MAX;
use serde::Deserialize;

use super::parameter::{Header, Parameter, REVISION};
use super::refused;
use super::schemas::Schema;
use crate::allowance::{self, Pages};
use crate::call::Caller;
use crate::member::Member;

/// One operation: a method of a path, its handler and its description.
pub(super) struct Route {
    pub(super) method: Method,
    pub(super) path: &'static str,
    /// `None` where another router serves the path; a test asks each of them.
    handler: Option<MethodRouter<Arc<Member>>>,
    pub(super) id: &'static str,
    pub(super) tag: &'static str,
    pub(super) about: &'static str,
    pub(super) access: Access,
    /// How many arguments of the handler find out who calls.
    callers: usize,
    pub(super) parameters: Vec<&'static Parameter>,
    pub(super) body: Option<Content>,
    pub(super) answers: Vec<Answer>,
    pub(super) refusals: Vec<Code>,
    /// What it costs a source that is not verified.
    cost: Cost,
}

/// What an operation costs, in requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cost {
    /// As many for each call.
    Call(u32),
    /// By the entries of the page; it has so many if the caller names no number.
    Page(Pages, usize),
}

/// Which credentials an operation reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Access {
    /// None.
    Open,
    /// One if it is shown; what is seen depends on it, and so may the right to write.
    Optional,
    /// One of these roles, in words.
    Required(&'static str),
}

/// A body: its media type and its schema.
#[derive(Clone, Copy, Debug)]
pub(super) struct Content {
    pub(super) media: &'static str,
    pub(super) schema: &'static Schema,
}

/// One way in which an operation succeeds.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) about: &'static str,
    /// Several where the caller chooses by `Accept`; none for an answer without a body.
    pub(super) contents: Vec<Content>,
    pub(super) headers: &'static [Header],
}

/// What authority and admission may say to a write of a record or a card.
pub(super) const WRITE_REFUSALS: &[Code] = &[
    Code::PermissionDenied,
    Code::WriteDisabled,
    Code::PdpDenied,
    Code::CredentialNotAccepted,
    Code::TrustTooLow,
];

const JSON: &str = "application/json";

/// The segment of a path that is a handle.
const HANDLE: &str = "{handle}";

impl Route {
    pub(super) fn get<H, T>(path: &'static str, handler: H) -> Self
    where
        H: Handler<T, Arc<Member>>,
        T: 'static,
    {
        Self::new::<T>(Method::GET, path, Some(on(MethodFilter::GET, handler)))
    }

    pub(super) fn post<H, T>(path: &'static str, handler: H) -> Self
    where
        H: Handler<T, Arc<Member>>,
        T: 'static,
    {
        Self::new::<T>(Method::POST, path, Some(on(MethodFilter::POST, handler)))
    }

    pub(super) fn put<H, T>(path: &'static str, handler: H) -> Self
    where
        H: Handler<T, Arc<Member>>,
        T: 'static,
    {
        Self::new::<T>(Method::PUT, path, Some(on(MethodFilter::PUT, handler)))
    }

    pub(super) fn delete<H, T>(path: &'static str, handler: H) -> Self
    where
        H: Handler<T, Arc<Member>>,
        T: 'static,
    {
        Self::new::<T>(Method::DELETE, path, Some(on(MethodFilter::DELETE, handler)))
    }

    /// A path that another router serves.
    pub(super) fn elsewhere(path: &'static str) -> Self {
        Self::new::<()>(Method::GET, path, None)
    }

    /// `T` are the arguments of the handler.
    fn new<T>(
        method: Method,
        path: &'static str,
        handler: Option<MethodRouter<Arc<Member>>>,
    ) -> Self {
        Self {
            method,
            path,
            handler,
            id: "",
            tag: "",
            about: "",
            access: Access::Open,
            callers: type_name::<T>().matches(type_name::<Caller>()).count(),
            parameters: Vec::new(),
            body: None,
            answers: Vec::new(),
            refusals: Vec::new(),
            cost: Cost::Call(allowance::PLAIN),
        }
    }

    /// What it costs a source that is not verified, where that is more than a request.
    pub(super) fn costs(mut self, cost: u32) -> Self {
        self.cost = Cost::Call(cost);
        self
    }

    /// The same for a page of a list, with so many entries by default.
    pub(super) fn costs_by_page(mut self, pages: Pages, default: usize) -> Self {
        self.cost = Cost::Page(pages, default);
        self
    }

    /// Its name in generated clients, its group, and what it does in a sentence or two; the first
    /// sentence is the summary.
    pub(super) fn is(mut self, id: &'static str, tag: &'static str, about: &'static str) -> Self {
        (self.id, self.tag, self.about) = (id, tag, about);
        self
    }

    pub(super) fn access(mut self, access: Access) -> Self {
        self.access = access;
        self
    }

    pub(super) fn takes(mut self, parameters: &[&'static Parameter]) -> Self {
        self.parameters.extend(parameters);
        self
    }

    /// A JSON body, which must be there.
    pub(super) fn body(mut self, schema: &'static Schema) -> Self {
        self.body = Some(Content { media: JSON, schema });
        self
    }

    /// A body of another kind, which must be there.
    pub(super) fn reads(mut self, content: Content) -> Self {
        self.body = Some(content);
        self
    }

    /// An answer in JSON.
    pub(super) fn gives(
        self,
        status: u16,
        about: &'static str,
        schema: &'static Schema,
        headers: &'static [Header],
    ) -> Self {
        self.answers(status, about, &[Content { media: JSON, schema }], headers)
    }

    /// An answer in one of these media types; none for an answer without a body.
    pub(super) fn answers(
        mut self,
        status: u16,
        about: &'static str,
        contents: &[Content],
        headers: &'static [Header],
    ) -> Self {
        self.answers.push(Answer { status, about, contents: contents.to_vec(), headers });
        self
    }

    /// Refusals of its own; those that go with its body, parameters and access are added.
    pub(super) fn refuses(mut self, codes: &[Code]) -> Self {
        self.refusals.extend(codes);
        self
    }

    /// Whether an answer says which state it was read from: then the caller may bound its age.
    pub(super) fn reads_state(&self) -> bool {
        let headers = || self.answers.iter().flat_map(|answer| answer.headers);
        self.method == Method::GET && headers().any(|header| header.name == REVISION.name)
    }

    /// Adds its handler to a router: under its path, and under each fixed path of the table that is one of its handles too.
    /// The method tells them apart there; the router does not take one method twice. What it costs is taken before it is
    /// found out who calls, and that before its body is read: bodies are a handler's last argument, and costs a layer around it.
    pub(super) fn serve(
        self,
        router: Router<Arc<Member>>,
        fixed: &BTreeSet<&'static str>,
    ) -> Router<Arc<Member>> {
        // To find out who calls may take a look-up at the leader: it is done once, and not where nobody needs it.
        let callers = usize::from(self.access != Access::Open);
        debug_assert_eq!(self.callers, callers, "the handler of {} {}", self.method, self.path);
        let Some(mut handler) = self.handler else { return router };
        let (cost, id) = (self.cost, self.id);
        if trace::is_on() {
            handler = handler.route_layer(from_fn(move |request: Request, next: Next| {
                Span::current().rename(id);
                next.run(request)
            }));
        }
        if cost != Cost::Call(allowance::PLAIN) {
            let charged = from_fn(move |request: Request, next: Next| charge(cost, request, next));
            handler = handler.route_layer(charged);
        }
        let words = fixed.iter().filter(|word| is_of_handle(self.path, word));
        words.fold(router.route(self.path, handler.clone()), |router, word| {
            router.route(word, handler.clone())
        })
    }
}

/// Whether a fixed path is that of a handle as well, as `/v1/records/validate` is one of `/v1/records/{handle}`.
pub(super) fn is_of_handle(path: &str, fixed: &str) -> bool {
    path.contains(HANDLE)
        && path.split('/').count() == fixed.split('/').count()
        && path.split('/').zip(fixed.split('/')).all(|(part, word)| part == HANDLE || part == word)
}

impl Cost {
    fn of(self, target: &Uri) -> u32 {
        match self {
            Self::Call(cost) => cost,
            Self::Page(pages, default) => pages.cost(entries(target).unwrap_or(default)),
        }
    }
}

/// How many entries a page may have by the target of its request. No page has more than a handler allows.
fn entries(target: &Uri) -> Option<usize> {
    #[derive(Deserialize)]
    struct PageQuery {
        limit: Option<usize>,
    }
    let Query(query) = Query::<PageQuery>::try_from_uri(target).ok()?;
    query.limit.map(|limit| limit.min(PAGE_MAX as usize))
}

/// Takes what an operation costs from the allowance of its source, before it is handled.
async fn charge(cost: Cost, request: Request, next: Next) -> Response {
    match allowance::refusal(request.extensions(), cost.of(request.uri()), refused) {
        Some(response) => response,
        None => next.run(request).await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_calls_is_found_out_once_where_a_credential_is_read_and_nowhere_else() {
        for route in crate::rest::table() {
            let callers = usize::from(route.access != Access::Open);
            assert_eq!(route.callers, callers, "{} {}", route.method, route.path);
        }
    }

    #[test]
    fn a_page_costs_by_what_its_query_asks_for_however_it_is_encoded() {
        let cost = Cost::Page(allowance::ENTRIES, 256);
        for (target, entries) in [
            ("/v1/federation/entries", 256),
            ("/v1/federation/entries?kind=card&limit=10", 10),
            ("/v1/federation/entries?l%69mit=1%30", 10),
            ("/v1/peers?limit=4000000000", 1_000),
            ("/v1/peers?limit=many", 256),
        ] {
            let charged = cost.of(&Uri::from_static(target));
            assert_eq!(charged, allowance::ENTRIES.cost(entries), "{target}");
        }
        assert_eq!(Cost::Call(5).of(&Uri::from_static("/v1/records?limit=9")), 5);
    }
}
