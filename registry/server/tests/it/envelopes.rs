//! Envelopes: accepted once, leased under an epoch, acknowledged once.

use std::time::Duration;

use proto_wire::registry::v1 as wire;
use tokio::time::{Instant, sleep};

use crate::tokens::now_ms;
use crate::world::{OPERATOR, World, by, code};

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
