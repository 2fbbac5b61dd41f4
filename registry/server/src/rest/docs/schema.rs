//! JSON Schemas as tables.
//!
//! It decides how much of a schema is shown: types, bounds, members; the rest is in the contract.

use serde_json::Value;

use super::html::{Html, text};
use super::{items, members};

/// Bounds that are shown beside a type.
const BOUNDS: [&str; 8] =
    ["minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems", "pattern", "default"];

/// A named schema with its members.
pub(super) fn named(name: &str, schema: &Value, html: &mut Html) {
    html.raw("<article class=schema id=schema-").text(name).raw("><h3>").text(name);
    html.raw("</h3><p>").prose(text(&schema["description"])).raw("</p><p>");
    kind(schema, html);
    html.raw("</p>");
    table(schema, html);
    html.raw("</article>");
}

fn table(schema: &Value, html: &mut Html) {
    if members(&schema["properties"]).next().is_none() {
        return;
    }
    html.raw("<table>");
    for (name, member) in members(&schema["properties"]) {
        html.raw("<tr><td><code>").text(name).raw("</code>");
        if items(&schema["required"]).iter().any(|required| required == name) {
            html.raw("<small><em>required</em></small>");
        }
        html.raw("</td><td>");
        kind(member, html);
        html.raw("</td><td>").prose(text(&member["description"]));
        // Members of members and of items, as deep as they go: our schemas are finite.
        table(member, html);
        table(&member["items"], html);
        html.raw("</td></tr>");
    }
    html.raw("</table>");
}

/// What a value is, in a few words.
pub(super) fn kind(schema: &Value, html: &mut Html) {
    if let Some(name) = text(&schema["$ref"]).strip_prefix("#/components/schemas/") {
        html.raw("<a href=#schema-").text(name).raw(">").text(name).raw("</a> ");
        return;
    }
    for one in items(&schema["anyOf"]).iter().chain(items(&schema["oneOf"])) {
        kind(one, html);
    }
    let types = match &schema["type"] {
        Value::Array(types) => types.iter().map(text).collect::<Vec<_>>().join(" or "),
        one => text(one).to_owned(),
    };
    html.raw("<span class=kind>").text(&types);
    if !text(&schema["format"]).is_empty() {
        html.raw(" (").text(text(&schema["format"])).raw(")");
    }
    html.raw("</span>");
    if schema["items"].is_object() {
        html.raw(" of ");
        kind(&schema["items"], html);
    }
    bounds(schema, html);
}

fn bounds(schema: &Value, html: &mut Html) {
    for name in BOUNDS {
        if !schema[name].is_null() {
            let shown = schema[name].as_str().map_or_else(|| schema[name].to_string(), Into::into);
            html.raw(" <small>").text(name).raw(" <code>").text(&shown).raw("</code></small>");
        }
    }
    let values = items(&schema["enum"])
        .iter()
        .chain((!schema["const"].is_null()).then_some(&schema["const"]));
    for value in values {
        let shown = value.as_str().map_or_else(|| value.to_string(), Into::into);
        html.raw(" <code>").text(&shown).raw("</code>");
    }
}
