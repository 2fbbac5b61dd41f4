//! A card of our own making: an agent's words, and where and how it is called here.
//!
//! Decides what stands in the place of words that would make no card. Must never take an interface or a demand for a credential
//! from the words.

use proto_types::card::{Hosted, Interface, Skill, hosted};
use serde_json::{Map, Value};

/// The card of these words, of an agent that has streams or not. Words that would make no card give way to plain ones: an
/// agent that is deployed must be found.
pub(super) fn card(words: &Map<String, Value>, interfaces: &[Interface], streaming: bool) -> Value {
    let name = text(words, "name", "agent");
    let plain = Skill {
        id: "default".to_owned(),
        name: name.to_owned(),
        description: text(words, "description", name).to_owned(),
        tags: tags(),
        ..Skill::default()
    };
    let card = as_said(words, interfaces, streaming);
    card.or_else(|| with_skills(words, interfaces, (&[plain], streaming))).unwrap_or(Value::Null)
}

/// The same if these words make one as they are. Skills of A2A 0.3 may have no tags.
pub(super) fn as_said(
    words: &Map<String, Value>,
    interfaces: &[Interface],
    streaming: bool,
) -> Option<Value> {
    let mut skills: Vec<Skill> = serde_json::from_value(words.get("skills")?.clone()).ok()?;
    for skill in skills.iter_mut().filter(|skill| skill.tags.is_empty()) {
        skill.tags = tags();
    }
    let card = with_skills(words, interfaces, (&skills, streaming));
    card.filter(|_| !skills.is_empty())
}

fn tags() -> Vec<String> {
    vec!["agent".to_owned()]
}

fn with_skills(
    words: &Map<String, Value>,
    interfaces: &[Interface],
    (skills, streaming): (&[Skill], bool),
) -> Option<Value> {
    let name = text(words, "name", "agent");
    let card = hosted(&Hosted {
        name,
        description: text(words, "description", name),
        version: text(words, "version", "1.0.0"),
        interfaces,
        input_modes: &modes(words, "defaultInputModes"),
        output_modes: &modes(words, "defaultOutputModes"),
        skills,
        streaming,
        extended: true,
        federated: true,
    });
    card.ok()
}

/// A skill may take other types than the card says.
pub(super) fn input_modes(words: &Map<String, Value>) -> Vec<String> {
    let skills = words.get("skills").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let own = skills.iter().filter_map(|skill| skill.get("inputModes")?.as_array()).flatten();
    let own = own.filter_map(Value::as_str).map(str::to_owned);
    modes(words, "defaultInputModes").into_iter().chain(own).collect()
}

/// A member that is a text, and not empty.
pub(super) fn text<'w>(words: &'w Map<String, Value>, member: &str, default: &'w str) -> &'w str {
    words.get(member).and_then(Value::as_str).filter(|text| !text.is_empty()).unwrap_or(default)
}

fn modes(words: &Map<String, Value>, member: &str) -> Vec<String> {
    let said = words.get(member).cloned().and_then(|said| serde_json::from_value(said).ok());
    let usable = |said: &Vec<String>| !said.is_empty() && said.iter().all(|mode| !mode.is_empty());
    said.filter(usable).unwrap_or_else(|| vec!["text/plain".to_owned()])
}
