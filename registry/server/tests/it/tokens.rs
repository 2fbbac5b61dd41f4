//! Tokens are spent once, whoever asks and however often.

use proto_types::Digest;
use proto_wire::registry::v1::{self as wire, Verdict};

use crate::artifacts::deploy;
use crate::envelopes::envelope;
use crate::fleet::task;
use crate::world::{OPERATOR, World, by, refused};

fn uses(names: &[&str], remember_until_ms: u64) -> wire::SpendTokensRequest {
    let token = |name: &&str| wire::TokenUse {
        key: Digest::of(name.as_bytes()).as_bytes().to_vec().into(),
        remember_until_ms,
        ..Default::default()
    };
    wire::SpendTokensRequest { tokens: names.iter().map(token).collect() }
}

pub(crate) fn now_ms() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    since.as_millis().try_into().unwrap()
}

#[tokio::test]
async fn of_many_that_spend_one_token_exactly_one_succeeds() {
    let world = World::start().await;
    let gateways = [world.gateway("g1").await, world.gateway("g2").await];
    let until = now_ms() + 300_000;
    let spends = (0..100).map(|at| {
        let (mut fleet, gateway) = (world.fleet(), gateways[at % 2].clone());
        async move { fleet.spend_tokens(by(&gateway, uses(&["t1"], until))).await }
    });
    let answers = futures_util::future::join_all(spends).await;
    let fresh = answers
        .into_iter()
        .filter(|answer| answer.as_ref().unwrap().get_ref().verdicts == [Verdict::Fresh as i32]);
    assert_eq!(fresh.count(), 1);
    world.stop().await;
}

#[tokio::test]
async fn verdicts_come_in_the_order_of_the_batch() {
    let world = World::start().await;
    let gateway = world.gateway("g1").await;
    let until = now_ms() + 300_000;
    let mut fleet = world.fleet();
    let batch = fleet.spend_tokens(by(&gateway, uses(&["a", "b", "a"], until))).await.unwrap();
    let [fresh, replayed] = [Verdict::Fresh as i32, Verdict::Replayed as i32];
    assert_eq!(batch.get_ref().verdicts, [fresh, fresh, replayed]);
    let past = fleet.spend_tokens(by(&gateway, uses(&["c"], 1))).await.unwrap();
    assert_eq!(past.get_ref().verdicts, [Verdict::OutOfHorizon as i32]);
    world.stop().await;
}

#[tokio::test]
async fn a_token_that_comes_with_a_task_or_an_envelope_is_spent_with_it_and_once() {
    let world = World::start().await;
    deploy(&world, "text").await;
    let gateways = [world.gateway("g1").await, world.gateway("g2").await];
    let mut fleet = world.fleet();
    let until = now_ms() + 300_000;
    let token = |name: &str| uses(&[name], until).tokens.pop();
    let paid = |id: &str, name: &str| wire::SubmitTaskRequest { token: token(name), ..task(id) };
    let sent =
        |id: &str, name: &str| wire::EnqueueEnvelopeRequest { token: token(name), ..envelope(id) };
    for gateway in &gateways {
        let kept = fleet.submit_task(by(gateway, paid("t1", "a"))).await.unwrap().into_inner();
        assert_eq!((kept.id.as_str(), kept.gateway.as_str()), ("t1", "g1"), "the first one waits");
    }
    let second = fleet.submit_task(by(&gateways[1], paid("t2", "a"))).await;
    refused("a second task", second, "token-spent");
    let ask = wire::GetTaskRequest { id: "t2".to_owned(), consistency: 1, ..Default::default() };
    refused("no task", fleet.get_task(by(OPERATOR, ask)).await, "not-found");
    let late = fleet.enqueue_envelope(by(&gateways[0], sent("e1", "a"))).await;
    refused("an envelope after it", late, "token-spent");
    fleet.enqueue_envelope(by(&gateways[0], sent("e1", "b"))).await.unwrap();
    let again = fleet.enqueue_envelope(by(&gateways[0], sent("e1", "b"))).await;
    refused("the same envelope again", again, "token-spent");
    let operators = fleet.submit_task(by(OPERATOR, paid("t3", "c"))).await;
    refused("a token of the operator", operators, "invalid-argument");
    let left = fleet.spend_tokens(by(&gateways[0], uses(&["a", "b", "c"], until))).await.unwrap();
    let [fresh, replayed] = [Verdict::Fresh as i32, Verdict::Replayed as i32];
    assert_eq!(left.get_ref().verdicts, [replayed, replayed, fresh]);
    world.stop().await;
}
