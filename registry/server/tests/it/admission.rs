//! What an operator demands of records: each step of the admission, with a policy engine that is a
//! real server.

use axum::Router;
use axum::body::Body;
use axum::response::Redirect;
use axum::routing::post;
use deploy_service::{Limits, Security, Shutdown, listen, serve, units};
use http::{HeaderMap, Method};
use proto_types::{SecretKey, base64url};
use proto_wire::registry::v1 as wire;
use registry_server::Error;
use registry_server::config::admission::{
    Contradiction as Wrong, Credential, Pdp, PdpDialect, ReadinessMode,
};
use registry_server::config::{Admission, Contradiction};
use serde_json::{Value, json};

use crate::safe::Safe;
use crate::tokens::now_ms;
use crate::world::{OPERATOR, World, by, config, json as body_of, secret};

fn record(handle: &str) -> Vec<u8> {
    let record = json!({
        "schema": "pilox-registry-record-v1",
        "handle": handle,
        "updatedAt": "2026-03-20T12:00:00Z",
        "agentCardUrl": "https://a.example/card.json",
    });
    record.to_string().into_bytes()
}

async fn publish(world: &World, handle: &str) -> (u16, Value) {
    let response = world.call(Method::POST, "/v1/records", &record(handle)).await;
    (response.status().as_u16(), body_of(&response)["error"].clone())
}

#[tokio::test]
async fn each_step_answers_with_the_token_that_a_pilox_client_reads() {
    let shut = Admission { write_enabled: false, ..Admission::default() };
    let prefix = Admission { handle_prefixes: vec!["urn:ok:".into()], ..Admission::default() };
    let host = Admission { card_hosts: vec!["b.example".into()], ..Admission::default() };
    let attested = Admission {
        readiness: ReadinessMode::Enforce,
        require_attestation: true,
        ..Admission::default()
    };
    let table = [
        (shut, 403, "write_disabled"),
        (prefix, 403, "policy_denied"),
        (host, 403, "policy_denied"),
        (attested, 422, "publish_readiness_failed"),
    ];
    for (admission, status, token) in table {
        let world = World::start_with(|config| config.admission = admission).await;
        assert_eq!(publish(&world, "urn:no:agent:01").await, (status, token.into()));
        let document = record("urn:no:agent:01");
        let dry = world.call(Method::POST, "/v1/records/validate", &document).await;
        let (dry_status, dry) = (dry.status().as_u16(), body_of(&dry));
        match token {
            "write_disabled" => {
                assert_eq!((dry_status, &dry["error"]), (status, &token.into()));
                let no_record = world.call(Method::POST, "/v1/records/validate", b"{}").await;
                assert_eq!(no_record.status(), status);
            }
            _ => assert_eq!(dry["wouldAcceptWrite"], false, "{token}"),
        }
        world.stop().await;
    }
}

/// A credential of this issuer's that ends then.
fn credential(issuer: &SecretKey, exp: f64) -> String {
    let part = |value: Value| base64url::encode(value.to_string().as_bytes());
    let claims = json!({ "iss": "did:web:i.example", "exp": exp, "vc": { "type": "Publisher" } });
    let signed = format!("{}.{}", part(json!({ "alg": "EdDSA" })), part(claims));
    format!("{signed}.{}", base64url::encode(&issuer.sign(signed.as_bytes())))
}

#[tokio::test]
async fn a_credential_is_read_from_each_of_its_headers_and_from_one_alone() {
    let issuer = SecretKey::from_seed(&[31; 32]);
    let demanded = Credential {
        issuer: "did:web:i.example".into(),
        public_key_hex: issuer.public().to_hex(),
        kind: None,
    };
    let world = World::start_with(|config| config.admission.credential = Some(demanded)).await;
    let soon = (now_ms() / 1_000) as f64 + 600.5;
    let [good, ended] = [soon, soon - 1_200.0].map(|exp| credential(&issuer, exp));
    let (of_ours, of_pilox, of_hive) = ("x-vc-jwt", "x-pilox-vc-jwt", "x-hive-vc-jwt");
    for (at, (headers, status, token)) in [
        (vec![], 403, "vc_jwt_rejected"),
        (vec![(of_pilox, &ended)], 403, "vc_jwt_rejected"),
        (vec![(of_ours, &good)], 201, ""),
        (vec![(of_pilox, &good)], 201, ""),
        (vec![(of_hive, &good)], 201, ""),
        (vec![(of_ours, &good), (of_pilox, &good)], 400, "invalid_request"),
    ]
    .into_iter()
    .enumerate()
    {
        let document = record(&format!("urn:vc:agent:000{at}"));
        let mut request = http::Request::post("/v1/records")
            .header("authorization", format!("Bearer {OPERATOR}"))
            .header("content-type", "application/json");
        let mut call = by(
            OPERATOR,
            wire::PutRecordRequest { document: document.clone().into(), ..Default::default() },
        );
        for (name, value) in headers {
            request = request.header(name, value);
            call.metadata_mut().insert(name, value.parse().unwrap());
        }
        let answer = world.send(request.body(Body::from(document)).unwrap()).await;
        assert_eq!(answer.status(), status, "{at}: {:?}", answer.body());
        if !token.is_empty() {
            assert_eq!(body_of(&answer)["error"], token, "{at}");
        }
        let called = world.directory().put_record(call).await;
        assert_eq!(called.is_ok(), status == 201, "{at}: {called:?}");
    }
    world.stop().await;
}

const TOKEN: &str = "token-of-the-policy-engine";

/// A policy engine that allows one handle, at `/known` to who shows its token; and one that has moved.
async fn engine(security: Security) -> String {
    async fn decide(axum::Json(asked): axum::Json<Value>) -> axum::Json<Value> {
        let allow = asked["input"]["handle"] == "urn:good:agent:01";
        axum::Json(json!({ "result": { "allow": allow, "reason": "only the good" } }))
    }
    async fn as_pilox(axum::Json(asked): axum::Json<Value>) -> axum::Json<Value> {
        let input = &asked["input"];
        let good = input["action"] == "registry.post_record"
            && input["record"]["handle"] == "urn:good:agent:01";
        axum::Json(json!({ "decision": if good { "allow" } else { "deny" } }))
    }
    let known = |headers: HeaderMap, asked: axum::Json<Value>| async move {
        let shown = headers.get("authorization").and_then(|shown| shown.to_str().ok());
        match shown == Some(&format!("Bearer {TOKEN}")) {
            true => decide(asked).await,
            false => axum::Json(json!({ "result": false })),
        }
    };
    let router = Router::new()
        .route("/allow", post(decide))
        .route("/pilox", post(as_pilox))
        .route("/known", post(known))
        .route("/moved", post(async || Redirect::temporary("/allow")));
    let scheme = security.scheme();
    let (listener, addr) =
        listen::bind("127.0.0.1:0".parse().unwrap(), None, security).await.unwrap();
    tokio::spawn(serve(listener, router, Limits::default(), Shutdown::new()));
    format!("{scheme}://{addr}")
}

fn pdp(url: String) -> Pdp {
    // Longer than a handshake takes on a busy machine.
    let timeout = units::Duration::from_secs(5);
    let dialect = PdpDialect::Opa;
    Pdp { url, extra_ca_file: None, token_file: None, timeout, fail_open: false, dialect }
}

fn asking(pdp: Pdp) -> Admission {
    Admission { decision_point: Some(pdp), ..Admission::default() }
}

/// How a member that asks so answers a handle that the engine allows, and one that it does not.
async fn answers(pdp: Pdp) -> [u16; 2] {
    let world = World::start_with(|config| config.admission = asking(pdp)).await;
    let good = publish(&world, "urn:good:agent:01").await.0;
    let bad = publish(&world, "urn:bad:agent:01").await;
    world.stop().await;
    if bad.0 == 403 {
        assert_eq!(bad.1, "pdp_denied");
    }
    [good, bad.0]
}

#[tokio::test]
async fn a_policy_engine_decides_and_its_silence_refuses() {
    let engine = engine(Security::Plain).await;
    assert_eq!(answers(pdp(format!("{engine}/allow"))).await, [201, 403]);
    let pilox = Pdp { dialect: PdpDialect::Pilox, ..pdp(format!("{engine}/pilox")) };
    assert_eq!(answers(pilox).await, [201, 403]);
    // A port on which nobody listens any more.
    let gone = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let gone = pdp(format!("http://{gone}/allow"));
    assert_eq!(answers(gone.clone()).await, [403, 403]);
    assert_eq!(answers(Pdp { fail_open: true, ..gone }).await, [201, 201]);
}

#[tokio::test]
async fn a_policy_engine_elsewhere_is_asked_in_tls_and_only_if_it_proves_who_it_is() {
    let safe = Safe::new();
    let engine = engine(Security::open(Some(safe.server("gateway/engine"))).unwrap()).await;
    let at = |path: &str| Pdp {
        extra_ca_file: Some(safe.ca()),
        token_file: Some(secret(safe.folder(), "token", TOKEN)),
        ..pdp(format!("{engine}{path}"))
    };
    assert_eq!(answers(at("/known")).await, [201, 403]);
    assert_eq!(answers(Pdp { token_file: None, ..at("/known") }).await, [403, 403]);
    let stranger = Pdp { extra_ca_file: None, ..at("/known") };
    assert_eq!(answers(stranger).await, [403, 403], "nobody vouches for it");
    assert_eq!(answers(at("/moved")).await, [403, 403], "a redirect is not followed");
}

#[tokio::test]
async fn a_policy_engine_elsewhere_in_clear_text_and_one_without_its_files_are_refused_at_start() {
    let folder = tempfile::tempdir().unwrap();
    let start = |pdp: Pdp| {
        let config = registry_server::Config { admission: asking(pdp), ..config(folder.path(), 1) };
        registry_server::run(config, Shutdown::new())
    };
    let clear = "http://pdp.example/allow";
    let refused = start(pdp(clear.to_owned())).await;
    let expected = Contradiction::Admission(Wrong::DecisionPoint(clear.to_owned()));
    assert!(matches!(refused, Err(Error::Config(found)) if found == expected));
    let absent = || Some(folder.path().join("absent"));
    let safe = || pdp("https://pdp.example/allow".to_owned());
    for without in [
        Pdp { extra_ca_file: absent(), ..safe() },
        Pdp { token_file: absent(), ..safe() },
        Pdp {
            token_file: Some(secret(folder.path(), "token", "two lines of\n a token")),
            ..safe()
        },
    ] {
        assert!(matches!(start(without).await, Err(Error::Admission(_))));
    }
}
