//! Bad input over HTTP: each request is refused with its own status and code, and stores nothing.

use axum::body::Body;
use http::{Method, Request};

use crate::world::{OPERATOR, World, json, vectors};

const JSON: (&str, &str) = ("content-type", "application/json");

struct Case {
    says: &'static str,
    method: Method,
    path: String,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
    expected: (u16, &'static str),
}

fn case(
    says: &'static str,
    (method, path): (Method, &str),
    headers: &[(&'static str, &str)],
    body: &[u8],
    expected: (u16, &'static str),
) -> Case {
    let headers = headers.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
    Case { says, method, path: path.to_owned(), headers, body: body.to_vec(), expected }
}

fn publishing() -> Vec<Case> {
    let operator = ("authorization", format!("Bearer {OPERATOR}"));
    let operator = (operator.0, operator.1.as_str());
    let post = || (Method::POST, "/v1/records");
    let valid = vectors()["records"]["valid_hive"]["record"].to_string();
    let vector = |name: &str| vectors()["records"][name]["record"].to_string();
    let large = vec![b' '; (1 << 20) + 1];
    let deep = "[".repeat(100_000);
    let unsafe_integer = valid.replacen("3600", "9007199254740993", 1);
    let unknown_member = valid.replacen('{', "{\"x\":1,", 1);
    let duplicate = valid.replacen('{', "{\"schema\":\"a\",", 1);
    let bad = |says, body: &str, expected| {
        case(says, post(), &[JSON, operator], body.as_bytes(), expected)
    };
    vec![
        case("nobody", post(), &[JSON], valid.as_bytes(), (401, "unauthenticated")),
        case(
            "a wrong secret",
            post(),
            &[JSON, ("authorization", "Bearer nonsense-nonsense")],
            valid.as_bytes(),
            (401, "unauthenticated"),
        ),
        case(
            "two credentials",
            post(),
            &[JSON, operator, operator],
            valid.as_bytes(),
            (400, "invalid-argument"),
        ),
        case(
            "another scheme",
            post(),
            &[JSON, ("authorization", "Basic eDp5")],
            valid.as_bytes(),
            (401, "unauthenticated"),
        ),
        case(
            "an unknown gateway",
            post(),
            &[JSON, ("authorization", "Bearer gateway:g:x")],
            valid.as_bytes(),
            (401, "unauthenticated"),
        ),
        case(
            "no media type",
            post(),
            &[operator],
            valid.as_bytes(),
            (415, "unsupported-media-type"),
        ),
        case(
            "text",
            post(),
            &[operator, ("content-type", "text/plain")],
            valid.as_bytes(),
            (415, "unsupported-media-type"),
        ),
        case(
            "gzip",
            post(),
            &[operator, JSON, ("content-encoding", "gzip")],
            valid.as_bytes(),
            (415, "unsupported-media-type"),
        ),
        case(
            "gzip on a line of its own",
            post(),
            &[operator, JSON, ("content-encoding", "identity"), ("content-encoding", "gzip")],
            valid.as_bytes(),
            (415, "unsupported-media-type"),
        ),
        case(
            "a tag of nobody",
            post(),
            &[operator, JSON, ("if-match", "\"x\"")],
            valid.as_bytes(),
            (412, "precondition-failed"),
        ),
        case("too large", post(), &[operator, JSON], &large, (413, "body-too-large")),
        bad("nothing", "", (400, "malformed-json")),
        bad("half a document", &valid[..valid.len() - 1], (400, "malformed-json")),
        bad("too deep", &deep, (400, "malformed-json")),
        bad("a duplicate member", &duplicate, (400, "malformed-json")),
        bad("an unsafe integer", &unsafe_integer, (400, "malformed-json")),
        bad("not a record", "{}", (400, "invalid-document")),
        bad("an unknown member", &unknown_member, (400, "invalid-document")),
        bad("another card", &vector("bad_card_url"), (409, "bad-proof")),
        bad("an unknown kid", &vector("bad_kid"), (409, "bad-proof")),
        bad("a swapped key", &vector("key_swapped"), (409, "bad-proof")),
    ]
}

fn the_rest() -> Vec<Case> {
    let operator = ("authorization", format!("Bearer {OPERATOR}"));
    let operator = (operator.0, operator.1.as_str());
    let get = |path| (Method::GET, path);
    let far = "/v1/records/urn%3Ahive%3Aagent%3Aabsent";
    let card = "/v1/cards/urn%3Acard%3A1";
    vec![
        case("no such path", get("/v1/nothing"), &[], b"", (404, "route-not-found")),
        case("no such method", (Method::PUT, "/v1/records"), &[], b"", (405, "method-not-allowed")),
        case("an absent record", get(far), &[], b"", (404, "not-found")),
        case("no percent-encoding", get("/v1/records/%ff%fe"), &[], b"", (400, "path-ambiguous")),
        case("a blank in a handle", get("/v1/records/a%20b"), &[], b"", (400, "path-ambiguous")),
        case(
            "an unknown consistency",
            get("/v1/records/abcdefgh?consistency=x"),
            &[],
            b"",
            (400, "invalid-argument"),
        ),
        case(
            "an unknown parameter",
            get("/v1/records?limits=1"),
            &[],
            b"",
            (400, "invalid-argument"),
        ),
        case("a page of nothing", get("/v1/records?limit=0"), &[], b"", (400, "invalid-argument")),
        case(
            "a page too long",
            get("/v1/records?limit=100001"),
            &[],
            b"",
            (400, "invalid-argument"),
        ),
        case("deleting as nobody", (Method::DELETE, far), &[], b"", (401, "unauthenticated")),
        case(
            "deleting what is absent",
            (Method::DELETE, far),
            &[operator],
            b"",
            (404, "not-found"),
        ),
        case("resolving nothing", get("/v1/resolve"), &[], b"", (400, "invalid-argument")),
        case(
            "a long page of peers",
            get("/v1/peers?limit=1001"),
            &[],
            b"",
            (400, "invalid-argument"),
        ),
        case(
            "a cursor of another list",
            get("/v1/peers?cursor=MXJlY29yZHMAeA"),
            &[],
            b"",
            (400, "invalid-argument"),
        ),
        case(
            "a manifest that is none",
            (Method::POST, "/v1/peers/manifests"),
            &[JSON],
            b"{}",
            (400, "invalid-document"),
        ),
        case(
            "a manifest that is not JSON",
            (Method::POST, "/v1/peers/manifests"),
            &[JSON],
            b"{",
            (400, "malformed-json"),
        ),
        case(
            "a manifest as text",
            (Method::POST, "/v1/peers/manifests"),
            &[],
            b"{}",
            (415, "unsupported-media-type"),
        ),
        case("an absent card", get(card), &[], b"", (404, "not-found")),
        case("a card by nobody", (Method::PUT, card), &[JSON], b"{}", (401, "unauthenticated")),
        case(
            "a card that is none",
            (Method::PUT, card),
            &[JSON, operator],
            b"[]",
            (400, "invalid-document"),
        ),
        case(
            "a card of no origin",
            (Method::PUT, "/v1/cards/c?owner=x"),
            &[JSON, operator],
            b"{}",
            (400, "invalid-argument"),
        ),
        case("waiting too long", get("/v1/changes?wait=61s"), &[], b"", (400, "invalid-argument")),
        case(
            "waiting without a unit",
            get("/v1/changes?wait=3"),
            &[],
            b"",
            (400, "invalid-argument"),
        ),
        case(
            "an unknown kind",
            get("/v1/changes?kinds=tasks"),
            &[],
            b"",
            (400, "invalid-argument"),
        ),
        case("tasks as nobody", get("/v1/changes?kinds=task"), &[], b"", (401, "unauthenticated")),
        case(
            "a page of no changes",
            get("/v1/changes?limit=0"),
            &[],
            b"",
            (400, "invalid-argument"),
        ),
    ]
}

#[tokio::test]
async fn bad_input_over_http_is_refused_by_name_and_stores_nothing() {
    let world = World::start().await;
    let before = json(&world.get("/v1/health").await)["revision"].clone();
    for case in publishing().into_iter().chain(the_rest()) {
        let mut request = Request::builder().method(case.method).uri(&case.path);
        for (name, value) in &case.headers {
            request = request.header(*name, value);
        }
        let response = world.send(request.body(Body::from(case.body)).unwrap()).await;
        let body = json(&response);
        let found = (response.status().as_u16(), body["code"].as_str().unwrap_or_default());
        assert_eq!(found, case.expected, "{} ({}): {body}", case.says, case.path);
        assert_eq!(response.headers()["content-type"], "application/problem+json");
        assert_eq!(body["status"], case.expected.0);
        assert_eq!(response.status() == 405, response.headers().contains_key("allow"));
        assert_eq!(response.status() == 401, response.headers().contains_key("www-authenticate"));
    }
    assert_eq!(json(&world.get("/v1/health").await)["revision"], before);
    world.stop().await;
}

#[tokio::test]
async fn a_large_body_is_refused_before_it_is_sent() {
    let world = World::start().await;
    // A length alone, and no byte of the body: the answer cannot have waited for it.
    let pending = futures_util::stream::pending::<Result<axum::body::Bytes, std::io::Error>>();
    let request = Request::post("/v1/records")
        .header("authorization", format!("Bearer {OPERATOR}"))
        .header("content-type", "application/json")
        .header("content-length", "1048577")
        .body(Body::from_stream(pending));
    let response = world.send(request.unwrap()).await;
    assert_eq!(response.status(), 413);
    assert_eq!(json(&response)["bytes_max"], 1 << 20);
    world.stop().await;
}
