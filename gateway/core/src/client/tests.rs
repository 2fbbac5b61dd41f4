//! Who is let in that is no peer, until when, and how often.
#![expect(clippy::unwrap_used, reason = "tests")]

use serde_json::json;

use super::*;

const NOW: WallMs = WallMs::from_secs(1_000);
const ISSUER: &str = "https://idp.example";
const SECRET: [u8; 32] = [7; 32];

fn grant(methods: &[&str], requests: u32) -> Grant {
    let methods: Vec<String> = methods.iter().map(|one| (*one).to_owned()).collect();
    let methods = Methods::parse(&methods).unwrap();
    Grant { agents: AgentScope::Public, methods, quota: Quota::new(requests, 60_000_000).unwrap() }
}

fn key(name: &str, text: &str, not_after: Option<WallMs>) -> ApiKey {
    let digest = Digest::of(text.as_bytes());
    ApiKey { name: name.to_owned(), digest, grant: grant(&[], 2), not_after }
}

fn issuer() -> Issuer {
    let (issuer, audience) = (ISSUER.into(), "gateway".to_owned());
    Issuer { issuer, audience, grant: grant(&["SendMessage"], 2) }
}

fn public() -> PublicTier {
    PublicTier { grant: grant(&["SendMessage"], 2), total: Quota::new(3, 60_000_000).unwrap() }
}

fn clients() -> Clients {
    let keys = [key("ci", "eck_one", None), key("old", "eck_two", Some(WallMs::from_secs(1_001)))];
    Clients::new(keys, [issuer()], Some(public()))
}

fn user(clients: &Clients, subject: &str) -> Client {
    let said = json!({"iss": ISSUER, "sub": subject, "aud": "gateway", "exp": 2_000});
    let token = format!("e30.{}.e30", proto_types::base64url::encode(said.to_string().as_bytes()));
    let claims = Claims::of(&token).unwrap();
    clients.by_claims(clients.issuer(ISSUER).unwrap(), &claims, NOW).unwrap()
}

#[test]
fn a_key_lets_its_bearer_in_under_its_name_until_its_time_is_over() {
    let clients = clients();
    let shown = |text: &str, now| clients.by_key(text, now).map(|it| it.caller().to_owned());
    assert_eq!(shown("eck_one", NOW).unwrap().as_str(), "key:ci");
    assert_eq!(shown("eck_two", NOW).unwrap().as_str(), "key:old");
    assert_eq!(shown("eck_two", NOW.plus_ms(1_000)).unwrap_err(), Refused::KeyExpired);
    for unknown in ["eck_three", "eck_one ", "", "key:ci"] {
        assert_eq!(shown(unknown, NOW).unwrap_err(), Refused::KeyUnknown, "{unknown}");
    }
}

#[test]
fn each_stands_as_long_as_the_operator_has_it() {
    let (all, none) = (clients(), Clients::default());
    let callers = [
        all.by_key("eck_one", NOW).unwrap(),
        all.by_key("eck_two", NOW).unwrap(),
        user(&all, "ada"),
        all.anybody(&SECRET, "192.0.2.1").unwrap(),
    ];
    let refused =
        [Refused::KeyUnknown, Refused::KeyUnknown, Refused::Issuer, Refused::PublicClosed];
    for (client, refused) in callers.iter().zip(refused) {
        let id = client.caller().client_id().unwrap();
        assert!(all.standing(id, NOW).is_ok());
        assert_eq!(none.standing(id, NOW).unwrap_err(), refused);
    }
    let old = callers[1].caller().client_id().unwrap();
    assert_eq!(all.standing(old, NOW.plus_ms(1_000)).unwrap_err(), Refused::KeyExpired);
    // Another key under the same name is another one.
    let again = Clients::new([key("ci", "eck_new", None)], [], None);
    let former = callers[0].caller().client_id().unwrap();
    assert_eq!(again.standing(former, NOW).unwrap_err(), Refused::KeyUnknown);
}

#[test]
fn only_methods_that_are_listed_are_called() {
    let clients = clients();
    let all = clients.by_key("eck_one", NOW).unwrap();
    let some = clients.anybody(&SECRET, "192.0.2.1").unwrap();
    for (operation, public) in [
        (Operation::SendMessage, Ok(())),
        (Operation::CancelTask, Err(Failure::Forbidden(Forbidden::MethodNotGranted))),
    ] {
        assert_eq!(all.check_method(operation), Ok(()));
        assert_eq!(some.check_method(operation), public);
        assert_eq!(user(&clients, "ada").check_method(operation), public);
    }
}

#[test]
fn each_key_user_and_address_has_its_limit_and_all_addresses_one_together() {
    let (clients, usage) = (clients(), Usage::default());
    let count = |client: &Client| {
        let (policy, left) = client.count(&usage, MonoUs(120_000_000));
        (policy.name, left.is_ok())
    };
    let (key, ada, eve) =
        (clients.by_key("eck_one", NOW).unwrap(), user(&clients, "ada"), user(&clients, "eve"));
    for client in [&key, &ada] {
        let kind = client.caller().kind().as_str();
        assert_eq!([0; 3].map(|_| count(client)), [(kind, true), (kind, true), (kind, false)]);
    }
    assert_eq!(count(&eve), ("user", true));
    let near = |source| clients.anybody(&SECRET, source).unwrap();
    let (one, other) = (near("192.0.2.1"), near("192.0.2.2"));
    assert_eq!([0; 3].map(|_| count(&one).1), [true, true, false]);
    assert_eq!([0; 2].map(|_| count(&other)), [("public", true), ("public-total", false)]);
}

#[test]
fn an_address_is_known_by_a_hash_that_needs_the_key() {
    let clients = clients();
    let owner =
        |key: &[u8; 32], source| clients.anybody(key, source).unwrap().caller().as_str().to_owned();
    let one = owner(&SECRET, "192.0.2.1");
    assert!(one.starts_with("public:") && one.len() == "public:".len() + 64, "{one}");
    assert!(!one.contains("192.0.2.1"));
    assert_eq!(one, owner(&SECRET, "192.0.2.1"));
    assert_ne!(one, owner(&SECRET, "192.0.2.2"));
    assert_ne!(one, owner(&[8; 32], "192.0.2.1"));
    assert!(Clients::default().anybody(&SECRET, "192.0.2.1").is_none());
}
