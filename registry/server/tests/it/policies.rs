//! Policies of calls over REST and gRPC: the operator's alone to write, valid or not stored, and told to gateways.

use axum::body::{Body, Bytes};
use http::{Method, Request, Response};
use proto_types::Digest;
use proto_wire::registry::v1 as wire;

use crate::world::{OPERATOR, World, by, code, json};

const PERMIT: &str = "permit(principal, action, resource);\n";
const FORBID: &str = "forbid(principal is Public, action, resource);\n";

async fn send<'c>(
    world: &World,
    (method, path): (Method, &str),
    headers: impl IntoIterator<Item = (&'c str, &'c str)>,
    body: &str,
) -> Response<Bytes> {
    let request = Request::builder().method(method).uri(path);
    let request = headers.into_iter().fold(request, |it, (name, value)| it.header(name, value));
    world.send(request.body(Body::from(body.to_owned())).unwrap()).await
}

async fn operator(
    world: &World,
    to: (Method, &str),
    condition: Option<(&str, &str)>,
    body: &str,
) -> Response<Bytes> {
    let bearer = format!("Bearer {OPERATOR}");
    let own = [("authorization", bearer.as_str()), ("content-type", "text/plain; charset=utf-8")];
    send(world, to, own.into_iter().chain(condition), body).await
}

#[tokio::test]
async fn a_policy_is_kept_as_the_text_that_it_is_and_changed_under_conditions() {
    let world = World::start().await;
    let path = "/v1/policies/open";
    let tag = |text: &str| Digest::of(text.as_bytes()).etag();
    let put = operator(&world, (Method::PUT, path), None, PERMIT).await;
    assert_eq!((put.status().as_u16(), &json(&put)["name"]), (200, &"open".into()), "{put:?}");
    assert_eq!(put.headers()["etag"], tag(PERMIT).as_str());
    let read = operator(&world, (Method::GET, path), None, "").await;
    assert_eq!((read.body().as_ref(), read.status().as_u16()), (PERMIT.as_bytes(), 200));
    assert_eq!(read.headers()["content-type"], "text/plain; charset=utf-8");
    let known = Some(("if-none-match", tag(PERMIT)));
    let known = known.as_ref().map(|(name, value)| (*name, value.as_str()));
    assert_eq!(operator(&world, (Method::GET, path), known, "").await.status(), 304);
    let stale = tag(FORBID);
    let refused =
        operator(&world, (Method::PUT, path), Some(("if-match", stale.as_str())), FORBID).await;
    assert_eq!(refused.status(), 412);
    let current = tag(PERMIT);
    let changed =
        operator(&world, (Method::PUT, path), Some(("if-match", current.as_str())), FORBID).await;
    assert_eq!(changed.status(), 200);
    let listed = json(&operator(&world, (Method::GET, "/v1/policies"), None, "").await);
    assert_eq!(listed["policies"][0]["text"], FORBID);
    let refused =
        operator(&world, (Method::DELETE, path), Some(("if-match", current.as_str())), "").await;
    assert_eq!(refused.status(), 412);
    assert_eq!(operator(&world, (Method::DELETE, path), None, "").await.status(), 200);
    assert_eq!(operator(&world, (Method::GET, path), None, "").await.status(), 404);
    world.stop().await;
}

#[tokio::test]
async fn what_is_no_policy_of_calls_never_takes_the_place_of_one_that_is() {
    let world = World::start().await;
    let path = "/v1/policies/open";
    assert_eq!(operator(&world, (Method::PUT, path), None, PERMIT).await.status(), 200);
    let misspelled = "permit(principal, action, resource)\n  when { resource.tag == \"x\" };";
    let refused = operator(&world, (Method::PUT, path), None, misspelled).await;
    let problem = json(&refused);
    assert_eq!((refused.status().as_u16(), &problem["code"]), (400, &"invalid-document".into()));
    assert_eq!(problem["line"], 2, "{problem}");
    let long = "//".repeat(40 << 10);
    assert_eq!(operator(&world, (Method::PUT, path), None, &long).await.status(), 413);
    for bad in ["Open", "a%20b", "%2e"] {
        let path = format!("/v1/policies/{bad}");
        let refused = operator(&world, (Method::PUT, &path), None, PERMIT).await;
        assert_eq!(refused.status(), 400, "{bad}");
    }
    let bearer = format!("Bearer {OPERATOR}");
    let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
    assert_eq!(send(&world, (Method::PUT, path), headers, PERMIT).await.status(), 415);
    let read = operator(&world, (Method::GET, path), None, "").await;
    assert_eq!(read.body().as_ref(), PERMIT.as_bytes());
    world.stop().await;
}

#[tokio::test]
async fn policies_are_the_operators_and_gateways_read_them_all() {
    let world = World::start().await;
    let (path, list) = ("/v1/policies/open", "/v1/policies");
    assert_eq!(operator(&world, (Method::PUT, path), None, PERMIT).await.status(), 200);
    let (gateway, node) = (world.gateway("g1").await, world.node("n1").await);
    for (bearer, listed) in [(Some(&gateway), 200), (Some(&node), 403), (None, 401)] {
        let bearer = bearer.map(|bearer| format!("Bearer {bearer}"));
        let own = bearer.iter().map(|bearer| ("authorization", bearer.as_str()));
        let text = [("content-type", "text/plain")];
        let headers: Vec<_> = own.chain(text).collect();
        let status = async |to, body| {
            send(&world, to, headers.iter().copied(), body).await.status().as_u16()
        };
        assert_eq!(status((Method::GET, list), "").await, listed, "{bearer:?}");
        let others = if bearer.is_some() { 403 } else { 401 };
        assert_eq!(status((Method::GET, path), "").await, others, "{bearer:?}");
        assert_eq!(status((Method::PUT, path), FORBID).await, others, "{bearer:?}");
        assert_eq!(status((Method::DELETE, path), "").await, others, "{bearer:?}");
    }
    let all = wire::ListPoliciesRequest::default();
    let found = world.directory().list_policies(by(&gateway, all)).await.unwrap().into_inner();
    assert_eq!((&*found.policies[0].name, &*found.policies[0].text), ("open", PERMIT));
    let put = wire::PutPolicyRequest { name: "open".into(), ..Default::default() };
    let refused = world.directory().put_policy(by(&gateway, put)).await.unwrap_err();
    assert_eq!(code(&refused), "permission-denied");
    world.stop().await;
}
