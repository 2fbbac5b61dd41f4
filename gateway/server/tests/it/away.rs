//! A registry that is away for a while, as the caller of a gateway notices it.

use std::time::Duration;

use deploy_service::{units, wait_until};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::world::{Peer, World, eventually, message};

/// A way to the registry that can be cut.
struct Way {
    is_open: watch::Sender<bool>,
    _running: JoinSet<()>,
}

impl Way {
    /// A way to the registry of this URL, and its own URL.
    fn to(registry: &str) -> (Self, String) {
        let target = registry.strip_prefix("http://").unwrap().to_owned();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let listener = TcpListener::from_std(listener).unwrap();
        let (is_open, opened) = watch::channel(true);
        let mut running = JoinSet::new();
        running.spawn(carry(listener, target, opened));
        (Self { is_open, _running: running }, url)
    }
}

async fn carry(listener: TcpListener, target: String, opened: watch::Receiver<bool>) {
    let mut carried = JoinSet::new();
    while let Ok((mut from, _)) = listener.accept().await {
        let (target, mut opened) = (target.clone(), opened.clone());
        carried.spawn(async move {
            let Ok(mut to) = TcpStream::connect(&target).await else { return };
            tokio::select! {
                biased;
                _ = wait_until(&mut opened, |is_open| !is_open) => {}
                _ = copy_bidirectional(&mut from, &mut to) => {}
            }
        });
    }
}

/// The call asks when two seconds have passed, for five, and then has waited for longer than it may. The way is open again
/// while it asks what to answer with, for five seconds more.
const AWAY: Duration = Duration::from_secs(9);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_has_heard_of_no_end_is_answered_with_the_whole_task_as_it_is_then() {
    let mut way = None;
    let world = World::with(|config| {
        let (opened, url) = Way::to(&config.registry[0]);
        (config.registry, way) = (vec![url], Some(opened));
        config.bounds.task_deadline = units::Duration::from_millis(1_500);
    })
    .await;
    let (way, caller) = (way.unwrap(), Peer::new("a", 1));
    let called = world.gateway.call(&caller, "/agents/echo", "SendMessage", message("hello"));
    let cut = async {
        eventually("the task", || async {
            let metrics = world.registry_metrics().await;
            metrics.contains("ecumene_registry_open_tasks 1\n").then_some(())
        })
        .await;
        // The answer to the submission is on its way.
        sleep(Duration::from_millis(500)).await;
        way.is_open.send_replace(false);
        sleep(AWAY).await;
        way.is_open.send_replace(true);
    };
    let (answer, ()) = tokio::join!(called, cut);
    let task = &answer["result"]["task"];
    assert_eq!(task["history"][0]["messageId"], "m1", "{answer}");
    assert_eq!(task["status"]["state"], "TASK_STATE_FAILED", "its deadline has passed: {answer}");
}
