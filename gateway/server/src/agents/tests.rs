//! What cards and lists say, and to whom.
#![expect(clippy::unwrap_used, reason = "tests")]

use gateway_core::form::{Answer, Form};
use proto_types::Namespace;
use proto_types::a2a::ProtocolVersion;
use proto_types::visibility::{Admissions, Viewer, Visibility};

use super::*;

fn agents() -> Agents {
    Agents::new(Origin::parse("https://b.example").unwrap(), None, false)
}

fn put(agents: &mut Agents, handle: &str, revision: u64, words: &Value) {
    put_for(agents, Visibility::Public, (handle, revision), words);
}

fn put_for(
    agents: &mut Agents,
    visibility: Visibility,
    (handle, revision): (&str, u64),
    words: &Value,
) {
    let words = words.as_object().unwrap().clone();
    let (handle, revision) = (Handle::parse(handle).unwrap(), Revision(revision));
    let changed_at = Some(WallMs(7));
    let scope = Scope { visibility, namespace: Namespace::parse("acme").unwrap(), owner: None };
    let (backend, signed) = (Backend::Hosted, None);
    agents.put(Deployed { handle, revision, changed_at, scope, words, backend, signed });
}

fn attach(agents: &mut Agents, handle: &str, card: &Value, is_signed: bool) {
    let upstream = Upstream::parse(&["http://a.example/rpc"], "JSONRPC", "1.0", "").unwrap();
    let signed = is_signed.then(|| (CardVersion::V10, Bytes::from(card.to_string())));
    agents.put(Deployed {
        handle: Handle::parse(handle).unwrap(),
        revision: Revision(1),
        changed_at: None,
        scope: Scope {
            visibility: Visibility::Public,
            namespace: Namespace::parse("acme").unwrap(),
            owner: None,
        },
        words: card.as_object().unwrap().clone(),
        backend: Backend::Attached(Arc::new(upstream)),
        signed,
    });
}

fn card_of(agents: &Agents, handle: &str) -> Value {
    let agent = agents.find(&Handle::parse(handle).unwrap()).unwrap();
    serde_json::from_slice(&agent.card.body).unwrap()
}

fn whole(agents: &Agents, handle: &str) -> Value {
    let agent = agents.find(&Handle::parse(handle).unwrap()).unwrap();
    agents.whole(&agent.handle, &agent.words, &agent.backend)
}

fn instance_card(agents: &Agents, viewer: &Viewer) -> Value {
    let (looker, schemes) = (viewer.clone().into(), Schemes::default());
    let card = agents.instance_card(&looker, &schemes, Readers::Usual);
    serde_json::from_slice(&card.body).unwrap()
}

/// Caught: a reader of 0.3 found no `url` unless every reader of 1.0 was shown one.
#[test]
fn a_reader_of_0_3_is_shown_its_members_and_a_signed_card_byte_for_byte() {
    let mut agents = agents();
    put(&mut agents, "echo", 1, &json!({"name": "Echo"}));
    let own = json!({
        "name": "Far", "description": "d", "version": "1", "capabilities": {},
        "skills": [{"id": "s", "name": "S", "description": "d", "tags": ["t"]}],
    });
    attach(&mut agents, "far", &own, true);
    let directory = Directory::new(Arc::new(agents), Looker::ANYBODY, Arc::default());
    let read = |tagged: &Tagged| serde_json::from_slice::<Value>(&tagged.body).unwrap();
    let echo = Handle::parse("echo").unwrap();
    let forms = [Readers::Usual, Readers::V03];
    let cards = forms.map(|readers| directory.card(&echo, readers).unwrap());
    let instance = forms.map(|readers| directory.instance_card(readers));
    for [usual, older] in [&cards, &instance] {
        let (usual, older) = (read(usual), read(older));
        for member in ["url", "protocolVersion", "preferredTransport"] {
            assert_eq!(usual.get(member), None, "{member}");
            assert!(older[member].is_string(), "{member}: {older}");
        }
        assert_eq!(older["supportedInterfaces"], usual["supportedInterfaces"]);
    }
    assert_ne!(cards[0].etag, cards[1].etag);
    assert!(cards[0].modified.is_some() && cards[1].modified.is_none());
    let far = Handle::parse("far").unwrap();
    let [usual, older] = forms.map(|readers| directory.card(&far, readers).unwrap());
    assert_eq!((&usual.body, read(&usual)), (&older.body, own));
}

#[test]
fn a_card_has_the_agents_words_and_our_address() {
    let mut agents = agents();
    put(
        &mut agents,
        "echo",
        1,
        &json!({
            "name": "Echo", "version": "2.0.0", "skills": [{"id": "s", "name": "S", "description": "d", "tags": ["t"]}],
            "supportedInterfaces": [{"url": "https://evil.example"}], "securityRequirements": [],
        }),
    );
    let card = card_of(&agents, "echo");
    let called = card["supportedInterfaces"].as_array().unwrap().iter().map(|one| {
        let member = |name: &str| one[name].as_str().unwrap_or_default().to_owned();
        ["protocolBinding", "protocolVersion", "url", "tenant"].map(member)
    });
    let url = "https://b.example/agents/echo";
    let expected = [
        ["JSONRPC", "1.0", url, ""],
        ["HTTP+JSON", "1.0", url, ""],
        ["GRPC", "1.0", "b.example:443", "echo"],
        ["JSONRPC", "0.3", url, ""],
        ["HTTP+JSON", "0.3", url, ""],
    ];
    assert_eq!(called.collect::<Vec<_>>(), expected);
    assert_eq!(card["capabilities"]["extendedAgentCard"], true);
    assert_eq!((&card["name"], &card["version"]), (&json!("Echo"), &json!("2.0.0")));
    assert_eq!(card["skills"][0]["id"], "s");
    assert_eq!(card["securityRequirements"][0]["schemes"]["fed"]["list"][0], "federation");
    assert_eq!(card["description"], "Echo");
}

#[test]
fn changes_are_pushed_of_agents_that_our_nodes_run_unless_their_words_say_no() {
    let mut agents = agents();
    let silent = json!({"name": "Silent", "capabilities": {"pushNotifications": false}});
    put(&mut agents, "echo", 1, &json!({"name": "Echo"}));
    put(&mut agents, "silent", 1, &silent);
    let far = json!({"name": "Far", "capabilities": {"pushNotifications": true}});
    attach(&mut agents, "far", &far, false);
    for (handle, expected) in [("echo", true), ("silent", false), ("far", false)] {
        let card = card_of(&agents, handle);
        assert_eq!(card["capabilities"]["pushNotifications"], expected, "{handle}");
        assert_eq!(agents.pushes(&Handle::parse(handle).unwrap()), expected, "{handle}");
    }
    let instance = instance_card(&agents, &Viewer::Anonymous);
    assert_eq!(instance["capabilities"]["pushNotifications"], true);
}

#[test]
fn a_card_that_is_signed_is_served_as_it_is_and_any_other_has_our_address() {
    let skills = json!([{"id": "s", "name": "S", "description": "d", "tags": []}]);
    let own = json!({
        "name": "Far", "description": "d", "version": "1", "skills": skills,
        "url": "http://a.example/rpc", "capabilities": {"streaming": false},
    });
    let mut agents = agents();
    attach(&mut agents, "far", &own, false);
    let card = card_of(&agents, "far");
    assert_eq!(card["supportedInterfaces"][0]["url"], "https://b.example/agents/far");
    assert_eq!((&card["name"], card.get("url")), (&json!("Far"), None));
    let skill = &card["skills"][0];
    assert_eq!((&skill["id"], &skill["tags"]), (&json!("s"), &json!(["agent"])));
    assert_eq!(card["capabilities"]["streaming"], false);
    let far = Handle::parse("far").unwrap();
    assert_eq!(agents.upstream(&far).unwrap().urls[0].as_str(), "http://a.example/rpc");
    attach(&mut agents, "far", &own, true);
    assert_eq!(card_of(&agents, "far"), own);
    let directory = Directory::new(Arc::new(agents), Viewer::Operator.into(), Arc::default());
    let asked = |version| directory.extended_card(Some(&far), version).unwrap();
    assert_eq!(asked(ProtocolVersion::V10), own);
    let older = asked(ProtocolVersion::V03);
    assert_eq!(older["supportedInterfaces"][0]["url"], "https://b.example/agents/far");
}

#[test]
fn the_instance_card_has_the_interfaces_of_each_agent_by_its_tenant() {
    let mut agents = agents();
    let called = |agents: &Agents| {
        let card = instance_card(agents, &Viewer::Anonymous);
        let all = card["supportedInterfaces"].as_array().unwrap().clone();
        let rpc = all.into_iter().filter(|one| one["protocolBinding"] == "JSONRPC");
        rpc.map(|one| {
            assert_eq!(one["url"], "https://b.example/v1/a2a/jsonrpc");
            (one.get("tenant").cloned(), one["protocolVersion"].clone())
        })
        .collect::<Vec<_>>()
    };
    let own = [(None, json!("1.0")), (None, json!("0.3"))];
    assert_eq!(called(&agents), own);
    put(&mut agents, "echo", 1, &json!({}));
    put(&mut agents, "a/b", 2, &json!({}));
    let tenants = ["a/b", "echo"].map(|tenant| (Some(json!(tenant)), json!("1.0")));
    assert_eq!(called(&agents), tenants);
    agents.default = Some(Handle::parse("echo").unwrap());
    put(&mut agents, "echo", 3, &json!({}));
    assert_eq!(called(&agents), own, "who names no tenant calls the default agent");
}

#[test]
fn the_card_of_an_attached_default_agent_names_it_where_there_are_tenants() {
    let mut agents = agents();
    agents.default = Some(Handle::parse("far").unwrap());
    let skills = json!([{"id": "s", "name": "S", "description": "d", "tags": ["t"]}]);
    attach(&mut agents, "far", &json!({"name": "Far", "skills": skills}), false);
    let card = instance_card(&agents, &Viewer::Anonymous);
    assert_eq!(card["name"], "Far");
    let called = card["supportedInterfaces"].as_array().unwrap().iter().map(|one| {
        let member = |name: &str| one[name].as_str().unwrap_or_default().to_owned();
        ["protocolBinding", "protocolVersion", "url", "tenant"].map(member)
    });
    let (rpc, plain) = ("https://b.example/v1/a2a/jsonrpc", "https://b.example/a2a");
    let expected = [
        ["JSONRPC", "1.0", rpc, "far"],
        ["HTTP+JSON", "1.0", plain, "far"],
        ["GRPC", "1.0", "b.example:443", "far"],
        ["JSONRPC", "0.3", rpc, ""],
        ["HTTP+JSON", "0.3", plain, ""],
    ];
    assert_eq!(called.collect::<Vec<_>>(), expected);
}

#[test]
fn an_instance_card_lists_as_many_agents_as_fit_into_a_card() {
    let mut agents = agents();
    let long = "x".repeat(500);
    for at in 0..SKILLS_MAX {
        put(&mut agents, &format!("{at:03}{long}"), 1, &json!({"name": long}));
    }
    let card = instance_card(&agents, &Viewer::Anonymous);
    let skills = card["skills"].as_array().unwrap().len();
    assert!((2..SKILLS_MAX).contains(&skills), "{skills}");
}

#[test]
fn a_dual_card_has_the_members_of_0_3_too() {
    let mut agents = Agents::new(Origin::parse("https://b.example").unwrap(), None, true);
    put(&mut agents, "echo", 1, &json!({"name": "Echo"}));
    for answer in [whole(&agents, "echo"), agents.instance(&Viewer::Operator.into()).0] {
        assert!(answer["supportedInterfaces"].is_array());
        assert_eq!(answer.get("url"), None, "a call is of one version");
    }
    for card in [card_of(&agents, "echo"), instance_card(&agents, &Viewer::Anonymous)] {
        assert_eq!(
            (&card["protocolVersion"], &card["preferredTransport"]),
            (&json!("0.3.0"), &json!("JSONRPC"))
        );
        assert!(card["url"].as_str().unwrap().starts_with("https://b.example/"), "{card}");
        assert!(card["supportedInterfaces"].is_array());
    }
}

#[test]
fn a_card_is_shown_in_the_form_in_which_it_is_asked_for() {
    let mut agents = agents();
    put(&mut agents, "echo", 1, &json!({"name": "Echo"}));
    let answer = Answer::Card(whole(&agents, "echo"));
    assert_eq!(Form::V10.answer(&answer), card_of(&agents, "echo"));
    let older = Form::V03JsonRpc.answer(&answer);
    assert_eq!(older["url"], "https://b.example/agents/echo");
    assert_eq!(older["supportsAuthenticatedExtendedCard"], true);
    assert_eq!(older.get("supportedInterfaces"), None);
    let plain = Form::V03HttpJson.answer(&answer);
    assert_eq!(plain["url"], older["url"]);
    assert!(plain["securitySchemes"]["fed"]["httpAuthSecurityScheme"].is_object(), "{plain}");
}

#[test]
fn the_instance_card_lists_agents_or_is_that_of_the_default_agent() {
    let mut several = agents();
    let card = |agents: &Agents| instance_card(agents, &Viewer::Anonymous);
    assert_eq!(card(&several)["skills"].as_array().unwrap().len(), 1);
    put(&mut several, "echo", 1, &json!({"name": "Echo"}));
    assert_eq!(card(&several)["skills"][1]["id"], "echo");
    several.default = Some(Handle::parse("echo").unwrap());
    put(&mut several, "echo", 2, &json!({"name": "Echo 2"}));
    assert_eq!((&card(&several)["name"], several.open_count()), (&json!("Echo 2"), 1));
}

#[test]
fn the_instance_card_lists_to_each_viewer_what_it_may_call() {
    let mut agents = agents();
    for &visibility in Visibility::ALL {
        put_for(&mut agents, visibility, (visibility.as_str(), 1), &json!({"name": "N"}));
    }
    let origin = |name: &str| Origin::parse(&format!("https://{name}.example")).unwrap();
    let admissions = Admissions::new([(Namespace::parse("acme").unwrap(), vec![origin("guest")])]);
    let listed = |viewer: Viewer| {
        let card = instance_card(&agents, &viewer);
        let skills = card["skills"].as_array().unwrap().iter().skip(1);
        skills.map(|skill| skill["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(listed(Viewer::Anonymous), ["public"]);
    assert_eq!(listed(admissions.viewer(&origin("stranger"))), ["federated", "public"]);
    let all = ["federated", "private", "public", "redacted"];
    assert_eq!(listed(admissions.viewer(&origin("guest"))), all);
    assert_eq!(agents.open_count(), 1);
}

#[test]
fn an_agent_that_becomes_hidden_leaves_every_list() {
    let mut agents = agents();
    put(&mut agents, "echo", 1, &json!({"name": "Echo"}));
    put_for(&mut agents, Visibility::Private, ("echo", 2), &json!({"name": "Echo"}));
    assert_eq!(agents.listed(&Looker::ANYBODY).len(), 0);
    assert_eq!(agents.listed(&Viewer::Operator.into()).len(), 1);
    agents.remove(&Handle::parse("echo").unwrap());
    assert!(agents.by_scope.is_empty() && agents.by_handle.is_empty());
}

#[test]
fn an_older_state_of_an_agent_changes_nothing() {
    let mut agents = agents();
    put(&mut agents, "echo", 2, &json!({"name": "new"}));
    put(&mut agents, "echo", 1, &json!({"name": "old"}));
    assert_eq!(card_of(&agents, "echo")["name"], "new");
}
