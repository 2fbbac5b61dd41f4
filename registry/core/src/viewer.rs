//! The decision whether a change exists to a viewer. It follows only from what `proto_types::visibility` says of the
//! entry before and after.

pub use proto_types::visibility::{Disclosure, PeerViewer, Viewer};

use crate::history::entry::ChangeEvent;
use crate::visibility::Scope;

/// Whether a change exists to this viewer, and if so, whether to it something is gone: what becomes
/// hidden from it is gone like what was deleted. For kinds of things that have a scope.
#[must_use]
pub fn change(viewer: &Viewer, change: &ChangeEvent) -> Option<bool> {
    if *viewer == Viewer::Operator {
        return Some(change.deleted);
    }
    let sees = |scope: &Option<Scope>| scope.as_ref().is_some_and(|scope| viewer.sees(scope));
    match (sees(&change.before), sees(&change.after)) {
        (_, true) => Some(false),
        (true, false) => Some(true),
        (false, false) => None,
    }
}

#[cfg(test)]
mod tests {
    use proto_types::Namespace;

    use super::*;
    use crate::history::entry::ChangeKind;
    use crate::visibility::Visibility;

    #[test]
    fn what_becomes_hidden_is_gone_and_what_was_never_seen_is_nothing() {
        let scope = |visibility| {
            let namespace = Namespace::default();
            Some(Scope { visibility, namespace, owner: None })
        };
        let seen = |before, after| {
            let event = ChangeEvent {
                revision: proto_types::Revision(1),
                at: proto_types::WallMs(1),
                kind: ChangeKind::Record,
                id: "r".into(),
                deleted: false,
                before,
                after,
                gateway: None,
            };
            change(&Viewer::Anonymous, &event)
        };
        use Visibility::{Private, Public, Redacted};
        assert_eq!(seen(None, scope(Public)), Some(false));
        assert_eq!(seen(scope(Public), scope(Redacted)), Some(false));
        assert_eq!(seen(scope(Public), scope(Private)), Some(true));
        assert_eq!(seen(scope(Private), scope(Public)), Some(false));
        assert_eq!(seen(scope(Private), scope(Private)), None);
        assert_eq!(seen(scope(Private), None), None);
        assert_eq!(seen(None, None), None);
    }
}
