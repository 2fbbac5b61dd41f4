//! What a card of 1.0 asks of its callers: security schemes, and which of them are required.
//!
//! Decides that each scheme is one, and that none is required which the card does not declare. Must
//! never decide whether a caller satisfies them.

use std::collections::BTreeMap;

use super::fields::{ANY, text, texts};
use crate::schema::{Object, Problem, Spot};

/// The scopes of each scheme that must all be satisfied.
pub type SecurityRequirement = BTreeMap<String, Vec<String>>;

/// How the name of a kind ends.
const KIND: &str = "SecurityScheme";

/// Each scheme is one of five kinds, named by one member; kinds to come are passed over, and so is what 0.3 says of a scheme in
/// a card of both versions.
pub(super) fn read_schemes(spot: Spot<'_, '_>) -> Option<Vec<String>> {
    let schemes = spot.object()?;
    schemes.each(|_, spot| {
        let Some(scheme) = spot.object() else { return };
        let kinds = scheme.members.keys().filter(|name| name.ends_with(KIND)).count();
        if kinds > 1 || (kinds == 0 && scheme.members.len() != 1) {
            scheme.fault::<()>(Problem::Value("an object with exactly one scheme"));
        }
        for (kind, required) in [
            ("apiKeySecurityScheme", &["location", "name"][..]),
            ("httpAuthSecurityScheme", &["scheme"]),
            ("openIdConnectSecurityScheme", &["openIdConnectUrl"]),
        ] {
            scheme.optional(kind, |spot| {
                let object = spot.object()?;
                required.iter().for_each(|name| drop(object.required(name, text)));
                Some(())
            });
        }
        scheme.optional("oauth2SecurityScheme", |spot| {
            spot.object()?.required("flows", |spot| spot.object().map(drop))
        });
    });
    Some(schemes.members.keys().cloned().collect())
}

/// The names of the schemes that the card declares; none if they could not be read.
pub(super) type Declared<'d> = Option<&'d [String]>;

/// The requirements of a card or of one of its skills.
pub(super) fn read_requirements(
    object: &Object<'_, '_>,
    declared: Declared<'_>,
) -> Option<Vec<SecurityRequirement>> {
    object.or_default("securityRequirements", |spot| {
        spot.list((0, ANY), |spot| read_requirement(spot, declared))
    })
}

/// A scheme that nobody declares is one that no client can satisfy.
fn read_requirement(spot: Spot<'_, '_>, declared: Declared<'_>) -> Option<SecurityRequirement> {
    let requirement = spot.object()?;
    requirement.or_default("schemes", |spot| {
        let object = spot.object()?;
        let names = object.members.keys();
        let scopes = |name: &String| {
            if declared.is_some_and(|declared| !declared.contains(name)) {
                return object.fault_at(name, Problem::Value("one of the card's securitySchemes"));
            }
            let list = object.required(name, |spot| spot.object()?.or_default("list", texts));
            list.map(|list| (name.clone(), list))
        };
        let read: Vec<_> = names.map(scopes).collect();
        read.into_iter().collect::<Option<SecurityRequirement>>()
    })
}
