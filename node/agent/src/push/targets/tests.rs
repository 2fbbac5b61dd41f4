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

fn follower(secret: &str) -> Follower {
    Follower { to: reply_to(secret), after: None }
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
    (targets.open, targets.is_followed) = (vec![one, two, three], true);
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
    let start = Start { artifacts: vec![artifact], ..Start::default() };
    let mut requests = requests(&assigned(), &reply_to("one"), start, events);
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
    targets.add(&follower("3"), &Artifacts::default());
    assert_eq!(secrets(&targets), names, "it is there already");
    targets.add(&follower("new"), &Artifacts::default());
    let expected: Vec<_> = names[1..].iter().cloned().chain(["new".to_owned()]).collect();
    assert_eq!(secrets(&targets), expected);
    drop(kept);
    targets.add(&follower("last"), &Artifacts::default());
    let left = secrets(&targets);
    assert_eq!(left.last().map(String::as_str), Some("last"));
    assert!(left.len() <= 2, "who has left keeps no place: {left:?}");
}

#[tokio::test]
async fn no_empty_artifact_is_pushed_nor_an_event_that_no_gateway_takes() {
    let assigned = assigned();
    let mut targets = Targets::new(&assigned, Connector::plain());
    let (open, mut events) = target("one", 4);
    (targets.open, targets.is_followed) = (vec![open], true);
    let long = "x".repeat(OUTCOME_BYTES_MAX);
    for event in [chunk(vec![]), chunk(vec![Part::text(&long)]), chunk(vec![Part::text("x")])] {
        targets.push(&event, WallMs(1)).await;
    }
    drop(targets);
    assert!(events.recv().await.is_some() && events.recv().await.is_none(), "one of three");
}

/// What a gateway gets that asks to go on after an event: whether it is told so, the numbers of the events, and whether its
/// caller has what an event says.
async fn start(targets: &Targets<'_>, after: Option<u64>, made: &Artifacts) -> Started {
    let (queue, events) = mpsc::channel(1);
    drop(queue);
    let start = targets.start(after, made);
    let mut requests = requests(&assigned(), &reply_to("one"), start, events);
    let Some(Kind::Open(open)) = requests.next().await.unwrap().kind else { panic!("not open") };
    let mut events = Vec::new();
    while let Some(push) = requests.next().await {
        events.push((push.sequence, push.known));
    }
    (open.after, events)
}

type Started = (Option<u64>, Vec<(u64, bool)>);

/// Caught: what has come after an event is begun anew, told twice, or passed over.
#[tokio::test]
async fn who_has_the_events_up_to_one_gets_those_that_came_after_it_or_else_each_artifact_anew() {
    let (assigned, mut made) = (assigned(), Artifacts::default());
    let mut targets = Targets::new(&assigned, Connector::plain());
    let event = chunk(vec![Part::text("x")]);
    let Event::Artifact(artifact) = &event else { panic!("an artifact") };
    made.take(artifact);
    targets.push(&event, WallMs(1)).await;
    let untold = start(&targets, Some(0), &made).await;
    assert_eq!(untold, (None, vec![(0, false)]), "nobody was there, so nothing was kept");
    targets.is_followed = true;
    for at in 2..=4 {
        targets.push(&Event::Status { text: None }, WallMs(at)).await;
    }
    for (after, expected) in [
        (Some(2), (Some(2), vec![(3, false), (4, false), (0, true)])),
        (Some(4), (Some(4), vec![(0, true)])),
        (Some(0), (None, vec![(0, false)])),
        (Some(9), (None, vec![(0, false)])),
        (None, (None, vec![(0, false)])),
    ] {
        assert_eq!(start(&targets, after, &made).await, expected, "{after:?}");
    }
}

#[tokio::test]
async fn who_asks_for_all_events_of_a_run_that_was_followed_from_the_first_gets_these_alone() {
    let (assigned, mut made) = (assigned(), Artifacts::default());
    let mut targets = Targets::new(&assigned, Connector::plain());
    targets.is_followed = true;
    let event = chunk(vec![Part::text("x")]);
    let Event::Artifact(artifact) = &event else { panic!("an artifact") };
    made.take(artifact);
    targets.push(&event, WallMs(1)).await;
    let all = start(&targets, Some(0), &made).await;
    assert_eq!(all, (Some(0), vec![(1, false)]));
    // Nobody is said to have what was too long to be told.
    targets.push(&chunk(vec![Part::text("x".repeat(OUTCOME_BYTES_MAX))]), WallMs(2)).await;
    targets.push(&Event::Status { text: None }, WallMs(3)).await;
    assert_eq!(start(&targets, Some(2), &made).await, (Some(2), vec![(3, false)]));
    assert_eq!(start(&targets, Some(1), &made).await, (None, vec![(0, false)]));
}
