//! The cards of the agents that we host ourselves.
//!
//! Decides their shape: A2A 1.0, nothing empty, nothing that the specification does not name. Must
//! never emit an empty member: SDK signatures do not cover those.

use serde_json::{Value, json};

use super::{Card, Interface, Invalid, Skill};
use crate::json;

/// The scheme under which a card of ours asks for a federation token.
pub const SCHEME: &str = "fed";

/// Its scope. There is always one: a scheme without scopes would be empty.
pub const SCOPE: &str = "federation";

/// What the operator says about an agent.
#[derive(Debug, Clone, Copy)]
pub struct Hosted<'a> {
    /// For people.
    pub name: &'a str,
    /// For people, and for search.
    pub description: &'a str,
    /// The agent's own version.
    pub version: &'a str,
    /// Where it is reached; the first is preferred.
    pub interfaces: &'a [Interface],
    /// Media types that it takes.
    pub input_modes: &'a [String],
    /// Media types that it gives.
    pub output_modes: &'a [String],
    /// What it can do.
    pub skills: &'a [Skill],
    /// Whether it streams.
    pub streaming: bool,
    /// Whether who authenticates may ask for the card as it may see it.
    pub extended: bool,
    /// Whether callers need a federation token.
    pub federated: bool,
}

/// Makes the card, unsigned. Sign it with [`super::jws::sign`].
///
/// # Errors
/// A required text or list is empty: all of them.
pub fn hosted(agent: &Hosted<'_>) -> Result<Value, Invalid> {
    let mut card = json!({
        "name": agent.name,
        "description": agent.description,
        "version": agent.version,
        "supportedInterfaces": agent.interfaces,
        "capabilities": { "streaming": agent.streaming, "pushNotifications": false },
        "defaultInputModes": agent.input_modes,
        "defaultOutputModes": agent.output_modes,
        "skills": agent.skills,
    });
    if agent.extended {
        card["capabilities"]["extendedAgentCard"] = json!(true);
    }
    if agent.federated {
        let scheme = json!({ "httpAuthSecurityScheme": {
            "scheme": "Bearer",
            "bearerFormat": "JWT",
        }});
        card["securitySchemes"] = json!({ SCHEME: scheme });
        card["securityRequirements"] = json!([{ "schemes": { SCHEME: { "list": [SCOPE] } } }]);
    }
    let parsed = Card::parse(&json::canonical(&card))?;
    let empty = parsed.empty_members();
    if empty.is_empty() { Ok(card) } else { Err(refuse_empty(empty)) }
}

fn refuse_empty(paths: Vec<String>) -> Invalid {
    use crate::schema::{Problem, SchemaError};
    let fault = |path| SchemaError { path, problem: Problem::Value("not empty") };
    Invalid::Schema(paths.into_iter().map(fault).collect())
}
