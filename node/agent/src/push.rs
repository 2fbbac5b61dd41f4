//! A run's events on their way to the gateways whose callers wait: the one that submitted the task, and those that ask for its
//! events later. Best effort: the outcome is committed elsewhere.
//! It must never hold a run back for longer than [`PATIENCE`] at one event, nor at all for a gateway that asked later, nor send
//! an event twice to one of them.

mod targets;

use std::time::Duration;

use deploy_service::tls::{Connector, Role};
use node_wasm::Event;
use proto_wire::registry::v1 as wire;
use tokio::sync::mpsc;

use crate::clock::Clock;
use crate::outcome::Artifacts;

use self::targets::Targets;

/// The gateway that submitted the task gets no more events once it takes none for so long: its caller reads the outcome from
/// the registry.
const PATIENCE: Duration = Duration::from_secs(2);

/// Targets that a run's events go to, of which a gateway may have several: one for each `reply_to`. Beyond it the one that was
/// asked for first gets no more. Arbitrary.
pub(crate) const TARGETS_MAX: usize = 8;

/// A gateway that wants the events of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Follower {
    /// Where it takes them.
    pub(crate) to: wire::ReplyTo,
    /// It has the events up to the one of this number; `None` if it wants each artifact as it stands, and what follows.
    pub(crate) after: Option<u64>,
}

/// Where a run's events come from, and where they go besides the first gateway.
pub(crate) struct Source {
    /// What the guest emits, until it ends.
    pub(crate) events: mpsc::Receiver<Event>,
    /// Further gateways. Each gets the events that it lacks, or else what there is of each artifact; and then what follows.
    pub(crate) follows: mpsc::Receiver<Follower>,
}

/// Takes a run's events until it ends: collects artifacts, and passes everything on while somebody takes it.
pub(crate) async fn drain(
    assigned: &wire::Assigned,
    source: Source,
    connector: Connector,
    clock: Clock,
) -> Artifacts {
    let Source { mut events, mut follows } = source;
    let mut artifacts = Artifacts::default();
    let mut targets = Targets::new(assigned, connector.to(Role::Gateway));
    if let Some(to) = assigned.reply_to.clone() {
        targets.add(&Follower { to, after: Some(0) }, &artifacts);
    }
    loop {
        tokio::select! {
            // Who was named before an event came gets it as an event.
            biased;
            Some(follower) = follows.recv() => targets.add(&follower, &artifacts),
            event = events.recv() => {
                let Some(event) = event else { return artifacts };
                if let Event::Artifact(chunk) = &event {
                    artifacts.take(chunk);
                }
                targets.push(&event, clock.registry_time()).await;
            }
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests;
