//! Preconditions over HTTP (RFC 9110, section 13).

use axum::body::{Body, Bytes};
use http::{Method, Request, Response};
use proto_types::{Digest, SecretKey};
use proto_wire::registry::v1 as wire;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::site::{card, record as signed_record};
use crate::visibility::token;
use crate::world::{OPERATOR, World, by, json};

const HANDLE: &str = "acme01/translator";

const TOKEN_HEADER: &str = "x-pilox-federation-jwt";

async fn send<'c>(
    world: &World,
    (method, path): (Method, &str),
    conditions: impl IntoIterator<Item = (&'c str, &'c str)>,
    body: &[u8],
) -> Response<Bytes> {
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("authorization", format!("Bearer {OPERATOR}"))
        .header("content-type", "application/json");
    let request = conditions.into_iter().fold(request, |it, (name, value)| it.header(name, value));
    world.send(request.body(Body::from(body.to_vec())).unwrap()).await
}

fn record(version: &str) -> Vec<u8> {
    let record = json!({
        "schema": "pilox-registry-record-v1", "handle": HANDLE, "updatedAt": "2026-03-20T12:00:00Z",
        "agentCardUrl": "https://a.example/card.json", "version": version,
    });
    record.to_string().into_bytes()
}

fn a_card(version: &str) -> Vec<u8> {
    let mut card = card("https://a.example/rpc");
    card["version"] = version.into();
    card.to_string().into_bytes()
}

/// The same table for whatever has a tag: how it is written, read, and what success is.
async fn holds(
    world: &World,
    write: (Method, &str),
    read: &str,
    (success, document): (u16, fn(&str) -> Vec<u8>),
) {
    let put = async |condition: Option<(&str, &str)>, version: &str| {
        let answer = send(world, write.clone(), condition, &document(version)).await;
        let tag = answer.headers().get("etag").map(|tag| tag.to_str().unwrap().to_owned());
        (answer.status().as_u16(), tag)
    };
    let tag = |version: &str| Digest::of(&document(version)).etag();
    // Nothing is stored: nothing matches, and nothing need not be there.
    for value in ["*", &tag("1"), "\"x\""] {
        assert_eq!(put(Some(("if-match", value)), "1").await, (412, None), "{value}");
    }
    assert_eq!(put(Some(("if-none-match", "*")), "1").await, (success, Some(tag("1"))));
    // The refusal says which version is stored.
    let both = format!("{}, W/{}", tag("0"), tag("1"));
    let stale = format!("\"x\", {}, W/{}", tag("0"), tag("1"));
    for refused in [
        ("if-match", stale.as_str()),
        ("if-match", ""),
        ("if-none-match", "*"),
        ("if-none-match", both.as_str()),
    ] {
        assert_eq!(put(Some(refused), "2").await, (412, Some(tag("1"))), "{refused:?}");
        assert_eq!(put(Some(refused), "1").await, (412, Some(tag("1"))), "{refused:?}");
    }
    for (step, met) in [
        ("2", ("if-match", "*".to_owned())),
        ("3", ("if-match", format!("{} ,{}", tag("0"), tag("2")))),
        ("4", ("if-none-match", tag("0"))),
    ] {
        let done = put(Some((met.0, met.1.as_str())), step).await;
        assert_eq!(done, (success, Some(tag(step))), "{met:?}");
    }
    assert_eq!(world.get(read).await.headers()["etag"], tag("4").as_str());
    reads_hold(world, read, (&tag("4"), &tag("3"))).await;
}

/// `If-Match` first, then `If-None-Match` (section 13.2.2); each answer says which version there is.
async fn reads_hold(world: &World, path: &str, (tag, other): (&str, &str)) {
    let (is, not) = ("if-match", "if-none-match");
    let (weak, list) = (format!("W/{tag}"), format!("{other}, \"x\" ,{tag}"));
    for (conditions, status) in [
        (vec![], 200),
        (vec![(is, tag)], 200),
        (vec![(is, "*")], 200),
        (vec![(is, list.as_str())], 200),
        (vec![(is, other)], 412),
        (vec![(is, weak.as_str())], 412),
        (vec![(is, "")], 412),
        (vec![(not, tag)], 304),
        (vec![(not, "*")], 304),
        (vec![(not, weak.as_str())], 304),
        (vec![(not, other)], 200),
        (vec![(is, other), (not, tag)], 412),
        (vec![(is, other), (not, other)], 412),
        (vec![(is, tag), (not, tag)], 304),
        (vec![(is, tag), (not, other)], 200),
        // There is no time of a change (RFC 9110, section 13.1.4).
        (vec![("if-unmodified-since", "Thu, 01 Jan 1970 00:00:00 GMT")], 200),
    ] {
        for method in [Method::GET, Method::HEAD] {
            let asked = (method.clone(), path);
            let answer = send(world, asked, conditions.iter().copied(), b"").await;
            assert_eq!(answer.status().as_u16(), status, "{method} {conditions:?}");
            assert_eq!(answer.headers()["etag"], tag, "{method} {conditions:?}");
            let has_body = method == Method::GET && status != 304;
            assert_eq!(!answer.body().is_empty(), has_body, "{method} {conditions:?}");
            if has_body && status == 412 {
                assert_eq!(json(&answer)["code"], "precondition-failed");
            }
        }
    }
}

#[tokio::test]
async fn records_and_cards_are_written_under_both_conditions() {
    let world = World::start().await;
    let path = "/v1/records/acme01%2Ftranslator";
    holds(&world, (Method::POST, "/v1/records"), path, (201, record)).await;
    let at = "/v1/cards/acme01%2Ftranslator";
    holds(&world, (Method::PUT, at), at, (200, a_card)).await;

    let delete = async |condition: Option<(&str, &str)>| {
        let answer = send(&world, (Method::DELETE, path), condition, b"").await;
        answer.status().as_u16()
    };
    let [other, newest] = ["1", "4"].map(|version| Digest::of(&record(version)).etag());
    assert_eq!(delete(Some(("if-match", other.as_str()))).await, 412);
    assert_eq!(delete(Some(("if-none-match", "*"))).await, 412);
    assert_eq!(delete(Some(("if-match", newest.as_str()))).await, 200);
    assert_eq!(delete(Some(("if-match", "*"))).await, 404, "what is not there is not there");
    assert_eq!(delete(None).await, 404);
    let many = vec![other; 100].join(",");
    let condition = Some(("if-match", many.as_str()));
    let refused = send(&world, (Method::POST, "/v1/records"), condition, &record("9")).await;
    assert_eq!(json(&refused)["member"], "if-match");
    world.stop().await;
}

/// Caught: `stored` in the refusal of a condition on a record that its caller does not see.
#[tokio::test]
async fn a_failed_condition_tells_the_version_only_to_who_sees_the_entry() {
    const OWNER: &str = "https://owner.example";
    const STRANGER: &str = "https://stranger.example";
    let (hidden, absent) = ("urn:agent:hidden:01", "urn:agent:absent:01");
    let world = World::start().await;
    let (own, other) = (SecretKey::from_seed(&[78; 32]), SecretKey::from_seed(&[79; 32]));
    world.enrol(OWNER, "k1", &own).await;
    world.enrol(STRANGER, "k1", &other).await;
    // Anybody may bring what the owner has signed.
    let signed = |handle: &str| signed_record(handle, "https://a.example/c.json", OWNER, &own);
    let kept = signed(hidden);
    let put = world.call(Method::POST, "/v1/records?visibility=private", &kept).await;
    assert_eq!(put.status(), 201, "{:?}", put.body());
    let tag = Digest::of(&kept).etag();
    let ask = async |handle: &str, condition: (&str, &str), shown: Option<&str>| {
        let request = Request::post("/v1/records")
            .header("content-type", "application/json")
            .header(condition.0, condition.1);
        let request = shown.into_iter().fold(request, |it, token| it.header(TOKEN_HEADER, token));
        let answer = world.send(request.body(Body::from(signed(handle))).unwrap()).await;
        let etag = answer.headers().get("etag").map(|tag| tag.to_str().unwrap().to_owned());
        (answer.status().as_u16(), etag, json(&answer))
    };
    let stranger = token(STRANGER, &other, "stranger-1");
    let stale = ("if-match", "\"x\"");
    for shown in [None, Some(&*stranger)] {
        let told = ask(hidden, stale, shown).await;
        assert_eq!(told, ask(absent, stale, shown).await);
        assert_eq!((told.0, told.1), (412, None));
        let told = ask(hidden, ("if-none-match", "*"), shown).await;
        assert_eq!((told.0, told.1, &told.2["stored"]), (412, None, &json!(null)));
    }
    let owner = token(OWNER, &own, "owner-1");
    let told = ask(hidden, stale, Some(&*owner)).await;
    assert_eq!((told.0, told.1), (412, Some(tag)));

    let request = || wire::PutRecordRequest {
        document: signed(hidden).into(),
        if_match: Digest::of(b"another").to_string(),
        ..Default::default()
    };
    let names = |refused: tonic::Status| {
        let version = Digest::of(&kept).to_string();
        let details = refused.details();
        details.windows(version.len()).any(|part| part == version.as_bytes())
    };
    let nobody = world.directory().put_record(request()).await.unwrap_err();
    assert!(!names(nobody));
    let owner = world.directory().put_record(by(&owner, request())).await.unwrap_err();
    assert!(names(owner));
    world.stop().await;
}

#[tokio::test]
async fn a_read_of_what_is_not_there_or_hidden_is_not_found_whatever_its_conditions() {
    let world = World::start().await;
    let put = world.call(Method::POST, "/v1/records?visibility=private", &record("1")).await;
    assert_eq!(put.status(), 201, "{:?}", put.body());
    let tag = Digest::of(&record("1")).etag();
    let told = async |path: &'static str, (name, value): (&str, &str)| {
        let request = Request::get(path).header(name, value).body(Body::empty()).unwrap();
        let answer = world.send(request).await;
        assert!(!answer.headers().contains_key("etag"), "{path} {name}: {value}");
        (answer.status().as_u16(), json(&answer)["code"].clone())
    };
    for name in ["if-match", "if-none-match"] {
        for value in ["*", &tag, "\"x\""] {
            for path in ["/v1/records/acme01%2Ftranslator", "/v1/records/urn:absent:1"] {
                let expected = (404, json!("not-found"));
                assert_eq!(told(path, (name, value)).await, expected, "{path} {name}: {value}");
            }
        }
    }
    world.stop().await;
}

#[tokio::test]
async fn an_answer_of_304_says_nothing_of_a_length() {
    let world = World::start().await;
    world.call(Method::POST, "/v1/records", &record("1")).await;
    let tag = Digest::of(&record("1")).etag();
    let mut stream = tokio::net::TcpStream::connect(world.addr).await.unwrap();
    let request = format!(
        "GET /v1/records/acme01%2Ftranslator HTTP/1.1\r\nhost: a\r\nif-none-match: {tag}\r\n\r\n"
    );
    // Twice: the connection goes on, for nobody waits for a body.
    for _ in 0..2 {
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.unwrap());
        }
        let head = String::from_utf8(head).unwrap().to_ascii_lowercase();
        assert!(head.starts_with("http/1.1 304 "), "{head}");
        assert!(head.contains(&format!("etag: {tag}")), "{head}");
        assert!(!head.contains("content-length") && !head.contains("transfer-encoding"), "{head}");
    }
    let request = Request::get("/v1/records/acme01%2Ftranslator").header("if-none-match", "*");
    let answer = world.send_h2(request.body(Body::empty()).unwrap()).await;
    assert_eq!((answer.status().as_u16(), answer.headers().get("content-length")), (304, None));
    world.stop().await;
}
