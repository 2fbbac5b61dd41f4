//! Callers that are no peers: by an API key, as a user of an identity provider, and without a credential.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use axum::body::{Body, Bytes};
use deploy_service::units;
use gateway_server::{ClientsConfig, Oidc, Public};
use http::{Request, Response, StatusCode};
use http_body_util::BodyExt as _;
use proto_types::{Digest, SecretKey, base64url};
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair,
    RsaPublicKeyComponents,
};
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::calls::at_once;
use crate::reload::Filed;
use crate::upstream::{Server, ok, world_with};
use crate::world::{
    Gateway, PATIENCE, Peer, World, deploy_for, eventually, json_of, message, now_secs, rpc, secret,
};

const ECHO: &str = "/agents/echo";
const HIDDEN: &str = "urn:agent:hidden";

fn key(name: &str) -> String {
    format!("eck_{}", base64url::encode(Digest::of(name.as_bytes()).as_bytes()))
}

/// An entry of the file of keys.
fn entry(name: &str, more: &str) -> String {
    let digest = Digest::of(key(name).as_bytes()).hex();
    format!("[[keys]]\nname = '{name}'\ndigest = '{digest}'\n{more}\n")
}

fn keys_file(folder: &Path, entries: &[String]) -> PathBuf {
    secret(folder, "keys", &entries.concat())
}

fn request(path: &str, credential: &[(&str, String)], body: &Value) -> Request<Body> {
    let mut request =
        Request::post(path).header("content-type", "application/json").header("a2a-version", "1.0");
    for (name, value) in credential {
        request = request.header(*name, value);
    }
    request.body(Body::from(body.to_string())).unwrap()
}

async fn call(
    gateway: &Gateway,
    path: &str,
    credential: &[(&str, String)],
    (method, params): (&str, Value),
) -> Response<Bytes> {
    gateway.send(request(path, credential, &rpc(method, params))).await
}

/// The status and the code of a refusal.
fn refused(response: &Response<Bytes>) -> (u16, String) {
    let data = json_of(response)["error"]["data"][0]["metadata"]["code"].clone();
    (response.status().as_u16(), data.as_str().unwrap_or_default().to_owned())
}

fn by_key(name: &str) -> [(&'static str, String); 1] {
    [("x-api-key", key(name))]
}

async fn world_of_keys(folder: &Path) -> World {
    let entries = [
        entry("one", "agents = ['echo', 'urn:agent:hidden']"),
        entry("two", "agents = ['echo']\nrequests = 3\nwindow = '1d'"),
        entry("reader", "methods = ['GetTask', 'GetExtendedAgentCard']"),
        entry("all", "agents = ['*']"),
        entry("old", "not_after = 2020-01-01T00:00:00Z"),
    ];
    let file = keys_file(folder, &entries);
    let world = World::with(|config| {
        config.clients.api_keys_file = Some(file);
    })
    .await;
    deploy_for(&world.channel, (HIDDEN, "private"), &json!({"name": "Hidden"})).await;
    eventually("the private agent", || async {
        let path = format!("/agents/{HIDDEN}/.well-known/agent-card.json");
        let request = Request::get(path).header("x-api-key", key("all"));
        let card = world.gateway.send(request.body(Body::empty()).unwrap()).await;
        (card.status() == StatusCode::OK).then_some(())
    })
    .await;
    world
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_calls_its_agents_and_finds_its_own_tasks_alone() {
    let folder = tempfile::tempdir().unwrap();
    let world = world_of_keys(folder.path()).await;
    let gateway = &world.gateway;
    let sent = call(gateway, ECHO, &by_key("one"), ("SendMessage", at_once("hello"))).await;
    assert_eq!(sent.headers()["ratelimit-policy"].to_str().unwrap(), "\"api-key\";q=60000;w=60");
    let task = json_of(&sent)["result"]["task"]["id"].clone();
    assert!(task.is_string(), "{:?}", sent.body());
    let get = |name: &'static str, task: Value| async move {
        json_of(&call(gateway, ECHO, &by_key(name), ("GetTask", json!({"id": task}))).await)
    };
    assert_eq!(get("one", task.clone()).await["result"]["id"], task);
    let bearer = [("authorization", format!("Bearer {}", key("one")))];
    let same = call(gateway, ECHO, &bearer, ("GetTask", json!({"id": task}))).await;
    assert_eq!(json_of(&same)["result"]["id"], task);
    for other in ["two", "all", "reader"] {
        assert_eq!(get(other, task.clone()).await["error"]["code"], -32001, "{other}");
    }
    let peer = Peer::new("a", 1);
    let anothers = gateway.call(&peer, ECHO, "GetTask", json!({"id": task})).await;
    assert_eq!(anothers["error"]["code"], -32001);
    // Nothing was spent for it: a key is good for many calls.
    let metrics = gateway.get("/metrics").await;
    let metrics = std::str::from_utf8(metrics.body()).unwrap();
    assert!(metrics.contains("spend_tokens_total 1\n"), "the peer's alone: {metrics}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_key_may_not_is_refused_in_its_own_words() {
    let folder = tempfile::tempdir().unwrap();
    let world = world_of_keys(folder.path()).await;
    let gateway = &world.gateway;
    let send = |path: String, credential: Vec<(&'static str, String)>| async move {
        let sent = call(gateway, &path, &credential, ("SendMessage", at_once("hello"))).await;
        (sent.status().as_u16(), refused(&sent).1)
    };
    let with = |name: &str| by_key(name).to_vec();
    let hidden = format!("/agents/{HIDDEN}");
    let code = |status: u16, code: &str| (status, code.to_owned());
    let echo = || ECHO.to_owned();
    assert_eq!(send(echo(), with("nobody")).await, code(401, "unauthenticated"));
    assert_eq!(send(echo(), with("old")).await, code(401, "unauthenticated"));
    assert_eq!(send(echo(), Vec::new()).await, code(401, "unauthenticated"), "nobody without one");
    assert_eq!(send(echo(), with("reader")).await, code(403, "method-not-granted"));
    assert_eq!(send(hidden.clone(), with("two")).await, code(404, "not-found"));
    assert_eq!(send(hidden.clone(), with("one")).await, code(200, ""));
    assert_eq!(send(hidden, with("all")).await, code(200, ""));
    let token = format!("Bearer {}", gateway.token(&Peer::new("a", 1)));
    let mut both = with("one");
    both.push(("authorization", token));
    assert_eq!(send(echo(), both).await, code(400, "credential-ambiguous"));
    // Envelopes are peers' alone.
    let envelope = gateway.send(request("/v1/publish", &by_key("one"), &json!({}))).await;
    assert_eq!(envelope.status(), StatusCode::UNAUTHORIZED, "{:?}", envelope.body());
    // The quota of one is not another's.
    let mut statuses = BTreeMap::new();
    for _ in 0..4 {
        *statuses.entry(send(echo(), with("two")).await).or_insert(0) += 1;
    }
    let limited = statuses.get(&code(429, "rate-limited")).copied();
    assert!(limited.is_some_and(|limited| limited >= 1), "{statuses:?}");
    assert_eq!(send(echo(), with("one")).await, code(200, ""));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cards_show_a_key_what_it_was_granted_and_the_instance_declares_it() {
    let folder = tempfile::tempdir().unwrap();
    let world = world_of_keys(folder.path()).await;
    let gateway = &world.gateway;
    let get = |path: String, name: Option<&'static str>| async move {
        let mut request = Request::get(path);
        if let Some(name) = name {
            request = request.header("x-api-key", key(name));
        }
        gateway.send(request.body(Body::empty()).unwrap()).await
    };
    let hidden = || format!("/agents/{HIDDEN}/.well-known/agent-card.json");
    for (name, status) in
        [(Some("one"), 200), (Some("two"), 404), (Some("nobody"), 404), (None, 404)]
    {
        let card = get(hidden(), name).await;
        assert_eq!(card.status().as_u16(), status, "{name:?}");
    }
    let seen = get(hidden(), Some("one")).await;
    assert_eq!(seen.headers()["cache-control"], "private, max-age=60");
    assert!(seen.headers()["vary"].to_str().unwrap().contains("x-api-key"));
    let extended =
        call(gateway, "/v1/a2a/jsonrpc", &by_key("one"), ("GetExtendedAgentCard", json!({}))).await;
    let skills = json_of(&extended)["result"]["skills"].as_array().unwrap().clone();
    let ids: Vec<_> = skills.iter().skip(1).map(|skill| skill["id"].clone()).collect();
    assert_eq!(ids, ["echo", HIDDEN]);
    let card = json_of(&get("/.well-known/agent-card.json".to_owned(), None).await);
    assert_eq!(card["securitySchemes"]["key"]["apiKeySecurityScheme"]["name"], "X-API-Key");
    let own = json_of(&get(format!("{ECHO}/.well-known/agent-card.json"), None).await);
    assert_eq!(own["securitySchemes"].as_object().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn anybody_calls_public_agents_by_the_methods_that_are_listed() {
    let public = Public {
        methods: vec!["SendMessage".to_owned(), "GetTask".to_owned()],
        requests: 20,
        window: units::Duration::from_secs(86_400),
        total_requests: 1_000,
        address_key_file: None,
    };
    let world = World::with(|config| config.clients.public = Some(public)).await;
    for (handle, visibility) in [("urn:agent:peers", "federated"), (HIDDEN, "private")] {
        deploy_for(&world.channel, (handle, visibility), &json!({"name": "N"})).await;
    }
    let gateway = &world.gateway;
    let anybody = |path: String, method: &'static str, params: Value| async move {
        call(gateway, &path, &[], (method, params)).await
    };
    let echo = || ECHO.to_owned();
    let sent = anybody(echo(), "SendMessage", at_once("hello")).await;
    assert_eq!(sent.headers()["ratelimit-policy"].to_str().unwrap(), "\"public\";q=20;w=86400");
    let task = json_of(&sent)["result"]["task"]["id"].clone();
    let found = anybody(echo(), "GetTask", json!({"id": task})).await;
    assert_eq!(json_of(&found)["result"]["id"], task);
    let canceled = anybody(echo(), "CancelTask", json!({"id": task})).await;
    assert_eq!(refused(&canceled), (403, "method-not-granted".to_owned()));
    for hidden in ["urn:agent:peers", HIDDEN] {
        let sent = anybody(format!("/agents/{hidden}"), "SendMessage", at_once("hello")).await;
        assert_eq!(sent.status(), StatusCode::NOT_FOUND, "{hidden}");
    }
    let junk = call(gateway, ECHO, &by_key("nobody"), ("SendMessage", at_once("hello"))).await;
    assert_eq!(junk.status(), StatusCode::UNAUTHORIZED, "a wrong credential is not none");
    let mut limited = false;
    for _ in 0..20 {
        let sent = anybody(echo(), "GetTask", json!({"id": task})).await;
        limited = limited || sent.status() == StatusCode::TOO_MANY_REQUESTS;
    }
    assert!(limited, "one address has 20 of a day");
}

/// An identity provider of the tests, with a key of each kind.
struct Provider {
    random: SystemRandom,
    rsa: RsaKeyPair,
    ec: EcdsaKeyPair,
    ed: SecretKey,
}

impl Provider {
    fn new() -> Self {
        let random = SystemRandom::new();
        // Made for this test: ring makes none. It is no secret.
        let rsa = RsaKeyPair::from_pkcs8(include_bytes!("clients/rsa.pk8")).unwrap();
        let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
        let document = EcdsaKeyPair::generate_pkcs8(algorithm, &random).unwrap();
        let ec = EcdsaKeyPair::from_pkcs8(algorithm, document.as_ref(), &random).unwrap();
        Self { random, rsa, ec, ed: SecretKey::from_seed(&[42; 32]) }
    }

    fn keys(&self) -> Value {
        let rsa: RsaPublicKeyComponents<Vec<u8>> = self.rsa.public_key().into();
        let (x, y) = self.ec.public_key().as_ref()[1..].split_at(32);
        let encode = base64url::encode;
        json!({"keys": [
            {"kty": "RSA", "kid": "rsa", "use": "sig", "alg": "RS256",
             "n": encode(&rsa.n), "e": encode(&rsa.e)},
            {"kty": "EC", "kid": "ec", "crv": "P-256", "x": encode(x), "y": encode(y)},
            {"kty": "OKP", "kid": "ed", "crv": "Ed25519",
             "x": encode(self.ed.public().as_bytes())},
        ]})
    }

    fn sign(&self, alg: &str, signed: &[u8]) -> Vec<u8> {
        match alg {
            "RS256" => {
                let mut signature = vec![0; self.rsa.public().modulus_len()];
                self.rsa.sign(&RSA_PKCS1_SHA256, &self.random, signed, &mut signature).unwrap();
                signature
            }
            "ES256" => self.ec.sign(&self.random, signed).unwrap().as_ref().to_vec(),
            "EdDSA" => self.ed.sign(signed).to_vec(),
            _ => Vec::new(),
        }
    }

    /// A token with this header and these claims, signed by the key that `alg` is of.
    fn token(&self, header: &Value, claims: &Value, alg: &str) -> String {
        let part = |value: &Value| base64url::encode(value.to_string().as_bytes());
        let signed = format!("{}.{}", part(header), part(claims));
        let signature = base64url::encode(&self.sign(alg, signed.as_bytes()));
        format!("{signed}.{signature}")
    }
}

const ISSUER: &str = "https://idp.example";

fn claims(subject: &str) -> Value {
    let exp = now_secs() + 600;
    json!({"iss": ISSUER, "sub": subject, "aud": ["gateway", "other"], "exp": exp})
}

fn oidc() -> Oidc {
    Oidc {
        issuer: ISSUER.to_owned(),
        audience: "gateway".to_owned(),
        jwks_file: None,
        jwks_url: None,
        agents: Vec::new(),
        methods: vec!["SendMessage".to_owned(), "GetTask".to_owned()],
        requests: 600,
        window: units::Duration::from_secs(60),
    }
}

fn bearer(token: &str) -> [(&'static str, String); 1] {
    [("authorization", format!("Bearer {token}"))]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn users_of_a_trusted_provider_call_by_its_tokens_and_by_no_others() {
    let provider = Provider::new();
    let keys = provider.keys();
    let served = Server::start(move |_| ok(&keys)).await;
    let one = Oidc { jwks_url: Some(format!("{}/keys", served.url())), ..oidc() };
    let world = world_with(|config| {
        config.clients = ClientsConfig { oidc: vec![one], ..ClientsConfig::default() };
    })
    .await;
    let gateway = &world.gateway;
    let send = |token: String| async move {
        call(gateway, ECHO, &bearer(&token), ("SendMessage", at_once("hello"))).await
    };
    let good = |kid: &str, alg: &str, subject: &str| {
        provider.token(&json!({"alg": alg, "kid": kid}), &claims(subject), alg)
    };
    let first = good("ed", "EdDSA", "ada");
    eventually("the provider's keys", || async {
        (send(first.clone()).await.status() == StatusCode::OK).then_some(())
    })
    .await;
    for (kid, alg) in [("rsa", "RS256"), ("ec", "ES256"), ("ed", "EdDSA")] {
        let sent = send(good(kid, alg, "ada")).await;
        assert_eq!(sent.status(), StatusCode::OK, "{alg}: {:?}", sent.body());
    }
    // The same token again: it is no peer's, and good as long as its provider says. The tasks are its subject's.
    let sent = send(first.clone()).await;
    let task = json_of(&sent)["result"]["task"]["id"].clone();
    let get = |token: String| {
        let params = json!({"id": task});
        async move { call(gateway, ECHO, &bearer(&token), ("GetTask", params)).await }
    };
    assert_eq!(json_of(&get(good("ec", "ES256", "ada")).await)["result"]["id"], task);
    assert_eq!(json_of(&get(good("ec", "ES256", "eve")).await)["error"]["code"], -32001);
    let canceled = call(gateway, ECHO, &bearer(&first), ("CancelTask", json!({"id": task}))).await;
    assert_eq!(refused(&canceled), (403, "method-not-granted".to_owned()));

    let with = |name: &str, value: Value| {
        let mut claims = claims("ada");
        claims[name] = value;
        provider.token(&json!({"alg": "ES256", "kid": "ec"}), &claims, "ES256")
    };
    let forged = |header: Value, alg: &str| provider.token(&header, &claims("ada"), alg);
    let (signed, _) = first.rsplit_once('.').unwrap();
    for (what, token) in [
        ("another audience", with("aud", json!("elsewhere"))),
        ("expired", with("exp", json!(now_secs() - 61))),
        ("not yet", with("nbf", json!(now_secs() + 600))),
        ("no end", with("exp", Value::Null)),
        ("another issuer", with("iss", json!("https://other.example"))),
        ("no subject", with("sub", json!(""))),
        ("not signed", forged(json!({"alg": "none"}), "none")),
        ("HS256 with a public key", {
            let header = json!({"alg": "HS256", "kid": "rsa"});
            hs256(&provider, &header, &claims("ada"))
        }),
        ("an algorithm of another key", forged(json!({"alg": "RS256", "kid": "ec"}), "RS256")),
        ("an unknown key", forged(json!({"alg": "ES256", "kid": "gone"}), "ES256")),
        ("without its signature", format!("{signed}.")),
    ] {
        let sent = send(token).await;
        assert_eq!(refused(&sent), (401, "unauthenticated".to_owned()), "{what}");
    }
}

/// The confusion of algorithms: a public key that is taken for a shared secret.
fn hs256(provider: &Provider, header: &Value, claims: &Value) -> String {
    let rsa: RsaPublicKeyComponents<Vec<u8>> = provider.rsa.public_key().into();
    let part = |value: &Value| base64url::encode(value.to_string().as_bytes());
    let signed = format!("{}.{}", part(header), part(claims));
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, &rsa.n);
    let signature = ring::hmac::sign(&key, signed.as_bytes());
    format!("{signed}.{}", base64url::encode(signature.as_ref()))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_that_is_taken_out_loses_its_open_stream() {
    let world = World::start().await;
    let filed = Filed::start(&world).await;
    keys_file(filed.folder.path(), &[entry("one", "")]);
    filed.write("clients.api_keys_file = './keys'");
    filed.says("reloads_total 1").await;
    let body = rpc("SendStreamingMessage", message("hello"));
    let open = || filed.gateway.open(request(ECHO, &by_key("one"), &body));
    let mut stream = open().await.into_body();
    let first = timeout(PATIENCE, stream.frame()).await.unwrap().unwrap().unwrap();
    assert!(first.into_data().is_ok(), "its task is told");
    // A file that is wrong changes nothing.
    keys_file(filed.folder.path(), &[entry("one", "agents = ['a b']")]);
    filed.says("last_reload_successful 0").await;
    assert_eq!(open().await.status(), StatusCode::OK);
    keys_file(filed.folder.path(), &["# nobody\n".to_owned()]);
    filed.says("last_reload_successful 1").await;
    let rest = timeout(PATIENCE, stream.collect()).await.expect("it ends").unwrap().to_bytes();
    let rest = String::from_utf8(rest.to_vec()).unwrap();
    assert!(rest.contains("\"unauthenticated\""), "{rest}");
    assert_eq!(open().await.status(), StatusCode::UNAUTHORIZED);
}
