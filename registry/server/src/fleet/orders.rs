//! What nodes are told: which tasks are theirs, which of these to cancel, and where else their events go. No task is told that
//! is not committed, nor is more looked at for one task than that task. What a node has no room for is told in a later pass,
//! never forgotten.

use std::collections::{BTreeMap, BTreeSet};

use proto_types::{NodeId, TaskId};
use proto_wire::registry::v1 as wire;
use proto_wire::registry::v1::node_order::Kind;
use registry_api::{Problem, decode, render};
use registry_core::entry::{TaskEntry, TaskState};
use registry_core::query;
use registry_core::view::View;
use registry_core::viewer::Disclosure;
use tokio::time::Instant;

use crate::lookup;
use crate::member::Member;

use super::{Fleet, Touched};

/// Tasks of one node looked at in one pass; far above the slots of any machine we know.
const ASSIGNED_MAX: usize = 4_096;

/// Tells nodes what is assigned to them, what is to be cancelled and who follows it, as far as they do not know.
pub(super) fn tell(
    member: &Member,
    touched: BTreeMap<NodeId, Touched>,
    now: Instant,
) -> Result<(), Problem> {
    let (fleet, view) = (&member.fleet, member.registry.view().0);
    for (node, touched) in touched {
        let tasks = match touched {
            Touched::Whole => whole(fleet, &view, &node)?,
            Touched::Tasks(tasks) => those(&view, &node, &within_room(fleet, &node, tasks))?,
        };
        let orders = orders(fleet, &view, &node, &tasks, now)?;
        let mut table = fleet.table();
        orders.into_iter().for_each(|order| table.send(&node, order));
        drop(table);
        // It may have known what was looked at, so that nothing was sent which it would answer.
        wake_for_rest(fleet, &node);
    }
    Ok(())
}

/// Has a pass tell the node what there was no room for, if there is room now. To be asked whenever it has said something: it
/// may have taken orders.
pub(super) fn wake_for_rest(fleet: &Fleet, node: &NodeId) {
    let has_room = fleet.table().live(node).is_some_and(|live| live.has_room_again());
    if has_room && fleet.touched().contains_key(node) {
        fleet.wake();
    }
}

/// All tasks of a node; others that it was told of are forgotten.
fn whole(fleet: &Fleet, view: &dyn View, node: &NodeId) -> Result<Vec<TaskEntry>, Problem> {
    let tasks = query::tasks_of_node(view, node, ASSIGNED_MAX)?;
    if let Some(live) = fleet.table().live(node) {
        live.keep_only(&tasks.iter().map(|task| task.id.clone()).collect());
    }
    Ok(tasks)
}

/// As many of the tasks as there is room for. The others stay noted, unread: each pass comes by here while a node is slow.
fn within_room(fleet: &Fleet, node: &NodeId, mut tasks: BTreeSet<TaskId>) -> BTreeSet<TaskId> {
    let mut table = fleet.table();
    // A session that begins is told everything.
    let Some(live) = table.live(node) else { return BTreeSet::new() };
    let first_left = tasks.iter().nth(live.room()).cloned();
    if let Some(first) = first_left {
        // The table is locked: whatever the node says from now on finds them noted.
        fleet.touch_rest(node.clone(), tasks.split_off(&first));
    }
    tasks
}

/// Those of these tasks that are the node's.
fn those(
    view: &dyn View,
    node: &NodeId,
    tasks: &BTreeSet<TaskId>,
) -> Result<Vec<TaskEntry>, Problem> {
    let own = TaskState::Assigned { node: node.clone() };
    let mut found = Vec::with_capacity(tasks.len());
    for task in tasks {
        found.extend(query::task(view, task)?.filter(|task| task.state == own));
    }
    Ok(found)
}

fn orders(
    fleet: &Fleet,
    view: &dyn View,
    node: &NodeId,
    tasks: &[TaskEntry],
    now: Instant,
) -> Result<Vec<Kind>, Problem> {
    let news = news(fleet, node, tasks, now);
    let mut orders = Vec::with_capacity(news.len());
    for task in news.untold {
        orders.extend(assigned(view, task)?.map(Kind::Assigned));
    }
    // What is to be done with a task means something only after its assignment.
    let cancel = |task: &TaskEntry| wire::Cancel { task: task.id.to_string(), epoch: task.epoch.0 };
    orders.extend(news.follows.into_iter().map(Kind::Follow));
    orders.extend(news.cancelled.into_iter().map(cancel).map(Kind::Cancel));
    Ok(orders)
}

/// What a node does not know.
#[derive(Debug, Default)]
struct News<'t> {
    /// Tasks that it has to hear of.
    untold: Vec<&'t TaskEntry>,
    /// Tasks that it has to cancel.
    cancelled: Vec<&'t TaskEntry>,
    /// Where events of its tasks go too.
    follows: Vec<wire::Follow>,
}

impl News<'_> {
    /// How many orders it makes.
    fn len(&self) -> usize {
        self.untold.len() + self.cancelled.len() + self.follows.len()
    }
}

/// What the node has to hear of these tasks, as far as there is room; the others stay noted.
fn news<'t>(fleet: &Fleet, node: &NodeId, tasks: &'t [TaskEntry], now: Instant) -> News<'t> {
    let (mut news, mut table) = (News::default(), fleet.table());
    let Some(live) = table.live(node) else { return news };
    for (at, task) in tasks.iter().enumerate() {
        if news.len() >= live.room() {
            // The table is locked, as above.
            let rest = tasks[at..].iter().map(|task| task.id.clone());
            fleet.touch_rest(node.clone(), rest.collect());
            break;
        }
        if live.must_tell(&task.id, task.epoch, now) {
            news.untold.push(task);
        }
        if task.cancel_requested && live.must_cancel(&task.id) {
            news.cancelled.push(task);
        }
        news.follows.extend(live.take_follows(&task.id, task.epoch));
    }
    news
}

/// Everything a node needs to run the task; `None` if its agent is gone.
fn assigned(view: &dyn View, task: &TaskEntry) -> Result<Option<wire::Assigned>, Problem> {
    let Some(agent) = query::agent(view, &task.agent)? else { return Ok(None) };
    let card = query::body(view, &agent.card)?.unwrap_or_default();
    let input = query::body(view, &task.input)?.unwrap_or_default();
    Ok(Some(wire::Assigned {
        task: task.id.to_string(),
        epoch: task.epoch.0,
        context: task.context.to_string(),
        agent: Some(render::directory::agent(&agent, Disclosure::Whole, card)),
        input: input.into(),
        deadline_ms: task.deadline.0,
        reply_to: reply_to(view, task)?,
        history: history(view, task)?,
        traceparent: task.traceparent.clone().map(String::from).unwrap_or_default(),
    }))
}

/// Where its events go, unless it is no gateway's address any more.
fn reply_to(view: &dyn View, task: &TaskEntry) -> Result<Option<wire::ReplyTo>, Problem> {
    let Some(reply_to) = &task.reply_to else { return Ok(None) };
    let gateway = query::gateway(view, &reply_to.gateway)?;
    let own = gateway.is_some_and(|gateway| gateway.endpoint == reply_to.endpoint);
    Ok(own.then(|| render::fleet::reply_to(reply_to)))
}

/// What was said in the task before its newest message.
fn history(view: &dyn View, task: &TaskEntry) -> Result<Vec<bytes::Bytes>, Problem> {
    let mut history = Vec::new();
    for turn in &task.turns {
        let wire::Turn { input, outcome } = lookup::said(view, turn)?;
        history.push(input);
        history.extend(decode::task::closing_message(&outcome).map(bytes::Bytes::from));
    }
    Ok(history)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::time::Duration;

    use futures_util::FutureExt as _;
    use proto_types::LeaseEpoch;
    use registry_core::entry::Capacity;
    use tokio::sync::{broadcast, mpsc, oneshot};
    use tonic::Status;

    use crate::fleet::live::{FOLLOWS_MAX, ORDERS_MAX, Opening};
    use crate::fleet::pick::tests::{node, pending};

    use super::*;

    const BURST: usize = 300;

    type Received = mpsc::Receiver<Result<wire::NodeOrder, Status>>;

    /// A fleet of one node with a session, and the orders that it has not taken yet.
    fn fleet() -> (Fleet, Received) {
        let effects = broadcast::Sender::new(1).subscribe();
        let fleet = Fleet::new(effects, Duration::from_secs(10), 1);
        fleet.table().begin(vec![]);
        let ((orders, received), alive) = (mpsc::channel(ORDERS_MAX), oneshot::channel().0);
        let opening = Opening { capacity: Capacity::default(), held: vec![], orders, alive };
        let opened = fleet.table().open(&node("n1"), opening, Instant::now(), fleet.ttl);
        assert!(opened.is_some());
        (fleet, received)
    }

    fn burst() -> Vec<TaskEntry> {
        (0..BURST).map(|at| pending(&format!("t{at:03}"), 1)).collect()
    }

    fn ids(tasks: &[TaskEntry]) -> BTreeSet<TaskId> {
        tasks.iter().map(|task| task.id.clone()).collect()
    }

    fn room(fleet: &Fleet) -> usize {
        fleet.table().live(&node("n1")).unwrap().room()
    }

    fn is_awake(fleet: &Fleet) -> bool {
        wake_for_rest(fleet, &node("n1"));
        fleet.wake.notified().now_or_never().is_some()
    }

    /// The tasks that are noted for the node, which are forgotten.
    fn noted(fleet: &Fleet) -> BTreeSet<TaskId> {
        match fleet.take_touched().remove(&node("n1")) {
            Some(Touched::Tasks(tasks)) => tasks,
            None => BTreeSet::new(),
            Some(Touched::Whole) => panic!("all of them"),
        }
    }

    #[test]
    fn a_burst_beyond_the_room_of_a_node_is_told_in_full_once_it_has_taken_orders() {
        let ((fleet, mut received), tasks, now) = (fleet(), burst(), Instant::now());
        let room = room(&fleet);
        let untold = news(&fleet, &node("n1"), &tasks, now).untold;
        assert_eq!(untold.len(), room);
        for task in untold {
            let order = wire::Revoked { task: task.id.to_string(), epoch: task.epoch.0 };
            fleet.table().send(&node("n1"), Kind::Revoked(order));
        }
        assert!(!is_awake(&fleet), "it has taken none");
        while received.try_recv().is_ok() {}
        assert!(is_awake(&fleet));
        let rest = noted(&fleet);
        assert_eq!(rest, ids(&tasks[room..]));
        assert!(!is_awake(&fleet), "nothing is left that a pass does not have");
        let untold = news(&fleet, &node("n1"), &tasks[room..], now).untold;
        assert_eq!(untold.len(), rest.len());
        assert!(noted(&fleet).is_empty());
    }

    /// A task of the node under this epoch, and the order that tells of a gateway by its secret.
    fn followed(fleet: &Fleet, epoch: u64, secret: &str) -> TaskEntry {
        let task = TaskEntry { epoch: LeaseEpoch(epoch), ..pending("t1", 1) };
        let reply_to = Some(wire::ReplyTo { secret: secret.to_owned(), ..Default::default() });
        let follow = wire::Follow { task: task.id.to_string(), epoch, reply_to, after: None };
        fleet.table().live(&node("n1")).unwrap().followed(task.id.clone(), follow);
        task
    }

    fn secrets(news: &News<'_>) -> Vec<String> {
        let reply_to = news.follows.iter().map(|follow| follow.reply_to.clone().unwrap());
        reply_to.map(|reply_to| reply_to.secret).collect()
    }

    /// Caught: an order about a task before the task.
    #[test]
    fn a_node_hears_once_of_each_gateway_that_follows_a_task_and_of_the_task_first() {
        let ((fleet, _received), now) = (fleet(), Instant::now());
        let task = followed(&fleet, 1, "a");
        for secret in ["b", "a", "b"] {
            followed(&fleet, 1, secret);
        }
        let first = news(&fleet, &node("n1"), std::slice::from_ref(&task), now);
        assert_eq!((first.untold.len(), secrets(&first)), (1, vec!["a".into(), "b".into()]));
        assert_eq!(news(&fleet, &node("n1"), std::slice::from_ref(&task), now).len(), 0);
        followed(&fleet, 1, "c");
        let again = TaskEntry { epoch: LeaseEpoch(2), ..task };
        let second = news(&fleet, &node("n1"), std::slice::from_ref(&again), now);
        assert_eq!((second.untold.len(), secrets(&second)), (1, vec![]), "another assignment");
    }

    #[test]
    fn of_one_task_a_bounded_number_of_gateways_waits_to_be_told_and_the_first_is_forgotten() {
        let ((fleet, mut received), now) = (fleet(), Instant::now());
        for number in 0..=FOLLOWS_MAX {
            followed(&fleet, 1, &number.to_string());
        }
        let task = followed(&fleet, 1, "last");
        let found = news(&fleet, &node("n1"), std::slice::from_ref(&task), now);
        let expected: Vec<_> = (2..=FOLLOWS_MAX).map(|number| number.to_string()).collect();
        assert_eq!(secrets(&found), [expected, vec!["last".to_owned()]].concat());
        // All but the last place are taken: what one task brings still fits.
        while room(&fleet) > 1 {
            fleet.table().send(&node("n1"), Kind::Revoked(wire::Revoked::default()));
        }
        for number in 0..FOLLOWS_MAX {
            followed(&fleet, 2, &number.to_string());
        }
        let next = TaskEntry { epoch: LeaseEpoch(2), cancel_requested: true, ..task };
        let found = news(&fleet, &node("n1"), std::slice::from_ref(&next), now);
        assert_eq!(found.len(), FOLLOWS_MAX + 2);
        for _ in 0..found.len() {
            fleet.table().send(&node("n1"), Kind::Revoked(wire::Revoked::default()));
        }
        assert!(fleet.table().live(&node("n1")).is_some(), "and its session goes on");
        assert!(received.try_recv().is_ok());
    }

    #[test]
    fn no_more_tasks_are_read_than_a_node_has_room_for_and_the_others_stay_noted() {
        let ((fleet, _received), tasks) = (fleet(), burst());
        let room = room(&fleet);
        assert_eq!(within_room(&fleet, &node("n1"), ids(&tasks)), ids(&tasks[..room]));
        assert_eq!(noted(&fleet), ids(&tasks[room..]));
        assert_eq!(within_room(&fleet, &node("n1"), ids(&tasks[..room])), ids(&tasks[..room]));
        assert!(noted(&fleet).is_empty());
        fleet.table().end();
        assert!(within_room(&fleet, &node("n1"), ids(&tasks)).is_empty());
        assert!(noted(&fleet).is_empty(), "a session that begins is told everything");
    }
}
