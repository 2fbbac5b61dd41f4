//! What an agent may give back: the agent is told its faults, with their places, and nothing that it gave is changed.

use node_core::{Content, Outcome, Part, Role};
use node_wasm::{Event, Input, Limits};

use crate::support::{Tier, agent, message, newer_agent};

/// Two parts at 512, the second a data part (tag 1) of this text.
fn data_part(json: &str) -> String {
    let len: String = u32::try_from(json.len())
        .map(|len| len.to_le_bytes().iter().map(|byte| format!("\\{byte:02x}")).collect())
        .unwrap();
    let text = json.replace('\\', "\\5c").replace('"', "\\22");
    format!(
        "(data (i32.const 560) \"\\01\\00\\00\\00\\00\\04\\00\\00{len}\")
         (data (i32.const 1024) \"{text}\")"
    )
}

const TELL: &str = "(call $artifact (i32.const 512) (i32.const 2)) i32.const 0";

async fn run_with_data(json: &str) -> (Outcome, Vec<Event>) {
    Tier::new().run(agent(&data_part(json), TELL), Limits::default()).await
}

#[tokio::test]
async fn data_that_readers_take_in_two_ways_fails_the_agent_that_gave_it_with_its_place() {
    let deep = format!("{}{}", "[".repeat(121), "]".repeat(121));
    for (json, why) in [
        ("{", "not JSON"),
        ("", "not JSON"),
        (r#"{"a":{"b":1,"b":2}}"#, r#"duplicate member "b" in "/a""#),
        (r#"{"a":1,"\u0061":1}"#, r#"duplicate member "a" in """#),
        (deep.as_str(), "nested more than 120 deep"),
    ] {
        let (outcome, events) = run_with_data(json).await;
        let Outcome::Failed { code, message } = outcome else { panic!("{json}: {outcome:?}") };
        assert_eq!((code.as_str(), events), ("bad-output", Vec::new()));
        assert!(message.contains(r#"artifact "out", part 2, data"#), "{message}");
        assert!(message.contains(why), "{message}");
    }
}

#[tokio::test]
async fn numbers_of_an_agent_keep_their_digits() {
    let written = [
        "1000000000000000000",
        "1.75e17",
        "1000000000000000000000000000001",
        "-9007199254740993",
        "0.1000000000000000055511151231257827",
        "1E400",
        "3.0",
    ];
    let list = format!("[{}]", written.join(","));
    let (outcome, events) = run_with_data(&list).await;
    assert_eq!(outcome, Outcome::Completed { parts: Vec::new() });
    let [Event::Artifact(chunk)] = &events[..] else { panic!("{events:?}") };
    let Content::Data(data) = &chunk.parts[1].content else { panic!("{chunk:?}") };
    let shown: Vec<_> = data.as_array().unwrap().iter().map(ToString::to_string).collect();
    // The letter of an exponent, and its sign, may be written anew; no digit may.
    let plain = |text: &str| text.to_lowercase().replace("e+", "e");
    assert_eq!(shown.iter().map(|text| plain(text)).collect::<Vec<_>>(), written.map(plain));
}

#[tokio::test]
async fn an_artifact_without_an_id_fails_the_agent_that_gave_it() {
    let body = "(call $named (i32.const 0) (i32.const 512) (i32.const 1)) i32.const 0";
    let (outcome, events) = Tier::new().run(agent("", body), Limits::default()).await;
    let Outcome::Failed { code, message } = outcome else { panic!("{outcome:?}") };
    assert_eq!((code.as_str(), events), ("bad-output", Vec::new()));
    assert!(message.contains("an artifact: its id is empty"), "{message}");
}

/// At 2048 an outcome, completed, with the one part at 512: an empty text.
const ONE_PART: &str = r#"(data (i32.const 2056) "\00\02\00\00\01\00\00\00")"#;

#[tokio::test]
async fn an_agent_may_answer_with_a_message_unless_it_has_a_task_by_then() {
    let tier = Tier::new();
    let run =
        async |data: &str, body: &str| tier.run(newer_agent(data, body), Limits::default()).await.0;
    let parts = vec![Part::text("")];
    let outcome = run(ONE_PART, "(call $as_message) i32.const 2048").await;
    assert_eq!(outcome, Outcome::Message { parts: parts.clone() });
    let emits = "(call $as_message) (call $status (i32.const 0) (i32.const 0) (i32.const 0)) i32.const 2048";
    assert_eq!(run(ONE_PART, emits).await, Outcome::Completed { parts });
    let Outcome::Failed { message, .. } = run("", "(call $as_message) i32.const 2048").await else {
        panic!("a message without parts is none")
    };
    assert!(message.contains("the message: it has no parts"), "{message}");
}

#[tokio::test]
async fn an_agent_finds_what_was_said_in_its_task_before() {
    let tier = Tier::new();
    // It traps unless there are two messages.
    let body = "(call $history (i32.const 3000))
        (if (i32.ne (i32.load (i32.const 3004)) (i32.const 2)) (then unreachable))
        i32.const 0";
    let prepared = tier.prepare(newer_agent("", body)).await;
    let question = node_core::Message { role: Role::Agent, ..message([Part::text("where to?")]) };
    let history = vec![message([Part::text("book a flight")]), question];
    let input = Input { message: message([Part::text("to Oslo")]), history };
    let (outcome, _) = tier.ask(prepared.clone(), input, Limits::default()).await;
    assert_eq!(outcome, Outcome::Completed { parts: Vec::new() });
    let (outcome, _) = tier.ask(prepared, message([]), Limits::default()).await;
    assert!(matches!(outcome, Outcome::Failed { .. }), "{outcome:?}");
}
