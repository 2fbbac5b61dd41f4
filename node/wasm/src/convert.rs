//! Between the types of the contract and ours.
//!
//! Decides what a guest's output weighs, and refuses what no reader behind the node would take, with its place. Must
//! never copy a guest's data before it is weighed.

use node_core::{Content, Message, Outcome, Part, Role};
use proto_types::a2a::{ID_CHARS_MAX, Struct};
use proto_types::json;
use proto_types::outcome::DATA_DEPTH_MAX;
use serde_json::Value;

use crate::bindings::ecumene::agent::types as wit;
use crate::limits::{LimitHit, Meter};
use crate::{ArtifactChunk, Event};

/// What a part or an event weighs beside its text and bytes: about the size of the structures that
/// hold it, so that a million empty parts are not free.
const OVERHEAD_BYTES: usize = 64;

/// Where the parts of an outcome stand.
const CLOSING: &str = "the closing message";

/// Why a guest's output is not taken. It travels through the guest as a trap.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BadOutput {
    #[error(transparent)]
    Limit(#[from] LimitHit),
    #[error("{place}: {why}")]
    Invalid { place: String, why: String },
}

impl BadOutput {
    pub(crate) fn invalid(place: &str, why: impl ToString) -> Self {
        Self::Invalid { place: place.to_owned(), why: why.to_string() }
    }
}

/// The message as the guest sees it.
pub(crate) fn message(message: &Message) -> wit::Message {
    wit::Message {
        message_id: message.message_id.clone(),
        context_id: message.context_id.clone().unwrap_or_default(),
        task_id: message.task_id.clone().unwrap_or_default(),
        role: match message.role {
            Role::User => wit::Role::User,
            Role::Agent => wit::Role::Agent,
        },
        parts: message.parts.iter().map(part_in).collect(),
        metadata_json: message.metadata.as_ref().map(json_text),
        extensions: message.extensions.clone(),
        reference_task_ids: message.reference_task_ids.clone(),
    }
}

fn part_in(part: &Part) -> wit::Part {
    wit::Part {
        content: match &part.content {
            Content::Text(text) => wit::Content::Text(text.clone()),
            Content::Data(value) => wit::Content::Data(value.to_string()),
            Content::Raw(bytes) => wit::Content::Raw(bytes.clone()),
            Content::Url(url) => wit::Content::Url(url.clone()),
        },
        media_type: part.media_type.clone(),
        filename: part.filename.clone(),
        metadata_json: part.metadata.as_ref().map(json_text),
    }
}

fn json_text(metadata: &Struct) -> String {
    serde_json::to_string(metadata).expect("a map with text keys is always JSON")
}

/// An event that a guest emits.
pub(crate) fn event(event: wit::Event, meter: &mut Meter) -> Result<Event, BadOutput> {
    meter.event()?;
    match event {
        wit::Event::Status(status) => {
            weigh(meter, [&status.text])?;
            Ok(Event::Status { text: status.text })
        }
        wit::Event::Artifact(chunk) => {
            meter.output(chunk.artifact_id.len())?;
            weigh(meter, [&chunk.name, &chunk.description])?;
            let place = artifact(&chunk.artifact_id)?;
            Ok(Event::Artifact(ArtifactChunk {
                artifact_id: chunk.artifact_id,
                name: chunk.name,
                description: chunk.description,
                parts: parts(chunk.parts, &place, meter)?,
                append: chunk.append,
                last_chunk: chunk.last_chunk,
            }))
        }
    }
}

/// What `handle` returned.
pub(crate) fn outcome(
    returned: Result<wit::Outcome, wit::Failure>,
    meter: &mut Meter,
) -> Result<Outcome, BadOutput> {
    match returned {
        Ok(wit::Outcome::Completed(list)) => {
            Ok(Outcome::Completed { parts: parts(list, CLOSING, meter)? })
        }
        Ok(wit::Outcome::InputRequired(list)) => {
            Ok(Outcome::InputRequired { parts: parts(list, CLOSING, meter)? })
        }
        Ok(wit::Outcome::Rejected(reason)) => {
            meter.output(reason.len())?;
            Ok(Outcome::Rejected { reason })
        }
        Err(wit::Failure { code, message }) => {
            meter.output(code.len().saturating_add(message.len()))?;
            Ok(Outcome::Failed { code, message })
        }
    }
}

/// Where an artifact stands, in words; an id that A2A does not have is refused.
fn artifact(id: &str) -> Result<String, BadOutput> {
    match id.chars().count() {
        0 => Err(BadOutput::invalid("an artifact", "its id is empty")),
        1..=ID_CHARS_MAX => {
            // The fault is told after its place, and a reason is short.
            let shown: String = id.chars().take(64).collect();
            Ok(format!("artifact {shown:?}"))
        }
        chars => {
            let why = format!("its id has {chars} characters; {ID_CHARS_MAX} are allowed");
            Err(BadOutput::invalid("an artifact", why))
        }
    }
}

fn parts(list: Vec<wit::Part>, place: &str, meter: &mut Meter) -> Result<Vec<Part>, BadOutput> {
    let numbered = (1_usize..).zip(list);
    numbered
        .map(|(number, part)| part_out(part, &format!("{place}, part {number}"), meter))
        .collect()
}

fn part_out(part: wit::Part, place: &str, meter: &mut Meter) -> Result<Part, BadOutput> {
    meter.output(match &part.content {
        wit::Content::Text(text) | wit::Content::Data(text) | wit::Content::Url(text) => text.len(),
        wit::Content::Raw(bytes) => bytes.len(),
    })?;
    weigh(meter, [&part.media_type, &part.filename, &part.metadata_json])?;
    let metadata = part.metadata_json.map(|json| metadata(&json, place)).transpose()?;
    let content = match part.content {
        wit::Content::Text(text) => Content::Text(text),
        wit::Content::Data(json) => Content::Data(value(&json, &format!("{place}, data"))?),
        wit::Content::Raw(bytes) => Content::Raw(bytes),
        wit::Content::Url(url) => Content::Url(url),
    };
    Ok(Part { content, media_type: part.media_type, filename: part.filename, metadata })
}

fn metadata(text: &str, place: &str) -> Result<Struct, BadOutput> {
    let place = format!("{place}, metadata");
    match value(text, &place)? {
        Value::Object(members) => Ok(members),
        _ => Err(BadOutput::invalid(&place, "it is no JSON object")),
    }
}

/// One JSON value of the agent, as it wrote it: numbers keep their digits.
fn value(text: &str, place: &str) -> Result<Value, BadOutput> {
    let value =
        json::parse_lossless(text.as_bytes()).map_err(|error| BadOutput::invalid(place, error))?;
    if json::depth(&value) > DATA_DEPTH_MAX {
        return Err(BadOutput::invalid(place, format!("nested more than {DATA_DEPTH_MAX} deep")));
    }
    Ok(value)
}

fn weigh<const N: usize>(meter: &mut Meter, texts: [&Option<String>; N]) -> Result<(), LimitHit> {
    let bytes: usize = texts.into_iter().flatten().map(String::len).sum();
    meter.output(bytes.saturating_add(OVERHEAD_BYTES))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guest_gets_the_metadata_of_its_message_and_of_each_part() {
        let metadata: Struct = [("trace".to_owned(), Value::from("t-1"))].into_iter().collect();
        let part = Part { metadata: Some(metadata.clone()), ..Part::text("x") };
        let sent =
            Message { metadata: Some(metadata), ..Message::new("m-1", Role::User, vec![part]) };
        let seen = message(&sent);
        let text = Some(r#"{"trace":"t-1"}"#);
        assert_eq!(seen.metadata_json.as_deref(), text);
        assert_eq!(seen.parts[0].metadata_json.as_deref(), text);
    }
}
