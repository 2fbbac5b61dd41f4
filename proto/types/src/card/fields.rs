//! The plain members of a card: texts, and lists of them.

use crate::schema::Spot;

/// No list in a card is longer than its bytes allow, so this is no further bound.
pub(super) const ANY: usize = usize::MAX;

pub(super) fn text(spot: Spot<'_, '_>) -> Option<String> {
    spot.text().map(str::to_owned)
}

pub(super) fn texts(spot: Spot<'_, '_>) -> Option<Vec<String>> {
    spot.list((0, ANY), text)
}
