//! Cluster epochs. A restore from a backup begins the next epoch, whose revisions are above all of the one before. The
//! lines of the total order and the join tokens that nobody took end with the old one; a token that was signed in it is
//! not accepted any more. A revision belongs to one epoch only, or a watcher would go on in another history.

use proto_types::{LeaseEpoch, Revision, WallMs};

use crate::counter::{self, NOT_BEGUN};
use crate::entity::Entity as _;
use crate::join_token::entry::JoinTokenEntry;
use crate::join_token::table::JOIN_TOKENS;
use crate::view::{Read, Space, View, Write};

/// Revisions of one epoch: a thousand each millisecond for 34 years.
const REVISIONS: u64 = 1 << 40;

/// The last epoch: its revisions are still whole numbers in JSON, which end at 2^53.
pub const EPOCH_MAX: u64 = (1 << 13) - 1;

/// Join tokens read at a time.
const PAGE: usize = 1_000;

/// The revision that a state has when this epoch begins. Every revision of an earlier epoch is below it.
#[must_use]
pub const fn first_revision(epoch: u64) -> Revision {
    Revision(epoch * REVISIONS)
}

/// Whether a cluster of this epoch can be at this revision. In the first epoch none is out of the question: registries of
/// other makes count in their own way there.
#[must_use]
pub const fn is_at(epoch: u64, revision: u64) -> bool {
    epoch == 0 || epoch <= EPOCH_MAX && revision / REVISIONS == epoch
}

/// Whether what was written at this revision can be there in this epoch: what is older than a restore keeps its revision.
#[must_use]
pub const fn can_have(epoch: u64, revision: u64) -> bool {
    epoch == 0 || epoch <= EPOCH_MAX && revision / REVISIONS <= epoch
}

/// The writes with which a cluster that is made anew from a backup begins. The lines of the total order are
/// forgotten with the epoch before, so that each cursor of it is answered with where to start; and so are
/// invitations that nobody had taken: they may have been, after the backup.
///
/// # Errors
/// The view failed, or holds what does not decode.
pub fn begin(view: &dyn View, epoch: u64) -> Read<Vec<Write>> {
    let first = first_revision(epoch).0;
    let mut writes = vec![
        counter::write(counter::CLUSTER_EPOCH, epoch),
        counter::write(counter::EPOCH_BEGAN, NOT_BEGUN),
        counter::write(counter::REVISION, first),
        counter::write(counter::COMPACTED, first),
        Write::DeleteRange {
            space: Space::Changes,
            from: Vec::new(),
            to: first.saturating_add(1).to_be_bytes().to_vec(),
        },
    ];
    let mut after: Option<String> = None;
    loop {
        let page = JOIN_TOKENS.list(view, after.as_deref(), PAGE)?;
        let open = page.iter().filter(|token| token.spent_by.is_none());
        writes.extend(open.flat_map(forget));
        match page.last() {
            Some(last) if page.len() == PAGE => after = Some(last.key()),
            _ => return Ok(writes),
        }
    }
}

fn forget(token: &JoinTokenEntry) -> Vec<Write> {
    let derived = JOIN_TOKENS.derived(token).into_iter();
    let derived = derived.map(|(key, _)| Write::Delete { space: Space::Index, key });
    derived.chain([JOIN_TOKENS.delete(&token.key())]).collect()
}

/// The fencing epoch of a claim after this one. One of the cluster epoch before, that a holder may still show, is never
/// handed out again.
pub(crate) fn next_lease(view: &dyn View, kept: LeaseEpoch) -> Read<LeaseEpoch> {
    let first = first_revision(counter::read(view, counter::CLUSTER_EPOCH)?);
    Ok(kept.next().max(LeaseEpoch(first.0)))
}

/// Whether a federation token of this time of issue may have been spent in the epoch before, which nobody
/// remembers.
///
/// # Errors
/// As [`begin`].
pub fn is_before(view: &dyn View, issued_at: WallMs) -> Read<bool> {
    Ok(issued_at.0 < counter::read(view, counter::EPOCH_BEGAN)?)
}

/// Whether the epoch has had its first log entry.
///
/// # Errors
/// As [`begin`].
pub fn has_begun(view: &dyn View) -> Read<bool> {
    Ok(counter::read(view, counter::EPOCH_BEGAN)? != NOT_BEGUN)
}
