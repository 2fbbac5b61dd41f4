//! A card of our own making: an agent's words, and where and how it is called here.
//!
//! Decides what stands in the place of words that would make no card. Must never take an interface or a demand for a credential
//! from the words.

use proto_types::card::{Hosted, Interface, Skill, hosted};
use serde::Deserialize as _;
use serde_json::{Map, Value};

/// The card of these words, of an agent that has streams or not. Words that would make no card give way to plain ones: an
/// agent that is deployed must be found. A skill that could stand in no card is left out.
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

/// The same if these words make one, with those of its skills that can be used.
pub(super) fn as_said(
    words: &Map<String, Value>,
    interfaces: &[Interface],
    streaming: bool,
) -> Option<Value> {
    let said = words.get("skills")?.as_array()?;
    let skills: Vec<Skill> = said.iter().filter_map(usable).collect();
    let card = with_skills(words, interfaces, (&skills, streaming));
    card.filter(|_| !skills.is_empty())
}

/// A skill as a card of ours can have it, where an empty text would be none. Those of A2A 0.3 may have no tags.
fn usable(said: &Value) -> Option<Skill> {
    let mut skill = Skill::deserialize(said).ok()?;
    if skill.tags.is_empty() {
        skill.tags = tags();
    }
    let texts = [&skill.id, &skill.name, &skill.description].into_iter();
    let lists = [&skill.tags, &skill.examples, &skill.input_modes, &skill.output_modes];
    let is_full = texts.chain(lists.into_iter().flatten()).all(|text| !text.is_empty());
    is_full.then_some(skill)
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

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_skill_that_no_card_can_have_takes_none_of_the_others_with_it() {
        let skill = |id: &str| json!({"id": id, "name": "N", "description": "d", "tags": ["t"]});
        let without = |member: &str| {
            let mut skill = skill("bad");
            skill.as_object_mut().unwrap().remove(member);
            skill
        };
        let with = |member: &str, value: Value| {
            let mut skill = skill("bad");
            skill[member] = value;
            skill
        };
        for bad in [
            json!("bad"),
            without("name"),
            with("description", json!("")),
            with("tags", json!([""])),
            with("tags", json!("t")),
            with("examples", json!(["", "x"])),
        ] {
            let said = json!({"name": "Far", "skills": [skill("one"), bad, skill("two")]});
            let interfaces = [Interface::json_rpc("https://b.example/agents/far")];
            let card = card(said.as_object().unwrap(), &interfaces, false);
            let skills = card["skills"].as_array().unwrap().iter();
            let ids: Vec<_> = skills.map(|skill| skill["id"].clone()).collect();
            assert_eq!(ids, ["one", "two"], "{bad}");
        }
        let said = json!({"name": "Far", "skills": [without("id")]});
        let card =
            card(said.as_object().unwrap(), &[Interface::json_rpc("https://b.example")], false);
        assert_eq!(card["skills"][0]["id"], "default");
    }
}
