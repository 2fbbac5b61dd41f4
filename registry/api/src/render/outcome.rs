//! Tasks without what was made in them, for lists: of each outcome what the agent said is left. It never decides whether an
//! outcome is one: what is kept was read when it came.

use proto_wire::registry::v1 as wire;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// What is left of an outcome document, as it was written. The artifacts are passed by, and not read into values.
#[derive(Deserialize, Serialize)]
struct Said<'o> {
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    message: Option<&'o RawValue>,
    /// Whether the message is all of the answer.
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    answer: Option<&'o RawValue>,
}

/// The task with outcomes, those of its turns too, that have no artifacts.
#[must_use]
pub fn without_artifacts(task: wire::Task) -> wire::Task {
    let turn = |turn: wire::Turn| wire::Turn { outcome: said(&turn.outcome).into(), ..turn };
    let (outcome, turns) = (said(&task.outcome).into(), task.turns.into_iter().map(turn).collect());
    wire::Task { outcome, turns, ..task }
}

/// Nothing of a document that cannot be read: its task is still worth telling.
fn said(outcome: &[u8]) -> Vec<u8> {
    let said = serde_json::from_slice::<Said<'_>>(outcome);
    said.ok().and_then(|said| serde_json::to_vec(&said).ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_agent_said_is_left_as_it_wrote_it() {
        for (outcome, expected) in [
            (r#"{"artifacts":[{"parts":[{"text":"x"}]}]}"#, "{}"),
            (
                r#"{"artifacts":[1],"message":{"n": 1.50e400},"answer":"message"}"#,
                r#"{"message":{"n": 1.50e400},"answer":"message"}"#,
            ),
            (r#"{"message":null,"later":[]}"#, "{}"),
            ("", ""),
            ("[]", ""),
            ("{", ""),
        ] {
            let turns = vec![wire::Turn { outcome: outcome.into(), input: "{}".into() }];
            let task = wire::Task { outcome: outcome.into(), turns, ..Default::default() };
            let bare = without_artifacts(task);
            assert_eq!(bare.outcome, expected, "{outcome}");
            assert_eq!(bare.turns[0].outcome, expected, "{outcome}");
            assert_eq!(bare.turns[0].input, "{}");
        }
    }
}
