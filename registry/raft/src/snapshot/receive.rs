//! A snapshot comes in over the network: from the leader that sends it, or from a member that was asked for it.
//! It must never hold a runtime's thread while it writes, nor wait for ever for a sender that has gone.

use std::sync::Arc;
use std::time::Duration;

use proto_wire::raft::v1::Frame;
use tokio::sync::SemaphorePermit;
use tonic::{Status, Streaming};

use super::{Incoming, Manifest, Refused, Snapshots, Stored, Want};
use crate::home::Home;

/// A sender of a snapshot that is silent for this long has gone.
const SILENCE_MAX: Duration = Duration::from_secs(30);

/// Receives a snapshot up to its last byte and checks it.
pub(crate) async fn receive(
    home: &Arc<Home>,
    snapshots: &Arc<Snapshots>,
    (manifest, sent): (Manifest, Vec<Want>),
    mut frames: Streaming<Frame>,
) -> Result<Arc<Stored>, Status> {
    let _turn = turn(snapshots)?;
    let into = Arc::clone(snapshots);
    let mut incoming = disk(move || Incoming::begin(&into, manifest, &sent)).await?;
    while let Some(frame) = next_frame(&mut frames).await? {
        let write = move || incoming.write(&frame.body).map(|()| incoming);
        incoming = disk(write).await?;
    }
    let home = Arc::clone(home);
    disk(move || incoming.finish(&home)).await
}

/// The right to receive one.
pub(crate) fn turn(snapshots: &Snapshots) -> Result<SemaphorePermit<'_>, Status> {
    let turn = snapshots.receive();
    turn.ok_or_else(|| Status::resource_exhausted("another snapshot is being received"))
}

pub(crate) async fn next_frame(frames: &mut Streaming<Frame>) -> Result<Option<Frame>, Status> {
    let frame = tokio::time::timeout(SILENCE_MAX, frames.message()).await;
    frame.map_err(|_| Status::deadline_exceeded("the sender is silent"))?
}

pub(crate) async fn disk<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Refused> + Send + 'static,
) -> Result<T, Status> {
    let outcome = tokio::task::spawn_blocking(work).await;
    let outcome = outcome.map_err(|_| Status::unavailable("the member is stopping"))?;
    outcome.map_err(|refused| {
        tracing::warn!(%refused, "a snapshot was refused");
        match refused {
            Refused::Manifest(_) => Status::invalid_argument(refused.to_string()),
            // The sender's file may have ended early: its digest would not have matched either.
            Refused::Corrupt(_) | Refused::Unsound(_) | Refused::OtherState => {
                Status::data_loss(refused.to_string())
            }
            Refused::Length | Refused::Moved => Status::aborted(refused.to_string()),
            Refused::Disk(_) => Status::resource_exhausted(refused.to_string()),
        }
    })
}
