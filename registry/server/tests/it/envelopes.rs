//! Envelopes: accepted once, leased under an epoch, acknowledged once, or kept as dead letters.

use std::time::Duration;

use proto_wire::registry::v1 as wire;
use tokio::time::{Instant, sleep};

use crate::tokens::now_ms;
use crate::world::{OPERATOR, World, by, code, refused};

const TARGET: &str = "https://b.example";

pub(crate) fn envelope(id: &str) -> wire::EnqueueEnvelopeRequest {
    wire::EnqueueEnvelopeRequest {
        id: id.to_owned(),
        source: "https://a.example".to_owned(),
        target: TARGET.to_owned(),
        correlation: format!("correlation-{id}"),
        document: format!("{{\"id\":\"{id}\"}}").into_bytes().into(),
        traceparent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".to_owned(),
        expires_at_ms: now_ms() + 3_600_000,
        ..Default::default()
    }
}

fn lease(ttl_ms: u64, wait_ms: u64) -> wire::LeaseEnvelopesRequest {
    wire::LeaseEnvelopesRequest { target: TARGET.to_owned(), max: 10, ttl_ms, wait_ms }
}

fn ack(leased: &wire::LeasedEnvelope, epoch: u64) -> wire::AckEnvelopeRequest {
    wire::AckEnvelopeRequest {
        target: TARGET.to_owned(),
        source: leased.source.clone(),
        id: leased.id.clone(),
        epoch,
    }
}

#[tokio::test]
async fn an_envelope_is_accepted_once_and_takes_effect_once() {
    let world = World::start().await;
    let gateway = world.gateway("g1").await;
    let mut fleet = world.fleet();
    let first = fleet.enqueue_envelope(by(&gateway, envelope("e1"))).await.unwrap().into_inner();
    let again = fleet.enqueue_envelope(by(&gateway, envelope("e1"))).await.unwrap().into_inner();
    assert_eq!((first.duplicate, again.duplicate), (false, true));
    assert_eq!(first.revision, again.revision);

    let leased = fleet.lease_envelopes(by(&gateway, lease(60_000, 0))).await.unwrap().into_inner();
    let [leased] = &leased.envelopes[..] else { panic!("one envelope: {leased:?}") };
    assert_eq!(leased.document[..], envelope("e1").document[..]);
    assert_eq!(leased.correlation, "correlation-e1");
    assert_eq!(leased.traceparent, envelope("e1").traceparent);
    assert_eq!((leased.deliveries, leased.epoch), (1, 1));
    let none = fleet.lease_envelopes(by(&gateway, lease(60_000, 0))).await.unwrap().into_inner();
    assert!(none.envelopes.is_empty(), "it is leased");

    let stale = fleet.ack_envelope(by(&gateway, ack(leased, leased.epoch + 1))).await.unwrap_err();
    assert_eq!(code(&stale), "not-leased");
    fleet.ack_envelope(by(&gateway, ack(leased, leased.epoch))).await.unwrap();
    let late = fleet.enqueue_envelope(by(&gateway, envelope("e1"))).await.unwrap().into_inner();
    assert!(late.duplicate, "an acknowledged envelope is still known");
    let none = fleet.lease_envelopes(by(&gateway, lease(60_000, 0))).await.unwrap().into_inner();
    assert!(none.envelopes.is_empty(), "it is acknowledged");
    world.stop().await;
}

#[tokio::test]
async fn who_waits_gets_the_first_envelope_when_it_comes() {
    let world = World::start().await;
    let gateway = world.gateway("g1").await;
    let mut waiting = world.fleet();
    let waiter =
        tokio::spawn(
            async move { waiting.lease_envelopes(by(OPERATOR, lease(60_000, 30_000))).await },
        );
    // Whether the waiter waits already makes no difference to what holds.
    sleep(Duration::from_millis(100)).await;
    world.fleet().enqueue_envelope(by(&gateway, envelope("e1"))).await.unwrap();
    let leased = waiter.await.unwrap().unwrap().into_inner();
    assert_eq!(leased.envelopes.len(), 1);

    let begun = Instant::now();
    let mut fleet = world.fleet();
    let none = fleet.lease_envelopes(by(&gateway, lease(60_000, 400))).await.unwrap().into_inner();
    assert!(none.envelopes.is_empty());
    assert!(begun.elapsed() < Duration::from_secs(20));
    world.stop().await;
}

#[tokio::test]
async fn a_lease_that_ran_out_is_given_again_under_a_new_epoch() {
    let world = World::start().await;
    let gateway = world.gateway("g1").await;
    let mut fleet = world.fleet();
    fleet.enqueue_envelope(by(&gateway, envelope("e1"))).await.unwrap();
    let first = fleet.lease_envelopes(by(&gateway, lease(1_000, 0))).await.unwrap().into_inner();
    let second =
        fleet.lease_envelopes(by(&gateway, lease(60_000, 30_000))).await.unwrap().into_inner();
    let (first, second) = (&first.envelopes[0], &second.envelopes[0]);
    assert!(second.epoch > first.epoch);
    assert_eq!(second.deliveries, 2);
    let stale = fleet.ack_envelope(by(&gateway, ack(first, first.epoch))).await.unwrap_err();
    assert_eq!(code(&stale), "not-leased");
    fleet.ack_envelope(by(&gateway, ack(second, second.epoch))).await.unwrap();
    world.stop().await;
}

fn fail(
    leased: &wire::LeasedEnvelope,
    retry_in_ms: u64,
    attempts_max: u32,
) -> wire::FailEnvelopeRequest {
    wire::FailEnvelopeRequest {
        target: TARGET.to_owned(),
        source: leased.source.clone(),
        id: leased.id.clone(),
        epoch: leased.epoch,
        reason: format!("attempt {} was\nanswered 503", leased.deliveries),
        retry_in_ms,
        attempts_max,
    }
}

fn listed(target: &str, limit: u32, cursor: &str) -> tonic::Request<wire::ListDeadLettersRequest> {
    let (target, cursor) = (target.to_owned(), cursor.to_owned());
    by(OPERATOR, wire::ListDeadLettersRequest { target, limit, cursor, consistency: 1 })
}

#[tokio::test]
async fn what_nobody_delivers_is_a_dead_letter_with_its_reasons_until_it_is_replayed_or_dropped() {
    let world = World::start().await;
    let gateway = world.gateway("g1").await;
    let mut fleet = world.fleet();
    for id in ["e1", "e2"] {
        fleet.enqueue_envelope(by(&gateway, envelope(id))).await.unwrap();
    }
    for _ in 0..2 {
        let leased = fleet.lease_envelopes(by(&gateway, lease(60_000, 0))).await.unwrap();
        let leased = leased.into_inner().envelopes;
        assert_eq!(leased.len(), 2);
        for one in &leased {
            let told = fail(one, 1_500, 2);
            fleet.fail_envelope(by(&gateway, told.clone())).await.unwrap();
            fleet.fail_envelope(by(&gateway, told)).await.unwrap();
        }
        let none = fleet.lease_envelopes(by(&gateway, lease(60_000, 0))).await.unwrap();
        assert!(none.into_inner().envelopes.is_empty(), "they are put off");
        sleep(Duration::from_secs(2)).await;
    }

    let first = fleet.list_dead_letters(listed("", 1, "")).await.unwrap().into_inner();
    assert_eq!((first.letters.len(), first.total), (1, 2));
    let second = fleet.list_dead_letters(listed("", 1, &first.next)).await.unwrap().into_inner();
    assert_eq!((first.letters[0].id.as_str(), second.letters[0].id.as_str()), ("e1", "e2"));
    let elsewhere = fleet.list_dead_letters(listed("elsewhere", 9, "")).await.unwrap().into_inner();
    assert_eq!((elsewhere.letters, elsewhere.total), (Vec::new(), 0));

    let name =
        |id: &str| wire::DeadLetterName { source: "https://a.example".into(), id: id.into() };
    let letter = fleet.get_dead_letter(by(OPERATOR, name("e1"))).await.unwrap().into_inner();
    assert_eq!((letter.cause.as_str(), letter.failures, letter.deliveries), ("attempts", 2, 2));
    assert_eq!(letter.document[..], envelope("e1").document[..]);
    let reasons: Vec<_> = letter.attempts.iter().map(|attempt| attempt.reason.as_str()).collect();
    assert_eq!(reasons, ["attempt 1 was\\nanswered 503", "attempt 2 was\\nanswered 503"]);

    fleet.replay_envelope(by(OPERATOR, name("e1"))).await.unwrap();
    fleet.drop_envelope(by(OPERATOR, name("e2"))).await.unwrap();
    refused("gone", fleet.get_dead_letter(by(OPERATOR, name("e2"))).await, "not-found");
    refused("alive", fleet.replay_envelope(by(OPERATOR, name("e1"))).await, "not-found");
    let again = fleet.lease_envelopes(by(&gateway, lease(60_000, 0))).await.unwrap().into_inner();
    let [again] = &again.envelopes[..] else { panic!("one envelope: {again:?}") };
    assert_eq!((again.id.as_str(), again.epoch), ("e1", 3));
    fleet.ack_envelope(by(&gateway, ack(again, again.epoch))).await.unwrap();
    world.stop().await;
}

#[tokio::test]
async fn dead_letters_are_the_operators_alone_and_a_failure_is_told_under_its_lease() {
    let world = World::start().await;
    let gateway = world.gateway("g1").await;
    let mut fleet = world.fleet();
    fleet.enqueue_envelope(by(&gateway, envelope("e1"))).await.unwrap();
    let leased = fleet.lease_envelopes(by(&gateway, lease(60_000, 0))).await.unwrap().into_inner();
    let told = fail(&leased.envelopes[0], 0, 1);
    let stale = wire::FailEnvelopeRequest { epoch: 9, ..told.clone() };
    refused("another lease", fleet.fail_envelope(by(&gateway, stale)).await, "not-leased");
    let long = wire::FailEnvelopeRequest { retry_in_ms: 86_400_001, ..told.clone() };
    refused("two days", fleet.fail_envelope(by(&gateway, long)).await, "invalid-argument");
    let never = wire::FailEnvelopeRequest { attempts_max: 0, ..told.clone() };
    refused("no attempt", fleet.fail_envelope(by(&gateway, never)).await, "invalid-argument");
    refused("nobody fails", fleet.fail_envelope(told.clone()).await, "unauthenticated");
    fleet.fail_envelope(by(&gateway, told)).await.unwrap();

    let name = || wire::DeadLetterName { source: "https://a.example".into(), id: "e1".into() };
    let all = wire::ListDeadLettersRequest::default();
    refused(
        "listed",
        fleet.list_dead_letters(by(&gateway, all.clone())).await,
        "permission-denied",
    );
    refused("by nobody", fleet.list_dead_letters(all).await, "unauthenticated");
    for denied in [
        fleet.get_dead_letter(by(&gateway, name())).await.err(),
        fleet.replay_envelope(by(&gateway, name())).await.err(),
        fleet.drop_envelope(by(&gateway, name())).await.err(),
    ] {
        assert_eq!(code(&denied.unwrap()), "permission-denied");
    }
    let no_cursor = fleet.list_dead_letters(listed("", 1, "urn:a")).await;
    refused("no cursor", no_cursor, "invalid-argument");
    world.stop().await;
}
