//! Real agents, from their source in Rust to their outcome.

use std::sync::Arc;

use node_core::{Content, Outcome, Part};
use node_wasm::{Event, Io, Kind, Limits};
use serde_json::{Value, json};
use tokio::sync::{mpsc, watch};

use crate::guests::{example, textkit};
use crate::support::{Tier, message};

const TEXT: &str =
    "Registries replicate signed cards. Signed cards name agents, and agents run tasks.";

fn data(value: Value) -> Part {
    Part::new(Content::Data(value))
}

fn status(event: &Event) -> Option<&str> {
    match event {
        Event::Status { text } => text.as_deref(),
        Event::Artifact(_) => None,
    }
}

fn artifact<'a>(events: &'a [Event], id: &str) -> &'a Value {
    let chunk = events.iter().find_map(|event| match event {
        Event::Artifact(chunk) if chunk.artifact_id == id => Some(chunk),
        _ => None,
    });
    let chunk = chunk.unwrap();
    assert!(chunk.last_chunk && !chunk.append);
    match &chunk.parts[..] {
        [Part { content: Content::Data(value), .. }] => value,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn textkit_streams_a_status_and_two_artifacts_and_closes_with_a_sentence() {
    let tier = Tier::new();
    let prepared = tier.prepare(textkit()).await;
    assert_eq!(prepared.kind(), Kind::Agent);
    let request = message([Part::text(TEXT)]);
    let (outcome, events) = tier.ask(prepared, request, Limits::default()).await;
    assert_eq!(status(&events[0]), Some("Analysing 82 characters"));
    assert_eq!(events.len(), 3);
    let counted = artifact(&events, "statistics");
    assert_eq!((&counted["words"], &counted["sentences"]), (&json!(12), &json!(2)));
    assert_eq!(artifact(&events, "keywords")[0]["phrase"], "registries replicate signed cards");
    let Outcome::Completed { parts } = outcome else { panic!("{outcome:?}") };
    let Content::Text(said) = &parts[0].content else { panic!("{parts:?}") };
    assert!(said.starts_with("The text has 12 words in 2 sentences"), "{said}");
}

#[tokio::test]
async fn textkit_rejects_what_it_cannot_read() {
    let tier = Tier::new();
    let prepared = tier.prepare(textkit()).await;
    let url = Part::new(Content::Url("https://a.example/".to_owned()));
    for (request, reason) in [
        (message([]), "there is no text"),
        (message([Part::text(TEXT), url]), "part 2 is a url"),
        (message([Part::text(TEXT), data(json!({"repeat": 0}))]), "1 to 200000"),
    ] {
        let (outcome, events) = tier.ask(Arc::clone(&prepared), request, Limits::default()).await;
        let Outcome::Rejected { reason: given } = outcome else { panic!("{outcome:?}") };
        assert!(given.contains(reason), "{given}");
        assert_eq!(events, []);
    }
}

#[tokio::test]
async fn textkit_with_a_work_factor_stops_when_it_is_cancelled() {
    let tier = Tier::new();
    let prepared = tier.prepare(textkit()).await;
    let request = message([Part::text(TEXT), data(json!({"repeat": 200_000}))]);
    let (events, mut received) = mpsc::channel(4);
    let (switch, cancel) = watch::channel(false);
    let limits = Limits {
        fuel: u64::MAX / 2,
        wall_ms: 120_000,
        cancel_grace_ms: 60_000,
        ..Limits::default()
    };
    let run = tier.runtime.run(prepared, request, limits, Io { events, cancel });
    let press = async {
        let first = received.recv().await.unwrap();
        switch.send(true).unwrap();
        let mut rest = Vec::new();
        while let Some(event) = received.recv().await {
            rest.push(event);
        }
        (first, rest)
    };
    let (outcome, (first, rest)) = tokio::join!(run, press);
    assert_eq!(outcome, Outcome::Cancelled);
    assert!(status(&first).is_some());
    assert!(rest.iter().all(|event| matches!(event, Event::Status { .. })), "{rest:?}");
}

#[tokio::test]
async fn a_command_reads_the_message_as_json_and_its_output_is_an_artifact() {
    let tier = Tier::new();
    let prepared = tier.prepare(example("count")).await;
    assert_eq!(prepared.kind(), Kind::Command);
    let request = message([Part::text("one two"), Part::text("three")]);
    let (outcome, events) = tier.ask(Arc::clone(&prepared), request, Limits::default()).await;
    assert_eq!(outcome, Outcome::Completed { parts: Vec::new() });
    let [Event::Artifact(chunk)] = &events[..] else { panic!("{events:?}") };
    assert_eq!(
        (chunk.artifact_id.as_str(), &chunk.parts[..]),
        ("stdout", &[Part::text("3\n")][..])
    );

    let (outcome, events) = tier.ask(prepared, message([]), Limits::default()).await;
    let Outcome::Failed { code, message } = outcome else { panic!("{outcome:?}") };
    assert_eq!((code.as_str(), events), ("exit-status", Vec::new()));
    assert!(message.contains("status 1") && message.contains("no text"), "{message}");
}

#[tokio::test]
async fn a_command_reaches_nothing_but_its_streams() {
    let (outcome, events) = Tier::new().run(example("authority"), Limits::default()).await;
    assert_eq!(outcome, Outcome::Completed { parts: Vec::new() });
    let [Event::Artifact(chunk)] = &events[..] else { panic!("{events:?}") };
    assert_eq!(chunk.parts, [Part::text("done\n")]);
}

#[tokio::test]
async fn a_command_that_writes_too_much_ends_by_output() {
    let limits = Limits { output_bytes: 4, ..Limits::default() };
    let (outcome, events) = Tier::new().run(example("authority"), limits).await;
    let expected = Outcome::Limit { limit: node_core::LimitKind::Output };
    assert_eq!((outcome, events), (expected, Vec::new()));
}
