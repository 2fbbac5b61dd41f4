//! Which members a card may have, message by message.
//!
//! Decides what a verifier that knows the specification alone sees of a card: an SDK reads it into
//! types, and whatever they have no place for is gone before the signature is checked. Must never
//! look into what is free: `params`, scopes, and the unprotected header of a signature.

use serde_json::{Map, Value};

use super::CardVersion;
use super::canonical::pointer;
use crate::schema::FAULTS_MAX;

/// A message: the members that it has, and the messages in some of them.
struct Message {
    members: &'static [&'static str],
    inside: &'static [(&'static str, Holds, &'static Self)],
}

/// How a member holds messages.
#[derive(Clone, Copy)]
enum Holds {
    /// It is one.
    One,
    /// A list of them.
    Each,
    /// A map to them.
    Values,
}

const fn leaf(members: &'static [&'static str]) -> Message {
    Message { members, inside: &[] }
}

/// `a2a.proto`, message `AgentCard`.
const CARD: Message = Message {
    members: &[
        "name",
        "description",
        "supportedInterfaces",
        "provider",
        "version",
        "documentationUrl",
        "capabilities",
        "securitySchemes",
        "securityRequirements",
        "defaultInputModes",
        "defaultOutputModes",
        "skills",
        "signatures",
        "iconUrl",
    ],
    inside: &[
        ("supportedInterfaces", Holds::Each, &INTERFACE),
        ("provider", Holds::One, &PROVIDER),
        ("capabilities", Holds::One, &CAPABILITIES),
        ("securitySchemes", Holds::Values, &SCHEME),
        ("securityRequirements", Holds::Each, &REQUIREMENT),
        ("skills", Holds::Each, &SKILL),
        ("signatures", Holds::Each, &SIGNATURE),
    ],
};
const INTERFACE: Message = leaf(&["url", "protocolBinding", "tenant", "protocolVersion"]);
const PROVIDER: Message = leaf(&["url", "organization"]);
const CAPABILITIES: Message = Message {
    members: &["streaming", "pushNotifications", "extensions", "extendedAgentCard"],
    inside: &[("extensions", Holds::Each, &EXTENSION)],
};
const EXTENSION: Message = leaf(&["uri", "description", "required", "params"]);
const SKILL: Message = Message {
    members: &[
        "id",
        "name",
        "description",
        "tags",
        "examples",
        "inputModes",
        "outputModes",
        "securityRequirements",
    ],
    inside: &[("securityRequirements", Holds::Each, &REQUIREMENT)],
};
const SIGNATURE: Message = leaf(&["protected", "signature", "header"]);
const REQUIREMENT: Message =
    Message { members: &["schemes"], inside: &[("schemes", Holds::Values, &leaf(&["list"]))] };
const SCHEME: Message = Message {
    members: &[
        "apiKeySecurityScheme",
        "httpAuthSecurityScheme",
        "oauth2SecurityScheme",
        "openIdConnectSecurityScheme",
        "mtlsSecurityScheme",
    ],
    inside: &[
        ("apiKeySecurityScheme", Holds::One, &leaf(&["description", "location", "name"])),
        ("httpAuthSecurityScheme", Holds::One, &leaf(&["description", "scheme", "bearerFormat"])),
        ("oauth2SecurityScheme", Holds::One, &OAUTH2),
        ("openIdConnectSecurityScheme", Holds::One, &leaf(&["description", "openIdConnectUrl"])),
        ("mtlsSecurityScheme", Holds::One, &leaf(&["description"])),
    ],
};
const OAUTH2: Message = Message {
    members: &["description", "flows", "oauth2MetadataUrl"],
    inside: &[("flows", Holds::One, &FLOWS)],
};
const FLOWS: Message = Message {
    members: &["authorizationCode", "clientCredentials", "deviceCode", "implicit", "password"],
    inside: &[
        (
            "authorizationCode",
            Holds::One,
            &leaf(&["authorizationUrl", "tokenUrl", "refreshUrl", "scopes", "pkceRequired"]),
        ),
        ("clientCredentials", Holds::One, &leaf(&["tokenUrl", "refreshUrl", "scopes"])),
        (
            "deviceCode",
            Holds::One,
            &leaf(&["deviceAuthorizationUrl", "tokenUrl", "refreshUrl", "scopes"]),
        ),
        ("implicit", Holds::One, &leaf(&["authorizationUrl", "refreshUrl", "scopes"])),
        ("password", Holds::One, &leaf(&["tokenUrl", "refreshUrl", "scopes"])),
    ],
};

/// The JSON schema of 0.3, `AgentCard`. Security schemes are OpenAPI's, which lets them be extended.
const CARD_V03: Message = Message {
    members: &[
        "additionalInterfaces",
        "capabilities",
        "defaultInputModes",
        "defaultOutputModes",
        "description",
        "documentationUrl",
        "iconUrl",
        "name",
        "preferredTransport",
        "protocolVersion",
        "provider",
        "security",
        "securitySchemes",
        "signatures",
        "skills",
        "supportsAuthenticatedExtendedCard",
        "url",
        "version",
    ],
    inside: &[
        ("additionalInterfaces", Holds::Each, &leaf(&["transport", "url"])),
        ("capabilities", Holds::One, &CAPABILITIES_V03),
        ("provider", Holds::One, &PROVIDER),
        ("signatures", Holds::Each, &SIGNATURE),
        ("skills", Holds::Each, &SKILL_V03),
    ],
};
const CAPABILITIES_V03: Message = Message {
    members: &["extensions", "pushNotifications", "stateTransitionHistory", "streaming"],
    inside: &[("extensions", Holds::Each, &EXTENSION)],
};
const SKILL_V03: Message = leaf(&[
    "description",
    "examples",
    "id",
    "inputModes",
    "name",
    "outputModes",
    "security",
    "tags",
]);

/// JSON pointers to the members that the specification of its generation does not name, at most
/// [`FAULTS_MAX`].
pub(super) fn unknown(card: &Value, version: CardVersion) -> Vec<String> {
    let message = match version {
        CardVersion::V10 => &CARD,
        CardVersion::V03 => &CARD_V03,
    };
    let mut found = Vec::new();
    if let Value::Object(members) = card {
        find(members, message, "", &mut found);
    }
    found.truncate(FAULTS_MAX);
    found
}

/// The depth is that of the tables above.
fn find(members: &Map<String, Value>, message: &Message, path: &str, found: &mut Vec<String>) {
    let foreign = members.keys().filter(|name| !message.members.contains(&name.as_str()));
    found.extend(foreign.map(|name| pointer(path, name)));
    for (name, holds, inner) in message.inside {
        let (Some(value), path) = (members.get(*name), pointer(path, name)) else { continue };
        for (step, value) in held(*holds, value) {
            if let (Value::Object(members), false) = (value, found.len() >= FAULTS_MAX) {
                let path = step.map_or_else(|| path.clone(), |step| pointer(&path, &step));
                find(members, inner, &path, found);
            }
        }
    }
}

/// The messages in a member, each with the step to it.
fn held(holds: Holds, value: &Value) -> Vec<(Option<String>, &Value)> {
    match (holds, value) {
        (Holds::One, one) => vec![(None, one)],
        (Holds::Each, Value::Array(items)) => {
            items.iter().enumerate().map(|(at, item)| (Some(at.to_string()), item)).collect()
        }
        (Holds::Values, Value::Object(values)) => {
            values.iter().map(|(name, value)| (Some(name.clone()), value)).collect()
        }
        _ => Vec::new(),
    }
}
