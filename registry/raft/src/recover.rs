//! The recovery of a member whose state was found damaged and set aside: from the log, its own snapshot, or another
//! member's, before consensus starts. A snapshot is used only after its digests were compared and it was read through,
//! and a state only if the log goes on from it.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use proto_wire::raft::v1::Frame;
use tonic::{Status, Streaming};

use crate::codec::{decode, encode};
use crate::log::PURGED;
use crate::network::{Caller, Pull, client, request};
use crate::snapshot::{Manifest, Snapshots, Stored, disk, receive, turn};
use crate::store_handle::{APPLIED, StoreHandle, blocking};
use crate::types::LogId;
use crate::{Config, Error};

/// How often each of the others is asked before the start fails. Whoever starts the process tries again.
const ROUNDS_MAX: u32 = 3;

/// Between two rounds.
const PAUSE: Duration = Duration::from_secs(2);

/// How long a member may take to make a snapshot; how long that takes to come is bounded by silence alone. Arbitrary.
const PULL_TIMEOUT: Duration = Duration::from_secs(500);

/// Sees to it that the log goes on where the state, or the snapshot that is put in its place, ends.
pub(crate) async fn recover(
    config: &Config,
    handle: &Arc<StoreHandle>,
    snapshots: &Arc<Snapshots>,
    calls: &Caller,
) -> Result<(), Error> {
    let failed = |cause: io::Error| Error::Raft(cause.to_string());
    let Some(purged) = lacking(handle).map_err(failed)? else { return Ok(()) };
    let mut others = snapshots.current().map(|stored| stored.members()).unwrap_or_default();
    others.extend(config.members.clone());
    others.remove(&config.id);
    let (own, shared) = (Arc::clone(snapshots), Arc::clone(handle));
    blocking(move || own.set_unsound_aside(shared.store.dir())).await.map_err(failed)?;
    if snapshots.current().is_some_and(|stored| stored.reaches(purged)) {
        tracing::warn!("the state is made anew from this member's own snapshot and its log");
        return Ok(());
    }
    let rounds = if others.is_empty() { 0 } else { ROUNDS_MAX };
    for _ in 0..rounds {
        if let Some(stored) =
            ask_round(calls, &others, (config.id, handle, snapshots), purged).await
        {
            snapshots.adopt(stored);
            return Ok(());
        }
        tokio::time::sleep(PAUSE).await;
    }
    Err(Error::Unrecovered { dir: config.dir.clone() })
}

/// Asks one after the other.
async fn ask_round(
    calls: &Caller,
    others: &BTreeMap<u64, String>,
    own: (u64, &Arc<StoreHandle>, &Arc<Snapshots>),
    purged: LogId,
) -> Option<Arc<Stored>> {
    for (id, address) in others {
        match pull(calls, (*id, address), own).await {
            Ok(stored) if stored.reaches(purged) => {
                tracing::warn!(from = id, "the state is made anew from another member's");
                return Some(stored);
            }
            Ok(_) => tracing::warn!(from = id, "its state is older than this member's log"),
            Err(why) => tracing::warn!(from = id, %why, "it gives no state"),
        }
    }
    None
}

/// Where the log begins, if the state is empty and the log cannot bring it back alone.
fn lacking(handle: &StoreHandle) -> io::Result<Option<LogId>> {
    if handle.store.view().meta(APPLIED).map_err(io::Error::other)?.is_some() {
        return Ok(None);
    }
    let purged = handle.store.log().saved(PURGED).map_err(io::Error::other)?;
    purged.as_deref().map(decode).transpose()
}

/// Fetches another member's state as it is now.
async fn pull(
    calls: &Caller,
    (from, address): (u64, &str),
    (own, handle, snapshots): (u64, &Arc<StoreHandle>, &Arc<Snapshots>),
) -> Result<Arc<Stored>, Status> {
    let refused = |cause: &dyn std::fmt::Display| Status::unavailable(cause.to_string());
    let mut member = client(calls.credentials(), from, address).map_err(|cause| refused(&cause))?;
    let body = encode(&calls.call(from, Pull { member: own })).map_err(|cause| refused(&cause))?;
    let call = request(calls.credentials(), body, PULL_TIMEOUT);
    let mut frames: Streaming<Frame> = member.pull(call).await?.into_inner();
    let first = frames.message().await?.ok_or_else(|| Status::unavailable("it sent nothing"))?;
    let manifest: Manifest = decode(&first.body).map_err(|cause| refused(&cause))?;
    let turn = turn(snapshots)?;
    snapshots.forget_incoming();
    let (offered, into) = (manifest.clone(), Arc::clone(snapshots));
    // All of it, but for files without a byte.
    let wanted = disk(move || into.wanted(&offered)).await?;
    receive(handle, &turn, (manifest, wanted), frames).await
}
