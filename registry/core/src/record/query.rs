//! Reads of directory records, all of them or those that a viewer sees. Only `record` returns a tombstone.

use proto_types::Handle;

use crate::audience;
use crate::entity::Entity;
use crate::index;
use crate::layout;
use crate::listing;
use crate::view::{Read, View};
use crate::viewer::{Disclosure, Viewer};

use super::entry::RecordEntry;
use super::table::{LISTED_RECORDS, RECORDS, records_by_url};

/// The record of this handle; its tombstone (no `digest`) if it was deleted.
pub fn record(view: &dyn View, handle: &Handle) -> Read<Option<RecordEntry>> {
    RECORDS.entry(view, handle.as_str())
}

/// Up to `limit` live records after `after`, by handle. Tombstones are passed over.
pub fn records(view: &dyn View, after: Option<&Handle>, limit: usize) -> Read<Vec<RecordEntry>> {
    let mut found: Vec<RecordEntry> = Vec::new();
    let mut after = after.map(|handle| handle.as_str().to_owned());
    while found.len() < limit {
        let wanted = limit - found.len();
        let page = RECORDS.list(view, after.as_deref(), wanted)?;
        let short = page.len() < wanted;
        after = page.last().map(Entity::key);
        found.extend(page.into_iter().filter(|record| record.digest.is_some()));
        if short {
            break;
        }
    }
    Ok(found)
}

/// The record of this handle as far as it exists to the viewer. No tombstones.
pub fn record_seen(
    view: &dyn View,
    viewer: &Viewer,
    handle: &Handle,
) -> Read<Option<(RecordEntry, Disclosure)>> {
    Ok(listing::seen(viewer, record(view, handle)?.filter(|record| record.digest.is_some())))
}

/// Up to `limit` handles after `after` of the live records that exist to the viewer.
pub fn records_listed(
    view: &dyn View,
    viewer: &Viewer,
    after: Option<&Handle>,
    limit: usize,
) -> Read<Vec<Handle>> {
    match audience::lists_of(viewer) {
        Some(audiences) => listing::handles(view, &audiences, LISTED_RECORDS, (after, limit)),
        None => Ok(records(view, after, limit)?.into_iter().map(|record| record.handle).collect()),
    }
}

/// Records of one card that an operator is shown the first of. Arbitrary.
const SAME_CARD_MAX: usize = 64;

/// The first live record, by handle, whose card is at this URL and of which the viewer sees all: to
/// others the URL is hidden.
pub fn record_of_card(view: &dyn View, viewer: &Viewer, url: &str) -> Read<Option<Handle>> {
    let prefix = records_by_url(url);
    let prefixes = match audience::whole_of(viewer) {
        Some(audiences) => audiences.iter().map(|it| [prefix.as_slice(), it].concat()).collect(),
        None => vec![prefix],
    };
    let mut first: Option<String> = None;
    for prefix in prefixes {
        let found = index::ids(view, (&prefix, &layout::past(&prefix)), SAME_CARD_MAX)?;
        first = found.into_iter().chain(first).min();
    }
    first.map(|handle| listing::parsed(&handle)).transpose()
}
