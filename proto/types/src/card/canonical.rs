//! The bytes of a card that are signed, in the two forms that are in use.
//!
//! Decides which members a signature covers. Must never drop a member that it does not know: an
//! unknown member that was added after signing has to break the signature.

use serde_json::{Map, Value};

use super::CardVersion;
use crate::json;
use crate::schema::FAULTS_MAX;

/// The member that no signature covers.
const SIGNATURES: &str = "signatures";

/// Which bytes were signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum CanonicalForm {
    /// The specification's (8.4.1): RFC 8785 after the presence rules.
    Rfc8785,
    /// That of `a2a-sdk` for Python, and of the JavaScript SDK: every empty string, list and object
    /// is dropped as well, required or not, and what became empty by that. The signature does
    /// not cover them.
    PythonSdk,
}

crate::words!(CanonicalForm { Rfc8785 = "rfc8785", PythonSdk = "python-sdk" });

/// The bytes of a card without its signatures in this form. Cards up to 0.3 have no presence rules.
#[must_use]
pub fn bytes(card: &Value, version: CardVersion, form: CanonicalForm) -> Vec<u8> {
    json::canonical(&signed(card, version, form))
}

/// What of a card is signed in this form, before it is printed.
pub(super) fn signed(card: &Value, version: CardVersion, form: CanonicalForm) -> Value {
    let mut card = without_signatures(card);
    if version == CardVersion::V10
        && let Some(members) = card.as_object_mut()
    {
        drop_unset(members, CARD);
    }
    match form {
        CanonicalForm::Rfc8785 => card,
        CanonicalForm::PythonSdk => {
            without_empties(card).unwrap_or_else(|| Value::Object(Map::new()))
        }
    }
}

fn without_signatures(card: &Value) -> Value {
    let Some(members) = card.as_object() else { return card.clone() };
    let signed = members.iter().filter(|(name, _)| *name != SIGNATURES);
    Value::Object(signed.map(|(name, value)| (name.clone(), value.clone())).collect())
}

/// Whether both forms hold every number that a signature covers.
///
/// # Errors
/// [`json::Error::UnsafeNumber`] with the place.
pub(super) fn check_numbers(card: &Value) -> Result<(), json::Error> {
    json::check_numbers_without(card, SIGNATURES)
}

/// What the presence rules need to know of a member of a message of `a2a.proto`. Members that are
/// REQUIRED or `optional` and hold no message are kept whatever they are: they are not listed.
struct Field {
    name: &'static str,
    /// Neither REQUIRED nor `optional`, and no message: absent and default are the same.
    implicit: bool,
    inside: Inside,
}

enum Inside {
    Leaf,
    One(&'static [Field]),
    Each(&'static [Field]),
    Values(&'static [Field]),
}

const fn implicit(name: &'static str) -> Field {
    Field { name, implicit: true, inside: Inside::Leaf }
}

const fn implicit_of(name: &'static str, inside: Inside) -> Field {
    Field { name, implicit: true, inside }
}

const fn explicit_of(name: &'static str, inside: Inside) -> Field {
    Field { name, implicit: false, inside }
}

const CARD: &[Field] = &[
    explicit_of("supportedInterfaces", Inside::Each(&[implicit("tenant")])),
    explicit_of("provider", Inside::One(&[])),
    explicit_of("capabilities", Inside::One(CAPABILITIES)),
    implicit_of("securitySchemes", Inside::Values(SCHEME)),
    implicit_of("securityRequirements", Inside::Each(REQUIREMENT)),
    explicit_of("skills", Inside::Each(SKILL)),
];

const CAPABILITIES: &[Field] = &[implicit_of("extensions", Inside::Each(EXTENSION))];

/// `params` is a message: present and empty differs from absent.
const EXTENSION: &[Field] = &[implicit("uri"), implicit("description"), implicit("required")];

const SKILL: &[Field] = &[
    implicit("examples"),
    implicit("inputModes"),
    implicit("outputModes"),
    implicit_of("securityRequirements", Inside::Each(REQUIREMENT)),
];

const REQUIREMENT: &[Field] = &[implicit_of("schemes", Inside::Values(&[implicit("list")]))];

const SCHEME: &[Field] = &[
    explicit_of("apiKeySecurityScheme", Inside::One(&[implicit("description")])),
    explicit_of(
        "httpAuthSecurityScheme",
        Inside::One(&[implicit("description"), implicit("bearerFormat")]),
    ),
    explicit_of(
        "oauth2SecurityScheme",
        Inside::One(&[
            implicit("description"),
            implicit("oauth2MetadataUrl"),
            explicit_of("flows", Inside::One(FLOWS)),
        ]),
    ),
    explicit_of("openIdConnectSecurityScheme", Inside::One(&[implicit("description")])),
    explicit_of("mtlsSecurityScheme", Inside::One(&[implicit("description")])),
];

const FLOWS: &[Field] = &[
    explicit_of(
        "authorizationCode",
        Inside::One(&[implicit("refreshUrl"), implicit("pkceRequired")]),
    ),
    explicit_of("clientCredentials", Inside::One(&[implicit("refreshUrl")])),
    explicit_of("deviceCode", Inside::One(&[implicit("refreshUrl")])),
    explicit_of(
        "implicit",
        Inside::One(&[implicit("authorizationUrl"), implicit("refreshUrl"), implicit("scopes")]),
    ),
    explicit_of(
        "password",
        Inside::One(&[implicit("tokenUrl"), implicit("refreshUrl"), implicit("scopes")]),
    ),
];

/// Applies the presence rules (8.4.1) to a message and to those in it. The depth is that of the
/// tables above. `null` is ProtoJSON for unset.
fn drop_unset(message: &mut Map<String, Value>, fields: &[Field]) {
    message.retain(|name, value| {
        let is_implicit = fields.iter().any(|field| field.name == name && field.implicit);
        !(value.is_null() || is_implicit && is_default(value))
    });
    for field in fields {
        let Some(value) = message.get_mut(field.name) else { continue };
        match (&field.inside, value) {
            (Inside::One(fields), Value::Object(message)) => drop_unset(message, fields),
            (Inside::Each(fields), Value::Array(messages)) => {
                let messages = messages.iter_mut().filter_map(Value::as_object_mut);
                messages.for_each(|message| drop_unset(message, fields));
            }
            (Inside::Values(fields), Value::Object(messages)) => {
                let messages = messages.values_mut().filter_map(Value::as_object_mut);
                messages.for_each(|message| drop_unset(message, fields));
            }
            _ => {}
        }
    }
}

fn is_default(value: &Value) -> bool {
    *value == Value::Bool(false) || is_empty(value)
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.is_empty(),
        _ => false,
    }
}

/// The value without empty parts, or nothing if nothing is left. The recursion is as deep as the
/// JSON, which the strict parser has bounded.
fn without_empties(value: Value) -> Option<Value> {
    let value = match value {
        Value::Null => return None,
        Value::Array(items) => items.into_iter().filter_map(without_empties).collect(),
        Value::Object(members) => {
            let kept = |(name, value)| Some((name, without_empties(value)?));
            Value::Object(members.into_iter().filter_map(kept).collect())
        }
        leaf => leaf,
    };
    (!is_empty(&value)).then_some(value)
}

/// JSON pointers to the empty parts of a card, its signatures aside.
pub(super) fn empty_members(card: &Value) -> Vec<String> {
    let mut found = Vec::new();
    for (name, value) in card.as_object().into_iter().flatten() {
        if name != SIGNATURES {
            find_empties(value, &pointer("", name), &mut found);
        }
    }
    // How the members of a JSON object are kept is decided by whoever else uses `serde_json`.
    found.sort_unstable();
    found
}

fn find_empties(value: &Value, path: &str, found: &mut Vec<String>) {
    if found.len() >= FAULTS_MAX {
        return;
    }
    if is_empty(value) {
        found.push(path.to_owned());
        return;
    }
    match value {
        Value::Array(items) => {
            for (at, item) in items.iter().enumerate() {
                find_empties(item, &format!("{path}/{at}"), found);
            }
        }
        Value::Object(members) => {
            for (name, value) in members {
                find_empties(value, &pointer(path, name), found);
            }
        }
        _ => {}
    }
}

/// The pointer to a member of what `path` points to (RFC 6901).
pub(super) fn pointer(path: &str, name: &str) -> String {
    format!("{path}/{}", name.replace('~', "~0").replace('/', "~1"))
}
