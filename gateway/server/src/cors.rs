//! Which web pages may read what this gateway answers (Fetch, section 3.2, "CORS protocol").
//!
//! Decides by the page's origin: documents are for every page, calls for those that the operator lists.
//! Must never let a page use what its browser keeps: no credentials mode is ever allowed.

use axum::body::Body;
use axum::response::Response;
use gateway_core::path::{Method as Answers, Route};
use http::header::{
    self, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD, ORIGIN,
    VARY,
};
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode};
use proto_types::Origin;

/// What a page may send with a call: the credential in each of its headers, and A2A's parameters.
const CALL_HEADERS: HeaderValue = HeaderValue::from_static(
    "authorization, content-type, a2a-version, a2a-extensions, x-a2a-extensions, last-event-id, \
     traceparent, x-api-key, x-hive-federation-jwt, x-pilox-federation-jwt",
);
/// What a page may send with a look at a document; the wildcard does not stand for a credential.
const DOCUMENT_HEADERS: HeaderValue = HeaderValue::from_static("*, authorization");
/// What a page may read beside the body.
const EXPOSED: HeaderValue = HeaderValue::from_static(
    "etag, last-modified, retry-after, ratelimit, ratelimit-policy, www-authenticate, a2a-extensions, \
     x-a2a-extensions",
);
/// How long a browser may keep what it was allowed: some keep it no longer. In seconds.
const MAX_AGE: HeaderValue = HeaderValue::from_static("600");
const ANY: HeaderValue = HeaderValue::from_static("*");

/// The origins whose pages may call.
#[derive(Clone, Debug, Default)]
pub(crate) struct Cors {
    any: bool,
    listed: Vec<Origin>,
}

/// What a page may do on one route.
#[derive(Clone, Debug)]
pub(crate) struct Grant {
    /// Whom the answer is for.
    page: HeaderValue,
    methods: HeaderValue,
    headers: HeaderValue,
}

impl Cors {
    /// Reads the operator's list; the text that is no origin if there is one.
    pub(crate) fn read(listed: &[String]) -> Result<Self, String> {
        let any = listed.iter().any(|text| text == "*");
        let origins = listed.iter().filter(|text| *text != "*");
        let listed = origins.map(|text| Origin::normalise(text).map_err(|_| text.clone()));
        Ok(Self { any, listed: listed.collect::<Result<_, _>>()? })
    }

    /// What the page that asks may do on a route, if anything.
    pub(crate) fn grant(&self, route: &Route, headers: &HeaderMap) -> Option<Grant> {
        let methods = HeaderValue::from_static(route.methods().allow());
        match route {
            Route::InstanceCard
            | Route::AgentCard(_)
            | Route::Descriptor(_)
            | Route::Jwks
            | Route::Contract(_) => Some(Grant { page: ANY, methods, headers: DOCUMENT_HEADERS }),
            Route::InstanceRpc | Route::AgentRpc(_) | Route::HttpJson(_) | Route::Publish => {
                let page = self.page(headers.get(ORIGIN)?)?;
                Some(Grant { page, methods, headers: CALL_HEADERS })
            }
            // Local subscribers and operators use no browser.
            _ => None,
        }
    }

    /// What the refusals of the listener say, which come before anything is looked at.
    pub(crate) fn of_refusals(&self, path: &str, headers: &HeaderMap) -> HeaderMap {
        let mut marks = HeaderMap::new();
        // A page always says its origin.
        if headers.contains_key(ORIGIN)
            && let Ok(Some(route)) = Route::find(path, Answers::Post)
            && let Some(grant) = self.grant(&route, headers)
        {
            grant.mark(&mut marks);
        }
        marks
    }

    fn page(&self, origin: &HeaderValue) -> Option<HeaderValue> {
        if self.any {
            return Some(ANY);
        }
        let normalised = Origin::normalise(origin.to_str().ok()?).ok()?;
        self.listed.contains(&normalised).then(|| origin.clone())
    }
}

impl Grant {
    /// The answer to a preflight, if the request is one.
    pub(crate) fn preflight(&self, request: &Request<Body>) -> Option<Response> {
        let headers = request.headers();
        let asks =
            headers.contains_key(ORIGIN) && headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD);
        if *request.method() != Method::OPTIONS || !asks {
            return None;
        }
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::NO_CONTENT;
        let headers = response.headers_mut();
        headers.insert(ACCESS_CONTROL_ALLOW_METHODS, self.methods.clone());
        headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, self.headers.clone());
        headers.insert(ACCESS_CONTROL_MAX_AGE, MAX_AGE);
        Some(response)
    }

    /// Says in the headers of any answer, refusals included, who may read it.
    pub(crate) fn mark(self, headers: &mut HeaderMap) {
        if self.page != ANY {
            headers.append(VARY, HeaderValue::from_name(header::ORIGIN));
        }
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, self.page);
        headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
    }
}
