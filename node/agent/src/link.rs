//! The session with the registry's leader: found, opened, and opened again when it ends.
//! It decides whom to dial and when; it must never decide what an order means.

use std::sync::Arc;
use std::time::{Duration, Instant};

use deploy_service::Backoff;
use node_core::lease;
use proto_types::Code as Known;
use proto_types::metadata::LEADER_KEY;
use proto_wire::registry::v1 as wire;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Status, Streaming};

use crate::registry::Registry;

/// Messages under way to the leader. More than the slots of any node.
const QUEUE: usize = 1_024;
/// First pause after a round through the members; doubles up to [`PAUSE_MAX`] until a session has held for as long.
const PAUSE: Duration = Duration::from_millis(50);
/// A third of the shortest useful lease.
const PAUSE_MAX: Duration = Duration::from_secs(1);

/// Until the leader has said how long its leases are, a session may be silent for so long.
const SILENCE_FIRST: Duration = Duration::from_secs(5);
/// However short leases are: a busy machine is no dead leader.
const SILENCE_MIN: Duration = Duration::from_millis(500);

/// What the link tells the supervisor.
pub(crate) enum Event {
    /// A session is being opened: its first message must be the hello.
    Opening(mpsc::Sender<wire::NodeMessage>),
    /// The leader says something.
    Order(Box<wire::node_order::Kind>),
    /// The session ended, or did not open; leases run on by their own time.
    Down {
        /// Whether the leader ended it for a newer one of the same node.
        replaced: bool,
    },
}

/// Keeps a session open until the supervisor is gone.
pub(crate) async fn keep(registry: Arc<Registry>, supervisor: mpsc::Sender<Event>) {
    let mut backoff = Backoff::new(PAUSE, PAUSE_MAX);
    let mut hint: Option<String> = None;
    let mut silent: Option<String> = None;
    while !supervisor.is_closed() {
        let mut urls: Vec<String> = hint.take().into_iter().chain(registry.urls()).collect();
        // A member that stopped answering, without a word, keeps nobody from the next leader.
        urls.sort_by_key(|url| Some(url) == silent.as_ref());
        for url in urls {
            let began = Instant::now();
            match session(&registry, &url, &supervisor).await {
                Ok(ended) => {
                    if began.elapsed() >= PAUSE_MAX {
                        backoff.succeeded();
                    }
                    silent = (ended == Ended::Silent).then_some(url);
                }
                Err(status) => {
                    tracing::debug!(%url, %status, "no session");
                    hint = leader_of(&status).or(hint);
                }
            }
            if hint.is_some() {
                break;
            }
        }
        pause(&mut backoff).await;
    }
}

/// Waits before the next round, and says now and then that there is no session.
async fn pause(backoff: &mut Backoff) {
    let failed = backoff.failed(Instant::now());
    if let Some(unsaid) = failed.say {
        tracing::info!(unsaid, "there is no session with the registry's leader: it is dialled");
    }
    // Jitter, so that nodes that lost one leader do not meet the next one all at once.
    tokio::time::sleep(failed.pause.mul_f64(0.5 + rand::random::<f64>())).await;
}

/// How a session ended that had opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ended {
    /// The leader ended it, or the connection broke.
    Closed,
    /// The leader granted no lease in time: it may be stopped, and others may have elected another.
    Silent,
    /// The leader ended it for a newer one of the same node.
    Replaced,
}

/// One session, from hello to its end. `Ok` if it ever opened.
async fn session(
    registry: &Registry,
    url: &str,
    supervisor: &mpsc::Sender<Event>,
) -> Result<Ended, Status> {
    let mut fleet = registry.fleet_at(url).map_err(|error| Status::internal(error.to_string()))?;
    let (sender, receiver) = mpsc::channel(QUEUE);
    if supervisor.send(Event::Opening(sender)).await.is_err() {
        return Ok(Ended::Closed);
    }
    let opened =
        tokio::time::timeout(Duration::from_secs(5), fleet.session(ReceiverStream::new(receiver)))
            .await;
    let opened =
        opened.unwrap_or_else(|_| Err(Status::deadline_exceeded("the session does not open")));
    let ended = match opened {
        Ok(orders) => Ok(follow(orders.into_inner(), supervisor).await),
        Err(status) => Err(status),
    };
    let replaced = matches!(ended, Ok(Ended::Replaced));
    // The supervisor may be gone; then there is nobody to tell.
    let _ = supervisor.send(Event::Down { replaced }).await;
    ended
}

/// Hands orders to the supervisor. Grants come as often as beats, so that a leader without any word is given up while
/// there is time to dial another.
async fn follow(mut orders: Streaming<wire::NodeOrder>, supervisor: &mpsc::Sender<Event>) -> Ended {
    let mut patience = SILENCE_FIRST;
    loop {
        let Ok(order) = tokio::time::timeout(patience, orders.message()).await else {
            tracing::warn!("the leader says nothing: its session is given up");
            return Ended::Silent;
        };
        match order {
            Ok(Some(wire::NodeOrder { kind: Some(kind) })) => {
                if let wire::node_order::Kind::Granted(granted) = &kind {
                    let silence_us = lease::silence_us(granted.ttl_ms.saturating_mul(1_000));
                    patience = Duration::from_micros(silence_us).max(SILENCE_MIN);
                }
                if supervisor.send(Event::Order(Box::new(kind))).await.is_err() {
                    return Ended::Closed;
                }
            }
            // An order of a kind that this version does not know.
            Ok(Some(_)) => {}
            Ok(None) => return Ended::Closed,
            Err(status) => return broken(&status),
        }
    }
}

/// How a session ended with this status.
fn broken(status: &Status) -> Ended {
    if registry_client::code_of(status) == Some(Known::SessionReplaced.as_str()) {
        tracing::warn!(
            "a newer session of this node has replaced this one: does another process use its \
             credential?"
        );
        return Ended::Replaced;
    }
    tracing::warn!(%status, "the session broke");
    Ended::Closed
}

/// Whom a member names as leader when it cannot serve a session itself.
fn leader_of(status: &Status) -> Option<String> {
    let named = status.metadata().get(LEADER_KEY)?.to_str().ok()?;
    (status.code() == Code::FailedPrecondition && !named.is_empty()).then(|| named.to_owned())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use proto_types::metadata::CODE_KEY;

    use super::*;

    #[test]
    fn a_session_that_was_replaced_is_told_from_one_that_broke() {
        for (code, expected) in [
            ("session-replaced", Ended::Replaced),
            ("not-leader", Ended::Closed),
            ("", Ended::Closed),
        ] {
            let mut status = Status::aborted("why");
            if !code.is_empty() {
                status.metadata_mut().insert(CODE_KEY, code.parse().unwrap());
            }
            assert_eq!(broken(&status), expected, "{code}");
        }
    }
}
