//! Reads of A2A cards, with and without the viewer's eyes.
//! They decide nothing.

use proto_types::Handle;

use crate::audience;
use crate::listing;
use crate::view::{Read, View};
use crate::viewer::{Disclosure, Viewer};

use super::entry::CardEntry;
use super::table::{CARDS, LISTED_CARDS};

/// The card of this handle.
///
/// # Errors
/// As [`crate::query::revision`].
pub fn card(view: &dyn View, handle: &Handle) -> Read<Option<CardEntry>> {
    CARDS.entry(view, handle.as_str())
}

/// Up to `limit` cards after `after`, by handle.
///
/// # Errors
/// As [`crate::query::revision`].
pub fn cards(view: &dyn View, after: Option<&Handle>, limit: usize) -> Read<Vec<CardEntry>> {
    CARDS.list(view, after.map(Handle::as_str), limit)
}

/// The card of this handle as far as it exists to the viewer.
///
/// # Errors
/// As [`crate::query::revision`].
pub fn card_seen(
    view: &dyn View,
    viewer: &Viewer,
    handle: &Handle,
) -> Read<Option<(CardEntry, Disclosure)>> {
    Ok(listing::seen(viewer, card(view, handle)?))
}

/// Up to `limit` handles after `after` of the cards that exist to the viewer.
///
/// # Errors
/// As [`crate::query::revision`].
pub fn cards_listed(
    view: &dyn View,
    viewer: &Viewer,
    after: Option<&Handle>,
    limit: usize,
) -> Read<Vec<Handle>> {
    match audience::lists_of(viewer) {
        Some(audiences) => listing::handles(view, &audiences, LISTED_CARDS, (after, limit)),
        None => Ok(cards(view, after, limit)?.into_iter().map(|card| card.handle).collect()),
    }
}

/// Up to `limit` cards after `after` that exist to the viewer, by handle.
///
/// # Errors
/// As [`crate::query::revision`].
pub fn cards_seen(
    view: &dyn View,
    viewer: &Viewer,
    after: Option<&Handle>,
    limit: usize,
) -> Read<Vec<(CardEntry, Disclosure)>> {
    listing::entries(view, viewer, (&CARDS, LISTED_CARDS), (after, limit))
}
