//! What is done about a snapshot that a receiver found damaged: another takes its place soon, and the damage is looked
//! into beside consensus: the snapshot's, the state's too, or neither's. The state machine is never held up.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::sync::Arc;
use std::time::Instant;

use crate::snapshot::{Piece, Snapshots, Stored, Unsound, checkpoint};
use crate::store_handle::StoreHandle;

/// Begins to look into a suspect snapshot, unless one is looked into already.
///
/// # Errors
/// The state was found damaged: this member passes none of it on.
pub(super) fn look_into(
    handle: &Arc<StoreHandle>,
    snapshots: &Arc<Snapshots>,
    suspect: &Arc<Stored>,
) -> io::Result<()> {
    if let Some(why) = handle.store.damage().found() {
        return Err(io::Error::other(why));
    }
    let Some(turn) = snapshots.examine() else { return Ok(()) };
    let (handle, snapshots) = (Arc::clone(handle), Arc::clone(snapshots));
    let suspect = Arc::clone(suspect);
    tokio::task::spawn_blocking(move || {
        if let Err(cause) = examine(&handle, &snapshots, suspect) {
            tracing::error!(%cause, "a snapshot was refused as damaged, and looking into that failed");
        }
        // Only now may the next one be examined.
        drop(turn);
    });
    Ok(())
}

/// Puts a new snapshot in the place of a suspect one, and reads that one through.
fn examine(handle: &StoreHandle, snapshots: &Snapshots, suspect: Arc<Stored>) -> io::Result<()> {
    let fresh = checkpoint(handle, snapshots)?;
    snapshots.adopt(Arc::clone(&fresh));
    match snapshots.set_aside_if_unsound(handle.store.dir(), &suspect)? {
        Some(unsound) => examine_state(handle, unsound),
        None => {
            // Whoever refuses what both have in common is at fault itself; what turns bad later is another matter.
            fresh.vouch(Instant::now());
            Ok(())
        }
    }
}

/// Finds out whether the state shares the damage of a snapshot. If so, this member begins anew.
fn examine_state(handle: &StoreHandle, unsound: Unsound) -> io::Result<()> {
    let state = handle.store.state_dir();
    // Tables and blobs are the same files in both, by hard links.
    let shared = |piece: &Piece| {
        let file = fs::metadata(state.join(&piece.name));
        file.is_ok_and(|file| file.ino() == piece.inode)
    };
    let Some(piece) = unsound.files.into_iter().find(shared) else {
        // What was damaged before it was digested is found by reading alone, and noted then.
        return handle.store.view().read_through().map_err(io::Error::other);
    };
    let why = format!("{} does not match the digest that it was given", piece.name);
    handle.store.damage().note(handle.store.dir(), &why);
    Err(io::Error::other(why))
}
