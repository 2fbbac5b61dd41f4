//! Which calls are handed on to whom, and what the documents say.
#![expect(clippy::unwrap_used, reason = "tests")]

use proto_types::{Revision, SecretKey};

use super::*;

fn origin(name: &str) -> Origin {
    Origin::parse(&format!("https://{name}.example")).unwrap()
}

/// `b` may not act, and `d` is this instance itself.
fn peers() -> Peers {
    let peer = |name: &str| Peer::new(origin(name), name != "b", Vec::new(), Revision(1));
    Peers::default().replaced(["c", "b", "d", "a"].map(peer))
}

fn call(method: &str) -> Value {
    json!({"jsonrpc": "2.0", "id": 7, "method": method, "params": {}})
}

fn read(request: &Value) -> Result<ProxyCall, Failure> {
    ProxyCall::parse(request.to_string().as_bytes())
}

#[test]
fn a_call_is_handed_on_as_it_is_whether_it_comes_as_json_or_as_its_text() {
    let sent = call("message/send");
    for rpc in [sent.clone(), json!(sent.to_string())] {
        let read = read(&json!({"peerIndex": 0, "rpc": rpc, "more": 1})).unwrap();
        assert_eq!(serde_json::from_slice::<Value>(&read.body).unwrap(), sent);
        assert_eq!((read.peer, read.id, read.is_stream), (PeerName::Index(0), Id::from(7), false));
    }
    let precise = br#"{"peerIndex":0,"rpc":{"jsonrpc":"2.0","id":1,"method":"m","params":{"n":9007199254740993}}}"#;
    let body = ProxyCall::parse(precise).unwrap().body;
    assert!(String::from_utf8(body).unwrap().contains("9007199254740993"));
}

#[test]
fn the_methods_of_both_versions_that_are_answered_with_a_stream_are_known() {
    for (method, is_stream) in [
        ("SendStreamingMessage", true),
        ("message/stream", true),
        ("SubscribeToTask", true),
        ("tasks/resubscribe", true),
        ("SendMessage", false),
        ("nonsense", false),
    ] {
        let read = read(&json!({"peer": "https://a.example", "rpc": call(method)})).unwrap();
        assert_eq!(read.is_stream, is_stream, "{method}");
    }
}

#[test]
fn a_request_that_names_no_peer_or_two_or_no_call_is_refused_where_it_is_wrong() {
    let rpc = call("message/send");
    for (request, path) in [
        (json!([]), ""),
        (json!({"rpc": rpc}), "/peerIndex"),
        (json!({"peerIndex": null, "rpc": rpc}), "/peerIndex"),
        (json!({"peerIndex": -1, "rpc": rpc}), "/peerIndex"),
        (json!({"peerIndex": 1.5, "rpc": rpc}), "/peerIndex"),
        (json!({"peerIndex": true, "rpc": rpc}), "/peerIndex"),
        (json!({"peer": "a.example", "rpc": rpc}), "/peer"),
        (json!({"peer": "https://a.example/path", "rpc": rpc}), "/peer"),
        (json!({"peer": "https://a.example", "peerIndex": 0, "rpc": rpc}), "/peer"),
        (json!({"peerIndex": 0}), "/rpc"),
        (json!({"peerIndex": 0, "rpc": [rpc]}), "/rpc"),
        (json!({"peerIndex": 0, "rpc": "{"}), "/rpc"),
        (json!({"peerIndex": 0, "rpc": {"jsonrpc": "2.0", "id": 1}}), "/rpc/method"),
    ] {
        match read(&request) {
            Err(Failure::Document(faults)) => assert_eq!(faults[0].path, path, "{request}"),
            other => panic!("{request}: {other:?}"),
        }
    }
    assert!(matches!(ProxyCall::parse(b"{"), Err(Failure::NotJson(_))));
}

#[test]
fn only_other_peers_that_may_act_are_called_by_the_number_that_the_directory_says_or_by_name() {
    let (peers, own) = (peers(), origin("d"));
    let said = directory(&peers, &own);
    assert_eq!((&said["peerCount"], said.get("truncated")), (&json!(2), None));
    for (index, name) in [(0_usize, "a"), (1, "c")] {
        let row = &said["peers"][index];
        assert_eq!((&row["peerIndex"], &row["origin"]), (&json!(index), &json!(origin(name))));
        assert_eq!(row["hostname"], format!("{name}.example"));
        let card = format!("https://{name}.example/.well-known/agent-card.json");
        assert_eq!(row["agentCardUrl"], card);
        for named in [json!({"peerIndex": index}), json!({"peerIndex": index.to_string()})] {
            let mut request = named;
            request["rpc"] = call("message/send");
            let peer = read(&request).unwrap().peer;
            assert_eq!(peer.resolve(&peers, &own), Ok(origin(name)), "{request}");
        }
    }
    assert!(PeerName::Index(2).resolve(&peers, &own).is_err());
    assert_eq!(PeerName::Origin(origin("c")).resolve(&peers, &own), Ok(origin("c")));
    for absent in ["b", "d", "e"] {
        assert!(PeerName::Origin(origin(absent)).resolve(&peers, &own).is_err(), "{absent}");
    }
}

#[test]
fn a_list_that_pilox_would_not_take_whole_is_cut_and_says_so() {
    let many = (0..=PEERS_MAX).map(|at| {
        let origin = origin(&format!("p{at:05}"));
        Peer::new(origin, true, Vec::new(), Revision(1))
    });
    let (peers, own) = (Peers::default().replaced(many), origin("d"));
    let said = directory(&peers, &own);
    assert_eq!(said["peers"].as_array().unwrap().len(), PEERS_MAX);
    assert_eq!((&said["peerCount"], &said["truncated"]), (&json!(PEERS_MAX + 1), &json!(true)));
    assert!(PeerName::Index(PEERS_MAX).resolve(&peers, &own).is_err());
    assert!(PeerName::Origin(origin(&format!("p{PEERS_MAX:05}"))).resolve(&peers, &own).is_ok());
}

#[test]
fn what_a_peer_states_of_another_host_is_not_called() {
    let usual = "https://a.example/api/a2a/jsonrpc";
    for (stated, called) in [
        (None, usual),
        (Some("https://a.example/v1/a2a/jsonrpc"), "https://a.example/v1/a2a/jsonrpc"),
        (Some("https://A.example:443/rpc"), "https://a.example/rpc"),
        (Some("http://a.example/rpc"), usual),
        (Some("https://a.example:8443/rpc"), usual),
        (Some("https://a.example.evil.example/rpc"), usual),
        (Some("https://a.example@10.0.0.1/rpc"), usual),
        (Some("http://169.254.169.254/latest"), usual),
        (Some("https://a.example/rpc?x=1"), usual),
        (Some("rpc"), usual),
    ] {
        let upstream = rpc_upstream(&origin("a"), stated);
        assert_eq!(upstream.urls[0].as_str(), called, "{stated:?}");
    }
}

#[test]
fn the_status_says_whether_peers_can_be_called_and_what_a_look_at_them_has_found() {
    let (peers, own) = (peers(), origin("d"));
    let key = SecretKey::from_seed(&[4; 32]).public();
    let standing = |key| Standing {
        own: &own,
        key,
        token_header: "X-Pilox-Federation-JWT",
        token_life_s: 120,
        quota: Quota::new(100, 60_000_000).unwrap(),
        is_fenced: false,
    };
    let without = status(standing(None), &peers, None);
    assert_eq!(without["federation"]["phase"], "2.0-config");
    assert!(without["federation"]["jsonRpcProxy"].is_null() && without.get("probe").is_none());
    assert_eq!(without["federation"]["federationInboundAllowlistActive"], false);
    let fenced = status(Standing { is_fenced: true, ..standing(None) }, &peers, None);
    assert_eq!(fenced["federation"]["federationInboundAllowlistActive"], true);
    let answer = |name: &str, answer| Probed { origin: origin(name), answer, latency_ms: 5 };
    let probed = [answer("a", Ok(200)), answer("c", Ok(404)), answer("e", Err("timeout"))];
    let said = status(standing(Some(&key)), &peers, Some(&probed));
    let proxy = &said["federation"]["jsonRpcProxy"];
    assert_eq!(
        (&said["federation"]["phase"], &proxy["path"]),
        (&json!("2.1-transport"), &json!(PROXY))
    );
    assert_eq!(proxy["localEd25519PublicKeyHex"], key.to_hex());
    assert_eq!(proxy["rateLimit"], json!({"maxRequests": 100, "windowMs": 60_000}));
    assert_eq!(said["federation"]["peerHostnames"], json!(["a.example", "c.example"]));
    let rows = json!([
        {"origin": "https://a.example", "hostname": "a.example", "ok": true, "statusCode": 200, "latencyMs": 5},
        {"origin": "https://c.example", "hostname": "c.example", "ok": false, "statusCode": 404, "latencyMs": 5},
        {"origin": "https://e.example", "hostname": "e.example", "ok": false, "error": "timeout", "latencyMs": 5},
    ]);
    assert_eq!(said["probe"], rows);
}
