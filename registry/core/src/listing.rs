//! Lists of entries by audience: an entry's place in each list, and the merge of the lists that a viewer may read. A walk
//! never meets a hidden entry.

use std::collections::BTreeSet;

use proto_types::Handle;

use crate::audience;
use crate::index::{self, Keys};
use crate::layout::{self, Tag};
use crate::view::{Read, View};
use crate::viewer::{Disclosure, Viewer};
use crate::visibility::{Scope, Scoped};

/// One place in the list of every audience.
pub(crate) fn keys(list: Tag, scope: &Scope, handle: &str) -> Keys {
    let place = |audience: &Vec<u8>| [of(list, audience), handle.into()].concat();
    audience::listed_to(scope).iter().map(|it| (place(it), handle.into())).collect()
}

/// What the keys of the entries that this audience knows of start with.
fn of(list: Tag, audience: &[u8]) -> Vec<u8> {
    list.key(&[audience])
}

/// An entry as far as it exists to the viewer.
pub(crate) fn seen<T: Scoped>(viewer: &Viewer, entry: Option<T>) -> Option<(T, Disclosure)> {
    let entry = entry?;
    let disclosure = viewer.disclosure(&entry.scope());
    (disclosure > Disclosure::Hidden).then_some((entry, disclosure))
}

/// The first handles after `after` in the lists of the viewer's audiences together.
pub(crate) fn handles(
    view: &dyn View,
    audiences: &[Vec<u8>],
    list: Tag,
    (after, limit): (Option<&Handle>, usize),
) -> Read<Vec<Handle>> {
    let mut first: BTreeSet<String> = BTreeSet::new();
    for audience in audiences {
        let list = of(list, audience);
        let at = |handle: &str| [list.as_slice(), handle.as_bytes()].concat();
        let from = after.map_or_else(|| list.clone(), |last| layout::after(&at(last.as_str())));
        // What comes after a full page's last handle is not on the page.
        let full = first.last().filter(|_| first.len() >= limit);
        let to = full.map_or_else(|| layout::past(&list), |last| at(last));
        first.extend(index::ids(view, (&from, &to), limit)?);
        while first.len() > limit {
            first.pop_last();
        }
    }
    first.iter().map(|handle| parsed(handle)).collect()
}

/// A handle as an index holds it.
pub(crate) fn parsed(handle: &str) -> Read<Handle> {
    Handle::parse(handle).map_err(|cause| index::corrupt(&cause))
}
