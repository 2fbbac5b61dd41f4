//! The receipt of a snapshot over the network: from the leader that sends it, or from a member that was asked for it. A
//! transfer is bounded by silence, not as a whole. It must never hold a runtime's thread while it writes, wait for ever
//! for a sender that has gone, nor lose what is here because the sender's call has ended.

use std::sync::Arc;
use std::time::Duration;

use futures_util::{Stream, TryStreamExt as _};
use proto_wire::raft::v1::Frame;
use tonic::Status;

use super::turn::Turn;
use super::{Incoming, Manifest, Refused, Snapshots, Stored, Want};
use crate::store_handle::StoreHandle;

/// A sender of a snapshot that is silent for this long has gone.
const SILENCE_MAX: Duration = Duration::from_secs(30);

/// Receives a snapshot up to its last byte, checks it and has it installed. It goes on when the future is dropped: once all
/// of it is here the sender is not needed any more.
pub(crate) async fn receive_and_install<T, F>(
    handle: Arc<StoreHandle>,
    snapshots: Arc<Snapshots>,
    sent: (Manifest, Vec<Want>),
    frames: impl Stream<Item = Result<Frame, Status>> + Send + Unpin + 'static,
    install: impl FnOnce(Arc<Stored>) -> F + Send + 'static,
) -> Result<T, Status>
where
    T: Send + 'static,
    F: Future<Output = Result<T, Status>> + Send + 'static,
{
    let all = async move {
        let turn = match snapshots.holds(&sent.0) {
            true => snapshots.receive_next().await.ok_or_else(busy)?,
            false => turn(&snapshots)?,
        };
        let stored = receive(&handle, &turn, sent, frames).await?;
        // The turn ends after this: whoever waits for it finds the snapshot installed.
        install(stored).await
    };
    tokio::spawn(all).await.map_err(|_| stopping())?
}

/// Receives a snapshot up to its last byte and checks it. One that is here already is not received again.
pub(crate) async fn receive(
    handle: &Arc<StoreHandle>,
    turn: &Turn<'_>,
    (manifest, sent): (Manifest, Vec<Want>),
    mut frames: impl Stream<Item = Result<Frame, Status>> + Unpin,
) -> Result<Arc<Stored>, Status> {
    let current = turn.snapshots().current();
    if let Some(current) = current.filter(|current| *current.manifest() == manifest) {
        return Ok(current);
    }
    let (into, whole) = (Arc::clone(turn.snapshots()), manifest.clone());
    let mut incoming = disk(move || Incoming::begin(&into, manifest, &sent)).await?;
    while let Some(frame) = next_frame(&mut frames).await? {
        let write = move || incoming.write(&frame.body).map(|()| incoming);
        incoming = disk(write).await?;
    }
    turn.note_whole(whole);
    let handle = Arc::clone(handle);
    disk(move || incoming.finish(&handle)).await
}

/// The right to receive one.
pub(crate) fn turn(snapshots: &Arc<Snapshots>) -> Result<Turn<'_>, Status> {
    snapshots.receive().ok_or_else(busy)
}

fn busy() -> Status {
    Status::resource_exhausted("another snapshot is being received")
}

fn stopping() -> Status {
    Status::unavailable("the member is stopping")
}

pub(crate) async fn next_frame(
    frames: &mut (impl Stream<Item = Result<Frame, Status>> + Unpin),
) -> Result<Option<Frame>, Status> {
    let frame = tokio::time::timeout(SILENCE_MAX, frames.try_next()).await;
    frame.map_err(|_| Status::deadline_exceeded("the sender is silent"))?
}

pub(crate) async fn disk<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Refused> + Send + 'static,
) -> Result<T, Status> {
    let outcome = tokio::task::spawn_blocking(work).await;
    let outcome = outcome.map_err(|_| stopping())?;
    outcome.map_err(|refused| {
        tracing::warn!(%refused, "a snapshot was refused");
        match refused {
            Refused::Manifest(_) => Status::invalid_argument(refused.to_string()),
            // The sender's file may have ended early: its digest would not have matched either.
            Refused::Corrupt(_) | Refused::Unsound(_) | Refused::OtherState => {
                Status::data_loss(refused.to_string())
            }
            Refused::Length | Refused::Moved => Status::aborted(refused.to_string()),
            // The sender's are sound.
            Refused::Changed(_) | Refused::Disk(_) => {
                Status::resource_exhausted(refused.to_string())
            }
        }
    })
}
