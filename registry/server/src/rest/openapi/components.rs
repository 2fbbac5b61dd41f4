//! What operations share: each parameter, header and refusal is written once, in `components`.
//!
//! It decides their names. It must never give one name to two things.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

/// What was referred to so far, by its kind and its name.
#[derive(Debug, Default)]
pub(super) struct Components(BTreeMap<&'static str, Map<String, Value>>);

impl Components {
    /// A reference to a thing of this kind. Where another thing has its name, that of the operation stands before it.
    pub(super) fn reference(
        &mut self,
        kind: &'static str,
        name: &str,
        operation: &str,
        thing: Value,
    ) -> Value {
        let kept = self.0.entry(kind).or_default();
        let known = kept.iter().find(|(_, known)| **known == thing).map(|(name, _)| name.clone());
        let name = known.unwrap_or_else(|| {
            let taken = kept.contains_key(name);
            let name = if taken { format!("{operation}.{name}") } else { name.to_owned() };
            let before = kept.insert(name.clone(), thing);
            debug_assert!(before.is_none(), "two things of one operation have the name {name}");
            name
        });
        json!({ "$ref": format!("#/components/{kind}/{name}") })
    }

    /// All of them, with the parts that no operation adds to.
    pub(super) fn with(self, schemas: Value, security_schemes: Value) -> Value {
        let mut all = json!(self.0);
        all["schemas"] = schemas;
        all["securitySchemes"] = security_schemes;
        all
    }
}
