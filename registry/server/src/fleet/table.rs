//! The sessions of all nodes, in the leader's memory: which session of a node counts, and whose lease has run out. A
//! later leader can find all of it again.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::time::Duration;

use proto_types::NodeId;
use proto_wire::registry::v1 as wire;
use registry_api::{Code, Problem};
use tokio::time::Instant;

use super::live::{Follows, Live, Opening};

/// All sessions while one member leads.
#[derive(Debug, Default)]
pub(super) struct Table {
    is_leading: bool,
    live: BTreeMap<NodeId, Live>,
    /// Nodes without a session whose lease may not have run out yet.
    silent: BTreeMap<NodeId, Silence>,
    opened: u64,
}

/// A node without a session.
#[derive(Debug)]
struct Silence {
    until: Instant,
    /// As in [`Live`].
    excused: bool,
    /// What the session before left untold.
    follows: Follows,
}

impl Table {
    /// This member leads from now on. Each node that was joined has until then to dial in.
    pub(super) fn begin(&mut self, joined: Vec<(NodeId, Instant)>) {
        self.end();
        self.is_leading = true;
        let silence = |until| Silence { until, excused: false, follows: Follows::new() };
        self.silent = joined.into_iter().map(|(node, until)| (node, silence(until))).collect();
    }

    /// This member was stopped and has heard nobody: no lease runs out before `until`. Each node is excused once until it
    /// is heard again, so that a leader that stumbles on and on does not keep a dead node.
    pub(super) fn excuse(&mut self, until: Instant) {
        let live = self.live.values_mut().map(|live| (&mut live.lease_until, &mut live.excused));
        let silent = self.silent.values_mut().map(|it| (&mut it.until, &mut it.excused));
        for (lease_until, excused) in live.chain(silent).filter(|(_, excused)| !**excused) {
            *lease_until = until.max(*lease_until);
            *excused = true;
        }
    }

    /// This member leads no more: every session ends.
    pub(super) fn end(&mut self) {
        self.is_leading = false;
        self.silent.clear();
        for (_, live) in std::mem::take(&mut self.live) {
            let ended = Problem::new(Code::NotLeader, "this member leads no more");
            live.say_last(ended);
        }
    }

    /// Whether this member leads.
    pub(super) fn is_leading(&self) -> bool {
        self.is_leading
    }

    /// Takes a session up; an older one of the same node ends, and what it left untold passes on. Returns its number, or
    /// `None` if this member does not lead.
    pub(super) fn open(
        &mut self,
        node: &NodeId,
        opening: Opening,
        now: Instant,
        ttl: Duration,
    ) -> Option<u64> {
        if !self.is_leading {
            return None;
        }
        self.opened += 1;
        let mut live = Live::new(self.opened, opening, now, ttl);
        live.follows = self.silent.remove(node).map(|silence| silence.follows).unwrap_or_default();
        if let Some(old) = self.live.remove(node) {
            if old.has_replaced_lately(now) {
                tracing::warn!(
                    %node,
                    "sessions of the node replace each other: do two processes use its credential, or \
                     does its connection break?"
                );
            }
            live.replaced_at = Some(now);
            old.say_last(Problem::new(Code::SessionReplaced, "the node has a newer session"));
            live.follows = old.follows;
        }
        self.live.insert(node.clone(), live);
        Some(self.opened)
    }

    /// The session ended. Its lease runs on: the node may dial again.
    pub(super) fn close(&mut self, node: &NodeId, number: u64) {
        if self.session(node, number).is_some()
            && let Some(live) = self.live.remove(node)
        {
            let Live { lease_until: until, excused, follows, .. } = live;
            self.silent.insert(node.clone(), Silence { until, excused, follows });
        }
    }

    /// The session of this number, if it is the node's newest.
    pub(super) fn session(&mut self, node: &NodeId, number: u64) -> Option<&mut Live> {
        self.live.get_mut(node).filter(|live| live.number == number)
    }

    /// The node's session.
    pub(super) fn live(&mut self, node: &NodeId) -> Option<&mut Live> {
        self.live.get_mut(node)
    }

    /// Every session.
    pub(super) fn all(&self) -> impl Iterator<Item = (&NodeId, &Live)> {
        self.live.iter()
    }

    /// Every session once, beginning with the one behind this node.
    pub(super) fn all_behind<'t>(
        &'t self,
        node: Option<&NodeId>,
    ) -> impl Iterator<Item = (&'t NodeId, &'t Live)> {
        let first = node.map_or(Bound::Unbounded, Bound::Excluded);
        let behind = self.live.range::<NodeId, _>((first, Bound::Unbounded));
        let others = node.map(|node| self.live.range::<NodeId, _>(..=node));
        behind.chain(others.into_iter().flatten())
    }

    /// Takes out the nodes whose lease has run out; their sessions end.
    pub(super) fn expired(&mut self, now: Instant) -> Vec<NodeId> {
        let over = |until: &Instant| *until <= now;
        let ended = self.live.extract_if(.., |_, live| over(&live.lease_until));
        let mut expired: Vec<NodeId> = ended.map(|(node, _)| node).collect();
        let silent = self.silent.extract_if(.., |_, silence| over(&silence.until));
        expired.extend(silent.map(|(node, _)| node));
        expired
    }

    /// The node's loss could not be committed: look again at `until`.
    pub(super) fn retry(&mut self, node: NodeId, until: Instant) {
        if self.is_leading && !self.live.contains_key(&node) {
            self.silent.insert(node, Silence { until, excused: true, follows: Follows::new() });
        }
    }

    /// Sends an order; a node whose queue is full loses its session.
    pub(super) fn send(&mut self, node: &NodeId, order: wire::node_order::Kind) {
        let Some(live) = self.live.get(node) else { return };
        let order = wire::NodeOrder { kind: Some(order) };
        if live.orders.try_send(Ok(order)).is_err() {
            let number = live.number;
            tracing::warn!(%node, "the node does not take its orders: its session ends");
            self.close(node, number);
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use proto_types::{LeaseEpoch, TaskId};
    use registry_core::entry::Capacity;
    use tokio::sync::{mpsc, oneshot};
    use tonic::Status;
    use tracing::span::{Attributes, Id, Record};

    use crate::fleet::live::ORDERS_MAX;

    use super::*;

    const TTL: Duration = Duration::from_secs(10);

    fn node() -> NodeId {
        "n1".parse().unwrap()
    }

    type Received = mpsc::Receiver<Result<wire::NodeOrder, Status>>;

    fn open(table: &mut Table, now: Instant) -> (Option<u64>, Received, oneshot::Receiver<()>) {
        let (orders, received) = mpsc::channel(ORDERS_MAX);
        let (alive, ended) = oneshot::channel();
        let opening = Opening { capacity: Capacity::default(), held: vec![], orders, alive };
        (table.open(&node(), opening, now, TTL), received, ended)
    }

    #[tokio::test]
    async fn the_newest_session_of_a_node_counts() {
        let (mut table, now) = (Table::default(), Instant::now());
        assert_eq!(open(&mut table, now).0, None, "only a leader has sessions");
        table.begin(vec![]);
        let (first, mut orders, ended) = open(&mut table, now);
        let (second, _orders, _ended) = open(&mut table, now);
        assert!(first < second);
        assert!(ended.await.is_err());
        let reason = orders.recv().await.unwrap().unwrap_err();
        assert_eq!(reason.code(), tonic::Code::Aborted);
        table.close(&node(), first.unwrap());
        assert!(table.live(&node()).is_some(), "an old session cannot close a new one");
    }

    /// Caught: a gateway that was noted just before a session ended, and is told to none.
    #[test]
    fn what_a_session_has_left_untold_the_next_one_of_the_node_is_told() {
        let (mut table, now) = (Table::default(), Instant::now());
        table.begin(vec![]);
        let (task, epoch): (TaskId, _) = ("t1".parse().unwrap(), LeaseEpoch(1));
        for closes in [false, true] {
            let (number, _received, _ended) = open(&mut table, now);
            let follow = wire::Follow { task: task.to_string(), epoch: 1, ..Default::default() };
            table.live(&node()).unwrap().followed(task.clone(), follow.clone());
            if closes {
                table.close(&node(), number.unwrap());
            }
            let _next = open(&mut table, now);
            let live = table.live(&node()).unwrap();
            assert_eq!(live.take_follows(&task, epoch), [follow], "closes: {closes}");
        }
    }

    #[test]
    fn a_round_begins_behind_a_node_that_may_be_gone_and_comes_to_each_once() {
        let (mut table, now) = (Table::default(), Instant::now());
        table.begin(vec![]);
        for id in ["n1", "n3", "n5"] {
            let (orders, alive) = (mpsc::channel(1).0, oneshot::channel().0);
            let opening = Opening { capacity: Capacity::default(), held: vec![], orders, alive };
            table.open(&id.parse().unwrap(), opening, now, TTL);
        }
        for (behind, expected) in [
            (None, ["n1", "n3", "n5"]),
            (Some("n1"), ["n3", "n5", "n1"]),
            (Some("n4"), ["n5", "n1", "n3"]),
            (Some("n5"), ["n1", "n3", "n5"]),
        ] {
            let behind: Option<NodeId> = behind.map(|id| id.parse().unwrap());
            let round = table.all_behind(behind.as_ref()).map(|(node, _)| node.as_str());
            assert_eq!(round.collect::<Vec<_>>(), expected);
        }
    }

    #[test]
    fn two_processes_of_one_node_are_warned_of_and_one_late_attempt_is_not() {
        let warned = Arc::new(AtomicUsize::new(0));
        let mut told = Vec::new();
        tracing::subscriber::with_default(Warnings(Arc::clone(&warned)), || {
            let (mut table, start) = (Table::default(), Instant::now());
            table.begin(vec![]);
            for second in [0, 1, 2, 62, 63] {
                open(&mut table, start + Duration::from_secs(second));
                told.push(warned.load(Ordering::Relaxed));
            }
        });
        assert_eq!(
            told,
            [0, 0, 1, 1, 2],
            "each that replaces one which has replaced another lately"
        );
    }

    /// Counts warnings.
    struct Warnings(Arc<AtomicUsize>);

    impl tracing::Subscriber for Warnings {
        fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
            *metadata.level() == tracing::Level::WARN
        }

        fn new_span(&self, _: &Attributes<'_>) -> Id {
            Id::from_u64(1)
        }

        fn event(&self, _: &tracing::Event<'_>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }

        fn record(&self, _: &Id, _: &Record<'_>) {}

        fn record_follows_from(&self, _: &Id, _: &Id) {}

        fn enter(&self, _: &Id) {}

        fn exit(&self, _: &Id) {}
    }

    #[tokio::test]
    async fn a_member_that_leads_no_more_has_no_session_that_could_be_granted_a_lease() {
        let (mut table, now) = (Table::default(), Instant::now());
        table.begin(vec![]);
        let (_number, mut orders, _ended) = open(&mut table, now);
        table.end();
        assert_eq!(open(&mut table, now).0, None);
        let granted = wire::Granted { ttl_ms: 1, time_ms: 1 };
        table.send(&node(), wire::node_order::Kind::Granted(granted));
        let reason = orders.recv().await.unwrap().unwrap_err();
        assert_eq!(reason.code(), tonic::Code::FailedPrecondition);
        assert!(orders.recv().await.is_none(), "nothing came after it");
    }

    #[tokio::test]
    async fn a_lease_outlives_its_session_and_then_runs_out_once() {
        let (mut table, now) = (Table::default(), Instant::now());
        table.begin(vec![("n2".parse().unwrap(), now + TTL)]);
        let (number, _orders, _ended) = open(&mut table, now);
        table.session(&node(), number.unwrap()).unwrap().renew(now + TTL / 2, TTL);
        table.close(&node(), number.unwrap());
        assert_eq!(table.expired(now + TTL), ["n2".parse().unwrap()], "grace is one lease");
        assert_eq!(table.expired(now + TTL * 2), [node()]);
        assert!(table.expired(now + TTL * 3).is_empty());
    }

    #[tokio::test]
    async fn a_leader_that_was_stopped_loses_no_node_before_it_could_hear_it() {
        let (mut table, now) = (Table::default(), Instant::now());
        let silent: NodeId = "n2".parse().unwrap();
        table.begin(vec![(silent.clone(), now + TTL)]);
        let (number, _orders, _ended) = open(&mut table, now);
        let woken = now + TTL * 3;
        table.excuse(woken + TTL);
        assert!(table.expired(woken).is_empty(), "nobody could be heard");
        table.session(&node(), number.unwrap()).unwrap().renew(woken, TTL);
        // It stumbles again: the one that was heard is excused again, the other is not.
        let again = woken + TTL;
        table.excuse(again + TTL);
        assert_eq!(table.expired(again), [silent]);
        assert_eq!(table.expired(again + TTL), [node()]);
    }

    #[tokio::test]
    async fn a_node_that_takes_no_orders_loses_its_session() {
        let (mut table, now) = (Table::default(), Instant::now());
        table.begin(vec![]);
        let (_number, _orders, _ended) = open(&mut table, now);
        let order = || wire::node_order::Kind::Granted(wire::Granted { ttl_ms: 1, time_ms: 1 });
        for _ in 0..ORDERS_MAX {
            table.send(&node(), order());
            assert!(table.live(&node()).is_some());
        }
        table.send(&node(), order());
        assert!(table.live(&node()).is_none());
    }
}
