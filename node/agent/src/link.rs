//! The session with the registry's leader: found, opened, and opened again when it ends.
//! It decides whom to dial and when; it must never decide what an order means.

use std::sync::Arc;
use std::time::Duration;

use proto_wire::registry::v1 as wire;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Status, Streaming};

use crate::registry::Registry;

/// Messages under way to the leader. More than the slots of any node.
const QUEUE: usize = 1_024;
/// First pause after a failed round through the members; doubles up to [`PAUSE_MAX`].
const PAUSE: Duration = Duration::from_millis(50);
/// A third of the shortest useful lease.
const PAUSE_MAX: Duration = Duration::from_secs(1);

/// What the link tells the desk.
pub(crate) enum Event {
    /// A session is being opened: its first message must be the hello.
    Opening(mpsc::Sender<wire::NodeMessage>),
    /// The leader says something.
    Order(Box<wire::node_order::Kind>),
    /// The session ended; leases run on by their own time.
    Down,
}

/// Keeps a session open until the desk is gone.
pub(crate) async fn keep(registry: Arc<Registry>, desk: mpsc::Sender<Event>) {
    let mut pause = PAUSE;
    let mut hint: Option<String> = None;
    while !desk.is_closed() {
        let urls: Vec<String> = hint.take().into_iter().chain(registry.urls()).collect();
        for url in urls {
            match session(&registry, &url, &desk).await {
                Ok(()) => pause = PAUSE,
                Err(status) => {
                    tracing::debug!(%url, %status, "no session");
                    hint = leader_of(&status).or(hint);
                }
            }
            if hint.is_some() {
                break;
            }
        }
        // Jitter, so that nodes that lost one leader do not meet the next one all at once.
        tokio::time::sleep(pause.mul_f64(0.5 + rand::random::<f64>())).await;
        pause = (pause * 2).min(PAUSE_MAX);
    }
}

/// One session, from hello to its end. `Ok` if it ever opened.
async fn session(registry: &Registry, url: &str, desk: &mpsc::Sender<Event>) -> Result<(), Status> {
    let mut fleet = registry.fleet_at(url).map_err(|error| Status::internal(error.to_string()))?;
    let (sender, receiver) = mpsc::channel(QUEUE);
    if desk.send(Event::Opening(sender)).await.is_err() {
        return Ok(());
    }
    let opened =
        tokio::time::timeout(Duration::from_secs(5), fleet.session(ReceiverStream::new(receiver)))
            .await;
    let opened =
        opened.unwrap_or_else(|_| Err(Status::deadline_exceeded("the session does not open")));
    let ended = match opened {
        Ok(orders) => {
            follow(orders.into_inner(), desk).await;
            Ok(())
        }
        Err(status) => Err(status),
    };
    // The desk may be gone; then there is nobody to tell.
    let _ = desk.send(Event::Down).await;
    ended
}

async fn follow(mut orders: Streaming<wire::NodeOrder>, desk: &mpsc::Sender<Event>) {
    loop {
        match orders.message().await {
            Ok(Some(wire::NodeOrder { kind: Some(kind) })) => {
                if desk.send(Event::Order(Box::new(kind))).await.is_err() {
                    return;
                }
            }
            // An order of a kind that this version does not know.
            Ok(Some(_)) => {}
            Ok(None) => return,
            Err(status) => {
                tracing::info!(%status, "the session broke");
                return;
            }
        }
    }
}

/// Whom a member names as leader when it cannot serve a session itself.
fn leader_of(status: &Status) -> Option<String> {
    let named = status.metadata().get("ecumene-leader")?.to_str().ok()?;
    (status.code() == Code::FailedPrecondition && !named.is_empty()).then(|| named.to_owned())
}
