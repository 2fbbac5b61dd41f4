//! Gateways that are slow, or too many, beside one that is not.

use node_core::Part;
use serde_json::json;
use tokio::time::{Instant, timeout};

use super::*;

fn assigned() -> wire::Assigned {
    wire::Assigned { task: "t".to_owned(), context: "c".to_owned(), ..Default::default() }
}

/// Nobody listens there.
fn reply_to(secret: &str) -> wire::ReplyTo {
    let (gateway, endpoint) = ("g".to_owned(), "http://127.0.0.1:1".to_owned());
    wire::ReplyTo { gateway, endpoint, secret: secret.to_owned() }
}

/// A gateway whose queue has so many places.
fn target(secret: &str, places: usize) -> (Target, mpsc::Receiver<PushRequest>) {
    let (queue, events) = mpsc::channel(places);
    (Target { to: reply_to(secret), queue }, events)
}

fn secrets(targets: &Targets<'_>) -> Vec<String> {
    targets.open.iter().map(|target| target.to.secret.clone()).collect()
}

fn chunk(parts: Vec<Part>) -> Event {
    Event::Artifact(ArtifactChunk {
        artifact_id: "a".to_owned(),
        name: None,
        description: None,
        parts,
        append: false,
        last_chunk: true,
    })
}

/// Caught: the run waits for each gateway that takes nothing.
#[tokio::test]
async fn a_run_waits_for_its_first_gateway_and_for_no_other_and_no_other_waits_for_it() {
    let assigned = wire::Assigned { reply_to: Some(reply_to("one")), ..assigned() };
    let mut targets = Targets::new(&assigned, Connector::plain());
    let [(one, _full), (two, mut ready), (three, _full_too)] =
        [target("one", 1), target("two", 4), target("three", 1)];
    targets.open = vec![one, two, three];
    let event = Event::Status { text: None };
    targets.push(&event, WallMs(1)).await;
    assert_eq!(secrets(&targets), ["one", "two", "three"], "each had a place");
    let began = Instant::now();
    let pushing = async {
        targets.push(&event, WallMs(2)).await;
        began.elapsed()
    };
    let taking = async {
        ready.recv().await.unwrap();
        ready.recv().await.unwrap();
        began.elapsed()
    };
    let (pushed, taken) = tokio::join!(pushing, taking);
    assert!(taken < PATIENCE / 2, "{taken:?}");
    assert!((PATIENCE..PATIENCE * 3 / 2).contains(&pushed), "{pushed:?}");
    assert_eq!(secrets(&targets), ["two"]);
    let (four, _full) = target("four", 1);
    targets.open.push(four);
    let began = Instant::now();
    for at in [3, 4] {
        targets.push(&event, WallMs(at)).await;
    }
    assert!(began.elapsed() < PATIENCE / 2, "{:?}", began.elapsed());
    assert_eq!(secrets(&targets), ["two"]);
}

/// An event that a gateway is sent.
async fn sent(requests: &mut (impl Stream<Item = PushRequest> + Unpin)) -> Option<Value> {
    let next = timeout(PATIENCE, requests.next()).await.unwrap()?;
    let Some(Kind::Event(event)) = next.kind else { panic!("not an event") };
    Some(serde_json::from_slice(&event).unwrap())
}

/// Caught: an artifact that is too long in one piece is left out, and what follows appends to nothing.
#[tokio::test]
async fn an_artifact_that_no_gateway_takes_in_one_piece_is_begun_and_appended_to() {
    let long = |text: &str| Part::text(text.repeat(OUTCOME_BYTES_MAX / 2));
    let Event::Artifact(artifact) = chunk(vec![
        long("1"),
        Part::text("2"),
        long("3"),
        Part::text("x".repeat(OUTCOME_BYTES_MAX)),
    ]) else {
        panic!("an artifact")
    };
    let (queue, events) = mpsc::channel(1);
    drop(queue);
    let mut requests = requests(&assigned(), &reply_to("one"), vec![artifact], events);
    let open = requests.next().await.unwrap();
    assert!(matches!(open.kind, Some(Kind::Open(_))));
    let mut told = String::new();
    let mut updates = Vec::new();
    while let Some(event) = sent(&mut requests).await {
        let update = &event["artifactUpdate"];
        let parts = update["artifact"]["parts"].as_array().unwrap();
        told.extend(parts.iter().map(|part| &part["text"].as_str().unwrap()[..1]));
        updates.push(json!([update["artifact"]["artifactId"], update["append"]]));
    }
    assert_eq!(told, "123");
    assert_eq!(updates, [json!(["a", false]), json!(["a", true])]);
}

#[tokio::test]
async fn beyond_the_bound_the_gateway_that_came_first_gets_no_more() {
    let assigned = assigned();
    let mut targets = Targets::new(&assigned, Connector::plain());
    let names: Vec<_> = (0..TARGETS_MAX).map(|number| number.to_string()).collect();
    let (open, kept): (Vec<_>, Vec<_>) = names.iter().map(|name| target(name, 4)).unzip();
    targets.open = open;
    targets.add(&reply_to("3"), &Artifacts::default());
    assert_eq!(secrets(&targets), names, "it is there already");
    targets.add(&reply_to("new"), &Artifacts::default());
    let expected: Vec<_> = names[1..].iter().cloned().chain(["new".to_owned()]).collect();
    assert_eq!(secrets(&targets), expected);
    drop(kept);
    targets.add(&reply_to("last"), &Artifacts::default());
    let left = secrets(&targets);
    assert_eq!(left.last().map(String::as_str), Some("last"));
    assert!(left.len() <= 2, "who has left keeps no place: {left:?}");
}

#[tokio::test]
async fn no_empty_artifact_is_pushed_nor_an_event_that_no_gateway_takes() {
    let assigned = assigned();
    let mut targets = Targets::new(&assigned, Connector::plain());
    let (open, mut events) = target("one", 4);
    targets.open = vec![open];
    let long = "x".repeat(OUTCOME_BYTES_MAX);
    for event in [chunk(vec![]), chunk(vec![Part::text(&long)]), chunk(vec![Part::text("x")])] {
        targets.push(&event, WallMs(1)).await;
    }
    drop(targets);
    assert!(events.recv().await.is_some() && events.recv().await.is_none(), "one of three");
}
