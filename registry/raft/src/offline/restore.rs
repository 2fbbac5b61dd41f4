//! A new cluster from a copy of an old one's state. Its epoch rises, and with it every revision, so that members of the
//! old cluster are not heard and its cursors are known as old. Nothing is overwritten.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::mpsc;

use openraft::BasicNode;
use proto_types::{Origin, Revision};
use registry_core::epoch::{self, EPOCH_MAX};
use registry_core::query;
use registry_store::Store;

use super::{Fault, archive};
use crate::codec::{decode, encode};
use crate::config::VOTERS_MAX;
use crate::log::{PURGED, VOTE};
use crate::snapshot::{Snapshots, checkpoint};
use crate::store_handle::{APPLIED, MEMBERSHIP, StoreHandle};
use crate::types::{LogId, Membership, Vote};

/// What was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restored {
    /// The revision of the state.
    pub revision: Revision,
    /// The epoch of the new cluster.
    pub epoch: u64,
    /// Its voters.
    pub members: BTreeMap<u64, String>,
}

/// Makes the data directory of one member of a new cluster. Each of `members` needs one, made of the same copy: a voter
/// that holds nothing does not vote. Without `epoch` it is the one after the copy's; a copy that was restored before needs
/// one that no cluster has had.
///
/// # Errors
/// The copy is not sound, `dir` holds something, the members make no cluster, or the epoch is not above the copy's.
pub fn restore(
    copy: &Path,
    dir: &Path,
    members: &BTreeMap<u64, String>,
    epoch: Option<u64>,
) -> Result<Restored, Fault> {
    check_members(members)?;
    fs::create_dir_all(dir)?;
    if fs::read_dir(dir)?.next().is_some() {
        return Err(Fault::NotEmpty(dir.display().to_string()));
    }
    let made = make(copy, dir, members, epoch);
    if made.is_err() {
        // It held nothing before, and what was begun is no member's.
        clear(dir)?;
    }
    made
}

fn clear(dir: &Path) -> Result<(), Fault> {
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        if path.is_dir() {
            fs::remove_dir_all(path)?;
        } else {
            fs::remove_file(path)?;
        }
    }
    Ok(())
}

fn make(
    copy: &Path,
    dir: &Path,
    members: &BTreeMap<u64, String>,
    epoch: Option<u64>,
) -> Result<Restored, Fault> {
    archive::unpack(copy, &Store::first_state(dir))?;
    let handle = StoreHandle::make_over(dir)?;
    let view = handle.store.view();
    let applied = view.meta(APPLIED)?;
    let applied = applied.ok_or_else(|| Fault::Archive("its state holds nothing".to_owned()))?;
    let unread = |cause: registry_core::view::ViewError| Fault::Archive(cause.to_string());
    let epoch = next_epoch(query::cluster_epoch(&view).map_err(unread)?, epoch)?;
    let writes = epoch::begin(&view, epoch).map_err(unread)?;
    drop(view);
    let last: LogId = decode(&applied)?;
    let membership = encode(&membership(last, members)?)?;
    let meta: [(&[u8], &[u8]); 2] = [(APPLIED, &applied), (MEMBERSHIP, &membership)];
    handle.store.commit(&writes, &meta)?;
    handle.store.sync_state()?;
    begin_log(&handle, last, members)?;
    // Members that join later are sent this one.
    checkpoint(&handle, &Snapshots::open(dir)?)?;
    Ok(Restored { revision: epoch::first_revision(epoch), epoch, members: members.clone() })
}

fn next_epoch(kept: u64, requested: Option<u64>) -> Result<u64, Fault> {
    let epoch = requested.unwrap_or(kept + 1);
    match (kept + 1..=EPOCH_MAX).contains(&epoch) {
        true => Ok(epoch),
        false => Err(Fault::Epoch { kept, requested: epoch, max: EPOCH_MAX }),
    }
}

fn membership(last: LogId, members: &BTreeMap<u64, String>) -> Result<Membership, Fault> {
    let node = |(id, address): (&u64, &String)| (*id, BasicNode::new(address));
    let nodes: BTreeMap<u64, BasicNode> = members.iter().map(node).collect();
    let voters = vec![members.keys().copied().collect()];
    let membership = openraft::Membership::new(voters, nodes)
        .map_err(|cause| Fault::Members(cause.to_string()))?;
    Ok(Membership::new(Some(last), membership))
}

/// The log begins behind the state. The vote is one that nobody counts: the first election is in the next term.
fn begin_log(
    handle: &StoreHandle,
    last: LogId,
    members: &BTreeMap<u64, String>,
) -> Result<(), Fault> {
    let log = handle.store.log();
    log.purge_to(last.index(), PURGED, &encode(&last)?)?;
    let founder = members.keys().next().copied().unwrap_or(0);
    let vote = encode(&Vote::new(last.committed_leader_id().term, founder))?;
    let (done, synced) = mpsc::channel();
    // The receiver waits below, so that a send cannot fail.
    log.save(VOTE, &vote, Box::new(move |outcome| done.send(outcome).unwrap_or(())))?;
    Ok(synced.recv().map_err(std::io::Error::other)??)
}

fn check_members(members: &BTreeMap<u64, String>) -> Result<(), Fault> {
    if members.is_empty() || members.len() > VOTERS_MAX || members.contains_key(&0) {
        return Err(Fault::Members(format!("1 to {VOTERS_MAX} members, none of them number 0")));
    }
    match members.iter().find(|(_, address)| Origin::parse(address).is_err()) {
        Some((id, address)) => {
            Err(Fault::Members(format!("member {id}: {address} is no http or https URL")))
        }
        None => Ok(()),
    }
}
