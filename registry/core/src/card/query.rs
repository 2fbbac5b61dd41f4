//! Reads of A2A cards, all of them or those that a viewer sees.

use proto_types::Handle;

use crate::audience;
use crate::listing;
use crate::view::{Read, View};
use crate::viewer::{Disclosure, Viewer};

use super::entry::CardEntry;
use super::table::{CARDS, LISTED_CARDS};

/// The card of this handle.
pub fn card(view: &dyn View, handle: &Handle) -> Read<Option<CardEntry>> {
    CARDS.entry(view, handle.as_str())
}

/// The card of this handle as far as it exists to the viewer.
pub fn card_seen(
    view: &dyn View,
    viewer: &Viewer,
    handle: &Handle,
) -> Read<Option<(CardEntry, Disclosure)>> {
    Ok(listing::seen(viewer, card(view, handle)?))
}

/// Up to `limit` handles after `after` of the cards that exist to the viewer.
pub fn cards_listed(
    view: &dyn View,
    viewer: &Viewer,
    after: Option<&Handle>,
    limit: usize,
) -> Read<Vec<Handle>> {
    match audience::lists_of(viewer) {
        Some(audiences) => listing::handles(view, &audiences, LISTED_CARDS, (after, limit)),
        None => {
            let page = CARDS.list(view, after.map(Handle::as_str), limit)?;
            Ok(page.into_iter().map(|card| card.handle).collect())
        }
    }
}
