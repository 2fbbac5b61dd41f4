//! The contract as a page for people, at `/docs`.
//!
//! It decides how the page is laid out. It must never load anything: one document with its style
//! inside, no script at all, and a policy that lets a browser run or fetch nothing else.

mod html;
mod schema;

use std::sync::LazyLock;

use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use axum::response::Response;
use deploy_service::error_pages;
use http::HeaderValue;
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY};
use http::header::{X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS};
use proto_types::{Digest, base64url};
use registry_api::{Code, Problem};
use serde_json::Value;

use self::html::{Html, text};
use super::openapi::{document, resolved};
use super::parameter::{Parameter, UNKEPT};
use super::route::{Content, Route};
use super::{Answered, schemas};

/// The page and its policy.
struct Page {
    html: String,
    policy: HeaderValue,
}

/// Made once, as the contract is.
static PAGE: LazyLock<Page> = LazyLock::new(|| page(&document(&super::table())));

const STYLE: &str = include_str!("docs/page.css");

static CODE: Parameter = Parameter::path(
    "code",
    "A code, as a problem says it.",
    r#"{"type":"string","pattern":"^[a-z]+(-[a-z]+)*$"}"#,
);

const HTML: &str = "text/html; charset=utf-8";

pub(super) fn routes() -> Vec<Route> {
    let content = Content { media: "text/html", schema: &schemas::TEXT };
    vec![
        Route::get("/docs", show)
            .is("getDocs", "contract", "This contract as a page for people, without any script.")
            .answers(200, "The page.", &[content], UNKEPT),
        Route::get("/docs/errors/{code}", error)
            .is("getErrorPage", "contract", "What a code means, why it comes, and what to do. The `type` of a problem points here.")
            .takes(&[&CODE])
            .answers(200, "The page.", &[Content { media: "text/plain", schema: &schemas::TEXT }], UNKEPT)
            .refuses(&[Code::NotFound]),
    ]
}

async fn error(path: Result<Path<String>, PathRejection>) -> Answered {
    let Path(code) = path.map_err(|_| Problem::argument("code", "it is not percent-encoded"))?;
    let page = error_pages::answer(&code);
    Ok(page.ok_or_else(|| Problem::not_found("error page", &code))?)
}

async fn show() -> Answered {
    let mut response = Response::new(PAGE.html.as_str().into());
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(HTML));
    headers.insert(CONTENT_SECURITY_POLICY, PAGE.policy.clone());
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    Ok(response)
}

/// The page of a contract.
fn page(document: &Value) -> Page {
    let mut html = Html::default();
    html.raw("<!doctype html><html lang=en><meta charset=utf-8>");
    html.raw("<meta name=viewport content='width=device-width, initial-scale=1'>");
    html.raw("<title>Ecumene registry API</title><style>").raw(STYLE).raw("</style>");
    contents(document, &mut html);
    html.raw("<main>");
    head(&document["info"], &mut html);
    for tag in items(&document["tags"]) {
        group(document, tag, &mut html);
    }
    html.raw("<section id=schemas><h2>Schemas</h2>");
    for (name, schema) in members(&document["components"]["schemas"]) {
        schema::named(name, schema, &mut html);
    }
    html.raw("</section></main></html>\n");
    Page { html: html.done(), policy: policy() }
}

/// Nothing but our own style, named by its digest.
fn policy() -> HeaderValue {
    let digest = base64url::encode(Digest::of(STYLE.as_bytes()).as_bytes());
    let digest = digest.replace('-', "+").replace('_', "/");
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{digest}='; base-uri 'none'; form-action 'none'; \
         frame-ancestors 'none'"
    );
    HeaderValue::from_str(&policy).expect("base64 and words are allowed in a header value")
}

fn head(info: &Value, html: &mut Html) {
    html.raw("<header><h1>").text(text(&info["title"])).raw("</h1><p class=lead>");
    html.text(text(&info["summary"])).raw("</p><p>").prose(text(&info["description"]));
    html.raw("</p><p class=links><a href=/openapi/registry-v1.json>OpenAPI 3.1</a></p></header>");
}

/// The column at the side.
fn contents(document: &Value, html: &mut Html) {
    html.raw("<nav><p class=brand>ecumene <span>registry v1</span></p>");
    for tag in items(&document["tags"]) {
        let name = text(&tag["name"]);
        html.raw("<p class=group><a href=#").text(name).raw(">").text(name).raw("</a></p><ul>");
        for (path, method, operation) in operations(document, name) {
            html.raw("<li><a href=#").text(text(&operation["operationId"])).raw(">");
            method_badge(method, html);
            html.raw("<span>").text(path).raw("</span></a></li>");
        }
        html.raw("</ul>");
    }
    html.raw("<p class=group><a href=#schemas>schemas</a></p></nav>");
}

fn group(document: &Value, tag: &Value, html: &mut Html) {
    let name = text(&tag["name"]);
    html.raw("<section id=").text(name).raw("><h2>").text(name).raw("</h2><p>");
    html.prose(text(&tag["description"])).raw("</p>");
    for (path, method, operation) in operations(document, name) {
        html.raw("<article id=").text(text(&operation["operationId"])).raw("><h3>");
        method_badge(method, html);
        html.raw("<code>").text(path).raw("</code></h3><p>");
        html.prose(text(&operation["description"])).raw("</p>");
        access(&operation["security"], html);
        parameters(document, &operation["parameters"], html);
        body(&operation["requestBody"], html);
        responses(document, &operation["responses"], html);
        html.raw("</article>");
    }
    html.raw("</section>");
}

fn method_badge(method: &str, html: &mut Html) {
    html.raw("<b class='method ").text(method).raw("'>").text(method).raw("</b>");
}

fn access(security: &Value, html: &mut Html) {
    let ways = items(security);
    let said = match ways {
        [] => "No credential is read.",
        [first, ..] if members(first).next().is_none() => {
            "A credential is optional: it decides what is seen."
        }
        _ => "Needs a bearer token or a client certificate.",
    };
    html.raw("<p class=access>").text(said).raw("</p>");
}

fn parameters(document: &Value, parameters: &Value, html: &mut Html) {
    if items(parameters).is_empty() {
        return;
    }
    html.raw("<h4>Parameters</h4><table>");
    for parameter in items(parameters).iter().map(|it| resolved(document, it)) {
        html.raw("<tr><td><code>").text(text(&parameter["name"])).raw("</code><small>");
        html.text(text(&parameter["in"]));
        if parameter["required"] == true {
            html.raw(" <em>required</em>");
        }
        html.raw("</small></td><td>");
        schema::kind(&parameter["schema"], html);
        html.raw("</td><td>").prose(text(&parameter["description"])).raw("</td></tr>");
    }
    html.raw("</table>");
}

fn body(body: &Value, html: &mut Html) {
    for (media, content) in members(&body["content"]) {
        html.raw("<h4>Body</h4><p><code>").text(media).raw("</code> ");
        schema::kind(&content["schema"], html);
        html.raw("</p>");
    }
}

fn responses(document: &Value, responses: &Value, html: &mut Html) {
    html.raw("<h4>Answers</h4><table class=answers>");
    for (status, response) in members(responses) {
        let response = resolved(document, response);
        let class = status.chars().next().unwrap_or('5').to_string();
        html.raw("<tr><td><b class='status s").text(&class).raw("'>").text(status);
        html.raw("</b></td><td>").prose(text(&response["description"]));
        let headers: Vec<&str> = members(&response["headers"]).map(|(name, _)| name).collect();
        if !headers.is_empty() {
            html.raw("<small>headers: ").text(&headers.join(", ")).raw("</small>");
        }
        html.raw("</td><td>");
        for (media, content) in members(&response["content"]) {
            html.raw("<small>").text(media).raw("</small> ");
            schema::kind(&content["schema"], html);
        }
        html.raw("</td></tr>");
    }
    html.raw("</table>");
}

/// The operations of a group: path, method, operation.
fn operations<'a>(
    document: &'a Value,
    tag: &'a str,
) -> impl Iterator<Item = (&'a str, &'a str, &'a Value)> {
    let all = members(&document["paths"])
        .flat_map(|(path, methods)| members(methods).map(move |(method, of)| (path, method, of)));
    all.filter(move |(_, _, operation)| operation["tags"][0] == tag)
}

fn items(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn members(value: &Value) -> impl Iterator<Item = (&str, &Value)> {
    value.as_object().into_iter().flatten().map(|(name, value)| (name.as_str(), value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_loads_nothing_and_shows_every_operation() {
        let page = &PAGE;
        for word in ["<script", "src=", "@import", "url(", "http-equiv", "javascript:"] {
            assert!(!page.html.contains(word), "{word}");
        }
        assert!(!page.html.contains(" style="), "the policy allows the style element only");
        for route in super::super::table() {
            assert!(page.html.contains(&format!("<article id={}>", route.id)), "{}", route.id);
            for parameter in route.parameters {
                let shown = format!("<code>{}</code><small>", parameter.name);
                assert!(page.html.contains(&shown), "{}", parameter.name);
            }
        }
        let policy = page.policy.to_str().unwrap_or_default();
        assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"), "{policy}");
        assert!(!policy.contains("unsafe"), "{policy}");
    }
}
