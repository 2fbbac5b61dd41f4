//! Our own cards in the words of A2A 0.3, alone or beside those of 1.0.
//!
//! Decides which member of 0.3 says what one of 1.0 says. Must never be given a card that is signed: it would be another one.

use serde_json::{Map, Value, json};

/// The version as cards of 0.3 write it, with a patch number.
const VERSION: &str = "0.3.0";

/// What both versions call alike.
const SHARED: [&str; 8] = [
    "name",
    "description",
    "version",
    "provider",
    "documentationUrl",
    "iconUrl",
    "defaultInputModes",
    "defaultOutputModes",
];

/// The card of [`hosted`](super::hosted()) as 0.3 has it over JSON-RPC, and where cards are found (`types.ts`).
#[must_use]
pub fn to_v03(card: &Value) -> Value {
    let mut older = shared(card);
    older.extend(own(card));
    older.insert("securitySchemes".to_owned(), schemes(card));
    older.retain(|_, value| !value.is_null());
    Value::Object(older)
}

/// The same as 0.3 has it over HTTP+JSON (`a2a.proto`), which names security as 1.0 does.
#[must_use]
pub fn to_v03_rest(card: &Value) -> Value {
    let mut older = shared(card);
    older.extend(own(card));
    older.insert("securitySchemes".to_owned(), card["securitySchemes"].clone());
    older.insert("security".to_owned(), card["securityRequirements"].clone());
    older.retain(|_, value| !value.is_null());
    Value::Object(older)
}

/// The card with the members of both versions: readers of 1.0 pass over those of 0.3, unless they refuse what they do not
/// know.
#[must_use]
pub fn dual(card: &Value) -> Value {
    let mut both = card.clone();
    for (name, value) in own(card).into_iter().filter(|(_, value)| !value.is_null()) {
        both[name] = value;
    }
    let Value::Object(older) = schemes(card) else { return both };
    for (name, older) in older {
        let Value::Object(members) = older else { continue };
        for (member, value) in members {
            both["securitySchemes"][&name][member] = value;
        }
    }
    both
}

fn shared(card: &Value) -> Map<String, Value> {
    let mut capabilities = card["capabilities"].clone();
    if let Some(capabilities) = capabilities.as_object_mut() {
        capabilities.remove("extendedAgentCard");
    }
    let shared = SHARED.iter().map(|name| ((*name).to_owned(), card[*name].clone()));
    let more = [("capabilities", capabilities), ("skills", card["skills"].clone())];
    shared.chain(more.map(|(name, value)| (name.to_owned(), value))).collect()
}

/// What only 0.3 calls so.
fn own(card: &Value) -> Map<String, Value> {
    let all = card["supportedInterfaces"].as_array().map_or(&[][..], Vec::as_slice);
    let older: Vec<&Value> = all.iter().filter(|one| one["protocolVersion"] == "0.3").collect();
    // A card must name an address even where a client of 0.3 can call nobody.
    let main = older.first().copied().or(all.first()).unwrap_or(&Value::Null);
    let additional =
        older.iter().map(|one| json!({ "url": one["url"], "transport": one["protocolBinding"] }));
    let own = json!({
        "url": main["url"],
        "preferredTransport": main["protocolBinding"],
        "protocolVersion": VERSION,
        "additionalInterfaces": additional.collect::<Vec<_>>(),
        "supportsAuthenticatedExtendedCard": card["capabilities"]["extendedAgentCard"],
        "security": security(card),
    });
    own.as_object().cloned().unwrap_or_default()
}

/// OpenAPI's form: scheme to scopes.
fn security(card: &Value) -> Value {
    let Some(requirements) = card["securityRequirements"].as_array() else { return Value::Null };
    let scopes = |requirement: &Value| {
        let schemes = requirement["schemes"].as_object().into_iter().flatten();
        schemes.map(|(name, scheme)| (name.clone(), scheme["list"].clone())).collect()
    };
    requirements.iter().map(|requirement| Value::Object(scopes(requirement))).collect()
}

/// OpenAPI's form; the schemes that our cards have.
fn schemes(card: &Value) -> Value {
    let Some(schemes) = card["securitySchemes"].as_object() else { return Value::Null };
    let older = schemes.iter().filter_map(|(name, one)| Some((name.clone(), scheme(one)?)));
    Value::Object(older.collect())
}

fn scheme(scheme: &Value) -> Option<Value> {
    if let Some(http) = scheme.get("httpAuthSecurityScheme") {
        let mut older = http.clone();
        older["type"] = json!("http");
        return Some(older);
    }
    if let Some(key) = scheme.get("apiKeySecurityScheme") {
        return Some(json!({ "type": "apiKey", "in": key["location"], "name": key["name"] }));
    }
    let users = scheme.get("openIdConnectSecurityScheme")?;
    Some(json!({ "type": "openIdConnect", "openIdConnectUrl": users["openIdConnectUrl"] }))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::card::{Card, CardVersion, Hosted, Interface, Skill, hosted};

    fn card() -> Value {
        let url = "https://a.example/agents/x";
        let newer = [Interface::json_rpc(url), Interface::grpc("a.example:443")];
        let older = [Interface::json_rpc(url), Interface::http_json(url)].map(Interface::of_v03);
        let interfaces: Vec<_> = newer.into_iter().chain(older).collect();
        let modes = ["text/plain".to_owned()];
        let skill = Skill {
            id: "s".to_owned(),
            name: "S".to_owned(),
            description: "d".to_owned(),
            tags: vec!["t".to_owned()],
            ..Skill::default()
        };
        let agent = Hosted {
            name: "Agent",
            description: "An agent",
            version: "1.0.0",
            interfaces: &interfaces,
            input_modes: &modes,
            output_modes: &modes,
            skills: &[skill],
            streaming: true,
            extended: true,
            federated: true,
        };
        hosted(&agent).unwrap()
    }

    fn read(card: &Value) -> Card {
        Card::parse(card.to_string().as_bytes()).unwrap()
    }

    #[test]
    fn a_card_of_0_3_says_where_and_how_0_3_is_called() {
        let older = to_v03(&card());
        let read = read(&older);
        assert_eq!(read.view().card_version, CardVersion::V03);
        let called: Vec<_> = read.view().interfaces.iter().collect();
        assert_eq!(called[0].url, "https://a.example/agents/x");
        assert_eq!(called[0].protocol_binding, "JSONRPC");
        assert_eq!(called[1].protocol_binding, "HTTP+JSON");
        assert!(read.view().capabilities.extended_agent_card);
        assert_eq!(older["security"], json!([{ "fed": ["federation"] }]));
        let scheme = json!({"type": "http", "scheme": "Bearer", "bearerFormat": "JWT"});
        assert_eq!(older["securitySchemes"]["fed"], scheme);
        for newer in ["supportedInterfaces", "securityRequirements"] {
            assert_eq!(older.get(newer), None, "{newer}");
        }
        assert_eq!(older["capabilities"].get("extendedAgentCard"), None);
    }

    #[test]
    fn over_http_json_security_is_named_as_in_the_proto() {
        let (card, older) = (card(), to_v03_rest(&card()));
        assert_eq!(older["securitySchemes"], card["securitySchemes"]);
        assert_eq!(older["security"], card["securityRequirements"]);
        assert_eq!(older["url"], "https://a.example/agents/x");
    }

    #[test]
    fn a_dual_card_is_read_as_1_0_and_has_all_that_0_3_asks_for() {
        let both = dual(&card());
        let read = read(&both);
        assert_eq!(read.view().card_version, CardVersion::V10);
        assert_eq!(read.view(), self::read(&card()).view());
        let older = to_v03(&card());
        for (name, value) in older.as_object().unwrap() {
            let is_shared = ["capabilities", "securitySchemes"].contains(&name.as_str());
            assert!(is_shared || both[name] == *value, "{name}");
        }
        assert_eq!(both["securitySchemes"]["fed"]["type"], "http");
        assert!(both["securitySchemes"]["fed"]["httpAuthSecurityScheme"].is_object());
        assert_eq!(read.empty_members(), Vec::<String>::new());
    }
}
