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
    // A hint for people in free form: the schema has no place for it.
    members.remove("pricingHint");
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
                "inputModalities": ["text"], "pricing": { "label": "x" },
            }),
        );
        check(
            json!({ "version": "2", "semver": "1", "pricing": {}, "hivePricing": { "label": "x" } }),
            &json!({ "version": "2", "pricing": {} }),
        );
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
