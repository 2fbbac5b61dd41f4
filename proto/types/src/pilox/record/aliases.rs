//! Other names of a record's members, which Pilox tools write and Pilox registries replace.
//!
//! Decides what each stands for, before the schema is looked at. Must never touch what a proof covers,
//! nor a record that has the proper names only: that one stays byte for byte as it was written.

use serde_json::{Map, Value};

/// A member and what it is called elsewhere, in the order in which the first that says something counts.
const TEXTS: [(&str, &[&str]); 4] = [
    ("documentationUrl", &["docsUrl", "documentation"]),
    ("sourceUrl", &["repositoryUrl", "repoUrl", "codeUrl"]),
    ("version", &["revision", "semver"]),
    ("publishedAt", &["createdAt", "releaseDate"]),
];

const LISTS: [(&str, &str); 2] =
    [("inputModalities", "input_modalities"), ("outputModalities", "output_modalities")];

/// Names of `buyerInputs`; what stands under several is one list.
const INPUTS: [&str; 6] = [
    "buyerInputs",
    "buyerConfiguration",
    "configurationInputs",
    "requiredInputs",
    "hiveBuyerInputs",
    "piloxBuyerInputs",
];

/// What stands in the place of `pricing`, or beside it: a text for people, or the same object.
const HINT: &str = "pricingHint";

const KINDS: [&str; 5] = ["env", "secret", "url", "text", "choice"];

/// Gives the members their proper names; true if anything changed.
pub(super) fn resolve(record: &mut Value) -> bool {
    let Value::Object(members) = record else { return false };
    let before = members.clone();
    for (name, aliases) in TEXTS {
        resolve_text(members, name, aliases);
    }
    for (name, alias) in LISTS {
        let given = members.remove(alias).filter(Value::is_array);
        if let Some(list) = given.filter(|_| !members.get(name).is_some_and(Value::is_array)) {
            members.insert(name.to_owned(), list);
        }
    }
    for alias in ["hivePricing", "piloxPricing"] {
        if let Some(pricing) = members.remove(alias) {
            members.entry("pricing").or_insert(pricing);
        }
    }
    resolve_hint(members);
    resolve_inputs(members);
    before != *members
}

fn resolve_text(members: &mut Map<String, Value>, name: &str, aliases: &[&str]) {
    let given: Vec<Value> = aliases.iter().filter_map(|alias| members.remove(*alias)).collect();
    if said(members.get(name)).is_none()
        && let Some(text) = given.iter().find_map(|value| said(Some(value)))
    {
        members.insert(name.to_owned(), text.into());
    }
}

/// A hint at the price goes where readers look for it. One that has no place there stays, and the schema names it: what a
/// publisher has said is never lost without a word.
fn resolve_hint(members: &mut Map<String, Value>) {
    let Some(hint) = members.get(HINT) else { return };
    if hint.is_null() || hint.as_str().is_some_and(|text| text.trim().is_empty()) {
        members.remove(HINT);
    } else if let Some(pricing) = with_hint(members.get("pricing"), hint) {
        members.insert("pricing".to_owned(), pricing);
        members.remove(HINT);
    }
}

/// What `pricing` says with the hint: a text is its label, or a note beside one, and an object is all of it.
fn with_hint(pricing: Option<&Value>, hint: &Value) -> Option<Value> {
    let Some(text) = said(Some(hint)) else {
        let is_all = hint.is_object() && pricing.is_none_or(|pricing| pricing == hint);
        return is_all.then(|| hint.clone());
    };
    let mut pricing = match pricing {
        None => Map::new(),
        Some(pricing) => pricing.as_object()?.clone(),
    };
    let text = Value::from(text);
    if !pricing.values().any(|said| *said == text) {
        let place = ["label", "notes"].into_iter().find(|place| !pricing.contains_key(*place))?;
        pricing.insert(place.to_owned(), text);
    }
    Some(Value::Object(pricing))
}

/// A text that is not blank, without the blanks around it.
fn said(value: Option<&Value>) -> Option<&str> {
    value?.as_str().map(str::trim).filter(|text| !text.is_empty())
}

fn resolve_inputs(members: &mut Map<String, Value>) {
    if !INPUTS.iter().any(|name| members.contains_key(*name)) {
        return;
    }
    let own = members.get(INPUTS[0]).cloned();
    let given: Vec<Value> = INPUTS.iter().filter_map(|name| members.remove(*name)).collect();
    if !given.iter().any(Value::is_array) {
        // Not a list: the schema says so, if it is under the proper name.
        members.extend(own.map(|own| (INPUTS[0].to_owned(), own)));
        return;
    }
    let lists = given.iter().filter_map(Value::as_array).flatten();
    let mut inputs: Vec<Map<String, Value>> = Vec::new();
    let named = lists.filter_map(Value::as_object).enumerate();
    for input in named.filter_map(|(at, input)| resolve_input(input, at)) {
        match inputs.iter_mut().find(|known| known.get("id") == input.get("id")) {
            Some(known) => known.extend(input),
            None => inputs.push(input),
        }
    }
    let inputs = inputs.into_iter().map(Value::Object).collect();
    members.insert(INPUTS[0].to_owned(), Value::Array(inputs));
}

/// One input with `id`, `label` and `kind`, which may be said in other words, or not at all; `None` for
/// one without a label, which nobody could fill in.
fn resolve_input(input: &Map<String, Value>, at: usize) -> Option<Map<String, Value>> {
    let first = |names: &[&str]| names.iter().find_map(|name| said(input.get(*name)));
    let label = first(&["label", "title"])?;
    let key = first(&["key", "env", "envVar"]);
    let kind = said(input.get("kind")).map(str::to_ascii_lowercase);
    let kind = kind.filter(|kind| KINDS.contains(&kind.as_str()));
    let secret = ["secret", "sensitive"].iter().any(|name| input.get(*name) == Some(&true.into()));
    let guessed = match key.is_some_and(is_variable) {
        true if secret => "secret",
        true => "env",
        false => "text",
    };
    let id = first(&["id", "name"]).map_or_else(|| format!("input-{at}"), str::to_owned);
    let mut resolved = input.clone();
    for alias in ["title", "env", "envVar", "name"] {
        resolved.remove(alias);
    }
    let kind = kind.unwrap_or_else(|| guessed.to_owned());
    let said = [("id", id), ("label", label.to_owned()), ("kind", kind)];
    let said = said.into_iter().chain(key.map(|key| ("key", key.to_owned())));
    resolved.extend(said.map(|(name, text)| (name.to_owned(), text.into())));
    Some(resolved)
}

fn is_variable(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        && text.bytes().next().is_some_and(|byte| !byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(mut record: Value, expected: &Value) {
        assert!(resolve(&mut record));
        assert_eq!(record, *expected);
        assert!(!resolve(&mut record), "once is enough");
    }

    #[test]
    fn other_names_become_the_proper_ones_and_say_no_more_than_they() {
        check(
            json!({
                "docsUrl": " https://a.example/d ", "semver": "1.2.0", "pricingHint": "free",
                "repoUrl": "https://a.example/s", "createdAt": "2026-03-20T12:00:00Z",
                "input_modalities": ["text"], "hivePricing": { "label": "x" },
            }),
            &json!({
                "documentationUrl": "https://a.example/d", "version": "1.2.0",
                "sourceUrl": "https://a.example/s", "publishedAt": "2026-03-20T12:00:00Z",
                "inputModalities": ["text"], "pricing": { "label": "x", "notes": "free" },
            }),
        );
        check(
            json!({ "version": "2", "semver": "1", "pricing": {}, "hivePricing": { "label": "x" } }),
            &json!({ "version": "2", "pricing": {} }),
        );
    }

    /// Caught: every hint was lost, and another hint was the same record.
    #[test]
    fn a_hint_at_the_price_is_kept_or_left_for_the_schema_to_refuse() {
        for (given, pricing) in [
            (json!({ "pricingHint": " free " }), Some(json!({ "label": "free" }))),
            (json!({ "pricingHint": "paid" }), Some(json!({ "label": "paid" }))),
            (json!({ "pricingHint": { "label": "x" } }), Some(json!({ "label": "x" }))),
            (
                json!({ "pricing": { "label": "x" }, "pricingHint": "free" }),
                Some(json!({ "label": "x", "notes": "free" })),
            ),
            (
                json!({ "pricing": { "label": "free" }, "pricingHint": "free" }),
                Some(json!({ "label": "free" })),
            ),
            (json!({ "pricingHint": "" }), None),
        ] {
            let mut record = given.clone();
            assert!(resolve(&mut record), "{given}");
            let expected =
                pricing.map_or_else(|| json!({}), |pricing| json!({ "pricing": pricing }));
            assert_eq!(record, expected, "{given}");
        }
        for mut refused in [
            json!({ "pricingHint": 0 }),
            json!({ "pricingHint": ["free"] }),
            json!({ "pricing": 1, "pricingHint": "free" }),
            json!({ "pricing": { "label": "a", "notes": "b" }, "pricingHint": "free" }),
            json!({ "pricing": { "label": "a" }, "pricingHint": { "label": "b" } }),
        ] {
            let before = refused.clone();
            assert!(!resolve(&mut refused));
            assert_eq!(refused, before);
        }
    }

    #[test]
    fn an_input_is_named_and_given_a_kind() {
        check(
            json!({ "buyerInputs": [
                { "label": " Key ", "envVar": "API_KEY", "secret": true },
                { "title": "Region" },
                { "kind": "env" },
            ], "requiredInputs": [{ "name": "size", "label": "Size", "kind": "Choice" }] }),
            &json!({ "buyerInputs": [
                { "id": "input-0", "label": "Key", "key": "API_KEY", "kind": "secret", "secret": true },
                { "id": "input-1", "label": "Region", "kind": "text" },
                { "id": "size", "label": "Size", "kind": "choice" },
            ] }),
        );
        check(
            json!({ "buyerInputs": [{ "id": "a", "label": "A", "kind": "text" },
                                    { "id": "a", "label": "B", "kind": "text" }] }),
            &json!({ "buyerInputs": [{ "id": "a", "label": "B", "kind": "text" }] }),
        );
    }

    #[test]
    fn what_has_the_proper_names_is_not_touched() {
        for mut record in [
            json!({ "version": "1", "buyerInputs": [{ "id": "a", "label": "A", "kind": "text" }] }),
            json!({ "buyerInputs": "none" }),
            json!({ "pricing": 1 }),
            json!([]),
        ] {
            let before = record.clone();
            assert!(!resolve(&mut record), "{before}");
            assert_eq!(record, before);
        }
    }
}
