//! What is played for which message.
//!
//! Decides by the start of the message's id alone, as the scenarios of the kit do (`scenarios/*.feature` of its branch
//! `1.0-dev`, `docs/SUT_REQUIREMENTS.md` of `0.3.x`). Must never look at what the message says.

/// Twice the kit's streaming timeout of 2 s, and something for a slow machine.
const LONG_MS: u32 = 5_000;

/// One step before the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// The task is at work.
    Work,
    /// For so many milliseconds nothing happens.
    Wait(u32),
    /// An artifact, whole.
    Artifact(Content),
    /// A piece of one artifact of text, and whether it is the last.
    Chunk(&'static str, bool),
}

/// What an artifact holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Content {
    /// A text.
    Text(&'static str),
    /// The bytes of `output.txt`.
    File(&'static str),
    /// Where `output.txt` lies.
    Url(&'static str),
    /// One JSON value.
    Data(&'static str),
}

/// How the task ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// Completed, without a word.
    Complete,
    /// Completed, with a closing message.
    Say(&'static str),
    /// There is no task: the answer is a message.
    Message(&'static str),
    /// It waits for its caller.
    Ask(&'static str),
    /// It is not done.
    Reject(&'static str),
}

/// What is played, from the first step to the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scene {
    /// In order.
    pub steps: &'static [Step],
    /// After the last step.
    pub end: End,
}

const fn scene(steps: &'static [Step], end: End) -> Scene {
    Scene { steps, end }
}

/// By how the message's id begins. Where one beginning is that of another too, the longer one comes first.
const SCENES: &[(&str, Scene)] = &[
    ("tck-complete-task", scene(&[], End::Say("Hello from TCK"))),
    ("tck-artifact-text", artifact(&[Step::Artifact(Content::Text("Generated text content"))])),
    (
        "tck-artifact-file-url",
        artifact(&[Step::Artifact(Content::Url("https://example.com/output.txt"))]),
    ),
    ("tck-artifact-file", artifact(&[Step::Artifact(Content::File("tck"))])),
    (
        "tck-artifact-data",
        artifact(&[Step::Artifact(Content::Data(r#"{"key":"value","count":42}"#))]),
    ),
    ("tck-message-response", scene(&[], End::Message("Direct message response"))),
    ("tck-input-required", scene(&[], End::Ask("What else?"))),
    ("tck-reject-task", scene(&[], End::Reject("rejected"))),
    (
        "tck-stream-001",
        artifact(&[Step::Work, Step::Artifact(Content::Text("Stream hello from TCK"))]),
    ),
    ("tck-stream-002", scene(&[], End::Complete)),
    (
        "tck-stream-003",
        artifact(&[Step::Work, Step::Artifact(Content::Text("Stream task lifecycle"))]),
    ),
    (
        "tck-stream-ordering-001",
        artifact(&[Step::Work, Step::Artifact(Content::Text("Ordered output"))]),
    ),
    (
        "tck-stream-artifact-text",
        artifact(&[Step::Work, Step::Artifact(Content::Text("Streamed text content"))]),
    ),
    ("tck-stream-artifact-file", artifact(&[Step::Work, Step::Artifact(Content::File("tck"))])),
    (
        "tck-stream-artifact-chunked",
        artifact(&[Step::Work, Step::Chunk("chunk-1 ", false), Step::Chunk("chunk-2", true)]),
    ),
    ("test-resubscribe-message-id", scene(&[Step::Work, Step::Wait(LONG_MS)], End::Complete)),
];

const fn artifact(steps: &'static [Step]) -> Scene {
    scene(steps, End::Complete)
}

/// An ordinary task. The kit of 0.3 sends a message, and then another to the same task, or cancels it, so that the task must
/// not have ended.
const ORDINARY: Scene = scene(&[Step::Work], End::Ask("What else?"));

/// What is played for a message of this id.
#[must_use]
pub fn of(message_id: &str) -> Scene {
    let found = SCENES.iter().find(|(prefix, _)| message_id.starts_with(prefix));
    found.map_or(ORDINARY, |(_, scene)| *scene)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_beginning_leads_to_its_own_scene_whatever_follows_it() {
        for (prefix, scene) in SCENES {
            assert_eq!(of(&format!("{prefix}-c0ffee")), *scene, "{prefix}");
        }
    }

    #[test]
    fn an_id_that_the_kit_gives_no_meaning_is_an_ordinary_task_that_can_go_on() {
        for id in ["", "m-1", "tck-", "text-message-id-7", " tck-complete-task"] {
            assert_eq!(of(id), ORDINARY, "{id}");
        }
        assert!(matches!(of("m-1").end, End::Ask(_)));
    }

    #[test]
    fn a_resubscribed_task_runs_longer_than_twice_the_streaming_timeout_of_the_kit() {
        let waits = of("test-resubscribe-message-id-1").steps.iter().map(|step| match step {
            Step::Wait(ms) => *ms,
            _ => 0,
        });
        assert!(waits.sum::<u32>() > 4_000);
    }
}
