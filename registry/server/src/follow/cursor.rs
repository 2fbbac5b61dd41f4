//! The position of one watcher, and what it wants. It decides which changes the watcher may see, that a gateway is told of
//! the tasks that it waits for, and that a caller that is not verified pays for each change that is read.

use proto_types::{Class, Namespace, Revision};
use registry_api::{Code, Principal, Problem, field, render};
use registry_core::entry::{ChangeEvent, ChangeKind};
use registry_core::query;
use registry_core::view::View;
use registry_core::viewer::{self, Viewer};
use tokio::time::{Instant, sleep_until};

use crate::allowance::{self, Account};
use crate::member::{Member, stopping};
use crate::{cursor, holder};

/// The longest prefix: that of the longest handle.
const PREFIX_LEN_MAX: usize = 512;

/// What a watcher asks for.
#[derive(Clone, Debug, Default)]
pub(crate) struct WatchQuery {
    /// The last revision seen.
    pub(crate) since: u64,
    /// Only these kinds; empty for all.
    pub(crate) kinds: Vec<String>,
    /// Only ids that begin so; empty for all.
    pub(crate) prefix: String,
    /// Only entries of this namespace; empty for all.
    pub(crate) namespace: String,
}

/// Where a watcher stands, what it wants, and how much of it is paid for.
pub(crate) struct Cursor {
    pub(crate) since: Revision,
    caller: Principal,
    kinds: Vec<ChangeKind>,
    prefix: String,
    namespace: Option<Namespace>,
    account: Account,
    /// Changes that were read and are not paid for.
    unpaid: usize,
}

impl Cursor {
    /// What strangers may watch is the directory; the fleet's doings are its own, and reputation the operator's.
    pub(crate) fn new(
        caller: &Principal,
        query: &WatchQuery,
        account: Account,
    ) -> Result<Self, Problem> {
        let mut kinds = render::directory::kinds(&query.kinds)?;
        match caller {
            Principal::Anonymous
            | Principal::Peer(_)
            | Principal::Instance(_)
            | Principal::Node(_) => {
                kinds.retain(is_public);
            }
            // Who reports, and when, is between a gateway and the operator.
            Principal::Gateway(_) => kinds.retain(|kind| *kind != ChangeKind::Reputation),
            Principal::Operator => {}
        }
        if !query.kinds.is_empty() && kinds.len() < query.kinds.len() {
            return Err(not_for(caller));
        }
        if !query.prefix.is_empty() {
            field::text("prefix", &query.prefix, PREFIX_LEN_MAX)?;
        }
        let namespace = field::optional("namespace", &query.namespace)?;
        let since = Revision(query.since);
        let (caller, prefix) = (caller.clone(), query.prefix.clone());
        Ok(Self { since, caller, kinds, prefix, namespace, account, unpaid: 0 })
    }

    /// Pays for what was read, once its source can; false if it cannot until then.
    pub(crate) async fn settle(
        &mut self,
        member: &Member,
        until: Instant,
    ) -> Result<bool, Problem> {
        tokio::select! {
            biased;
            () = self.account.afford(self.owed()) => self.unpaid = 0,
            () = sleep_until(until) => return Ok(false),
            () = member.shutdown.triggered() => return Err(stopping()),
        }
        Ok(true)
    }

    /// Pays for what was read, now.
    pub(crate) fn pay(&mut self) -> Result<(), Problem> {
        let owed = self.owed();
        self.account.pay(owed + allowance::PLAIN).map(|()| self.unpaid = 0)
    }

    /// What it costs beside the request itself.
    fn owed(&self) -> u32 {
        match holder::class(&self.caller) {
            // A gateway may have become known here after its call came.
            Class::System => 0,
            Class::Ordinary => allowance::ENTRIES.cost(self.unpaid) - allowance::PLAIN,
        }
    }

    /// What is wanted of the next page, from which the cursor moves on; `None` at the end.
    pub(super) fn next_page(
        &mut self,
        member: &Member,
        limit: usize,
    ) -> Result<Option<Vec<ChangeEvent>>, Problem> {
        let view = member.registry.view().0;
        self.check(&view)?;
        let page = query::changes(&view, self.since, limit)?;
        let Some(last) = page.last() else { return Ok(None) };
        // The eyes of now: a peer that is revoked while it watches is blind from the next page on.
        let viewer = self.caller.viewer(&view)?;
        self.since = last.revision;
        self.unpaid += page.len();
        Ok(Some(page.into_iter().filter_map(|change| self.seen(change, &viewer)).collect()))
    }

    /// The change as far as it exists to this viewer; what it loses sight of is gone to it.
    fn seen(&self, change: ChangeEvent, viewer: &Viewer) -> Option<ChangeEvent> {
        use ChangeKind::{Agent, Card, Namespace, Reachability, Record, Task};
        if !self.wants(&change) {
            return None;
        }
        match change.kind {
            // What is told of a peer is told to everybody.
            Reachability if change.before.is_none() && change.after.is_none() => Some(change),
            Record | Card | Agent | Namespace | Reachability => {
                viewer::change(viewer, &change).map(|deleted| ChangeEvent { deleted, ..change })
            }
            Task if self.is_anothers(&change) => None,
            _ => Some(change),
        }
    }

    /// Whether another gateway than the one that watches waits for the task. Every gateway is told of a task that names
    /// none: it is the operator's, or of an earlier log.
    fn is_anothers(&self, change: &ChangeEvent) -> bool {
        match (&self.caller, &change.gateway) {
            (Principal::Gateway(own), Some(waiting)) => own != waiting,
            _ => false,
        }
    }

    /// Whether the watcher asked for this change. Both namespaces of an entry that moved count.
    fn wants(&self, change: &ChangeEvent) -> bool {
        let scopes = || change.before.iter().chain(&change.after);
        self.kinds.contains(&change.kind)
            && change.id.starts_with(&self.prefix)
            && self
                .namespace
                .as_ref()
                .is_none_or(|wanted| scopes().any(|scope| scope.namespace == *wanted))
    }

    /// Holds if no change after the cursor is forgotten.
    fn check(&self, view: &dyn View) -> Result<(), Problem> {
        cursor::kept(view, self.since)
    }
}

fn is_public(kind: &ChangeKind) -> bool {
    match kind {
        ChangeKind::Peer
        | ChangeKind::Record
        | ChangeKind::Card
        | ChangeKind::Agent
        | ChangeKind::Namespace
        | ChangeKind::Reachability => true,
        ChangeKind::Gateway
        | ChangeKind::Node
        | ChangeKind::Task
        | ChangeKind::Envelope
        | ChangeKind::Policy
        | ChangeKind::Reputation => false,
    }
}

fn not_for(caller: &Principal) -> Problem {
    match caller {
        Principal::Anonymous => {
            Problem::new(Code::Unauthenticated, "these kinds need a credential")
        }
        _ => Problem::new(Code::PermissionDenied, "these kinds are not for this role"),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use http::Extensions;
    use proto_types::{GatewayId, Stamp, WallMs};
    use registry_core::command::{Command, Compact, EnrolPeer};
    use registry_core::entry::Scope;
    use registry_core::view::Memory;

    use super::*;

    fn watcher(caller: &Principal, query: &WatchQuery) -> Cursor {
        Cursor::new(caller, query, Account::of(&Extensions::new())).unwrap()
    }

    fn cursor(since: u64) -> Cursor {
        watcher(&Principal::Operator, &WatchQuery { since, ..WatchQuery::default() })
    }

    #[test]
    fn a_forgotten_cursor_is_told_how_far_it_is_forgotten() {
        let mut view = Memory::default();
        // A key belongs to one peer.
        let commands = [1, 2, 3].map(|number| {
            Command::EnrolPeer(EnrolPeer {
                origin: format!("https://peer{number}.example").parse().unwrap(),
                keys: vec![registry_core::entry::EnrolledKey::new(
                    "k".parse().unwrap(),
                    proto_types::SecretKey::from_seed(&[number; 32]).public(),
                )],
                approval: registry_core::entry::Approval::Operator,
            })
        });
        let compact =
            Command::Compact(Compact { changes_through: Revision(2), tasks_until: WallMs(0) });
        for command in commands.into_iter().chain([compact]) {
            let change = registry_core::apply(&view, Stamp { now: WallMs(1) }, &command).unwrap();
            view.commit(&change.writes);
        }
        for since in [2, 3] {
            assert_eq!(cursor(since).check(&view), Ok(()));
        }
        for since in [0, 1] {
            let forgotten = cursor(since).check(&view).unwrap_err();
            assert_eq!(forgotten.code(), Code::Compacted);
            let json: serde_json::Value = serde_json::from_slice(&forgotten.to_json()).unwrap();
            assert_eq!((&json["status"], &json["compacted"]), (&410.into(), &2.into()));
        }
    }

    #[test]
    fn a_watch_takes_what_its_filters_name() {
        let scope = |namespace: &str| Scope {
            visibility: registry_core::entry::Visibility::Public,
            namespace: namespace.parse().unwrap(),
            owner: None,
        };
        let change = |kind, id: &str, before, after| ChangeEvent {
            revision: Revision(1),
            at: WallMs(1),
            kind,
            id: id.to_owned(),
            deleted: false,
            before,
            after,
            gateway: None,
        };
        let moved = change(ChangeKind::Record, "urn:a:1", Some(scope("old")), Some(scope("new")));
        let peer = change(ChangeKind::Peer, "https://a.example", None, None);
        let wants = |kinds: &[&str], prefix: &str, namespace: &str| {
            let kinds = kinds.iter().map(|kind| (*kind).to_owned()).collect();
            let (prefix, namespace) = (prefix.to_owned(), namespace.to_owned());
            let query = WatchQuery { since: 0, kinds, prefix, namespace };
            let cursor = watcher(&Principal::Anonymous, &query);
            (cursor.wants(&moved), cursor.wants(&peer))
        };
        assert_eq!(wants(&[], "", ""), (true, true));
        assert_eq!(wants(&["peer"], "", ""), (false, true));
        assert_eq!(wants(&[], "urn:a:", ""), (true, false));
        assert_eq!(wants(&[], "", "old"), (true, false));
        assert_eq!(wants(&[], "", "new"), (true, false));
        assert_eq!(wants(&[], "", "other"), (false, false));
        let mut hidden = scope("n");
        hidden.visibility = registry_core::entry::Visibility::Private;
        let secret = change(ChangeKind::Card, "urn:a:2", None, Some(hidden.clone()));
        let published = change(ChangeKind::Card, "urn:a:2", Some(hidden), Some(scope("n")));
        let cursor = watcher(&Principal::Operator, &WatchQuery::default());
        let sees = |viewer, change: &ChangeEvent| cursor.seen(change.clone(), &viewer).is_some();
        assert!(!sees(Viewer::Anonymous, &secret));
        assert!(sees(Viewer::Operator, &secret) && sees(Viewer::Anonymous, &published));
    }

    #[test]
    fn a_gateway_is_told_of_the_tasks_that_it_waits_for_and_of_those_that_name_no_gateway() {
        let named = |id: &str| Some(GatewayId::parse(id).unwrap());
        let change = |kind, gateway| ChangeEvent {
            revision: Revision(1),
            at: WallMs(1),
            kind,
            id: "task-1".to_owned(),
            deleted: false,
            before: None,
            after: None,
            gateway,
        };
        let told = |caller: &Principal, change: &ChangeEvent| {
            let cursor = watcher(caller, &WatchQuery::default());
            cursor.seen(change.clone(), &Viewer::Operator).is_some()
        };
        let gateway = Principal::Gateway("g1".parse().unwrap());
        for (waiting, is_told) in [(named("g1"), true), (named("g2"), false), (None, true)] {
            let task = change(ChangeKind::Task, waiting);
            assert_eq!(told(&gateway, &task), is_told, "{task:?}");
            assert!(told(&Principal::Operator, &task), "{task:?}");
        }
        assert!(told(&gateway, &change(ChangeKind::Envelope, None)));
    }
}
