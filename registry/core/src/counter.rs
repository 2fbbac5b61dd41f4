//! Numbers of the state machine: its revision, its clock, and how full its bounded queues are. They are kept in the state
//! and nowhere else, or replicas would differ.

use proto_types::{Namespace, NodeId, Origin};

use crate::layout::{self, Tag};
use crate::view::{Read, Space, View, ViewError, Write};

/// Where the numbers lie, by name.
pub(crate) const COUNTERS: Tag = Tag(0);

/// The newest revision handed out.
pub(crate) const REVISION: &str = "revision";
/// The state machine's time in ms: the greatest stamp that changed something.
pub(crate) const CLOCK: &str = "clock";
/// How many tasks have not ended.
pub(crate) const OPEN_TASKS: &str = "open-tasks";
/// How many peers wait to be let in.
pub(crate) const PEER_REQUESTS: &str = "peer-requests";
/// How many of these wait for their host to vouch for them.
pub(crate) const PEER_REQUESTS_OF_HOSTS: &str = "peer-requests-of-hosts";
/// The first bucket of spent tokens that is still remembered.
pub(crate) const FIRST_BUCKET: &str = "first-token-bucket";
/// The newest revision whose change is no longer kept.
pub(crate) const COMPACTED: &str = "compacted";
/// How often the cluster was made anew from a backup.
pub(crate) const CLUSTER_EPOCH: &str = "cluster-epoch";
/// The state machine's time at the first log entry of the cluster epoch, or when its time was brought back;
/// [`NOT_BEGUN`] before it, 0 in the first epoch.
pub(crate) const EPOCH_BEGAN: &str = "epoch-began";
/// A cluster was made anew and has decided nothing yet.
pub(crate) const NOT_BEGUN: u64 = u64::MAX;
/// How many namespaces there are.
pub(crate) const NAMESPACES: &str = "namespaces";
/// Bit n is set if a namespace claims a prefix of n + 1 bytes.
pub(crate) const PREFIX_LENGTHS: &str = "prefix-lengths";
/// Live records, for [`of_namespace`].
pub(crate) const RECORDS_OF: &str = "records";
/// Cards, for [`of_namespace`].
pub(crate) const CARDS_OF: &str = "cards";
/// Agents, for [`of_namespace`].
pub(crate) const AGENTS_OF: &str = "agents";
/// Bytes of documents, for [`of_namespace`].
pub(crate) const BYTES_OF: &str = "bytes";

/// What the names of all that namespaces keep start with.
pub(crate) const OF_NAMESPACES: &str = "namespace/";
/// How many bytes are kept for tasks and envelopes; what [`kept_bytes_of`] names starts with it.
pub(crate) const KEPT_BYTES: &str = "kept-bytes";

/// How much of something a namespace keeps.
pub(crate) fn of_namespace(name: &Namespace, what: &str) -> String {
    format!("{OF_NAMESPACES}{name}/{what}")
}

/// Up to `limit` numbers after `after` whose names start with `prefix`, by name.
pub(crate) fn starting(
    view: &dyn View,
    prefix: &str,
    after: Option<&str>,
    limit: usize,
) -> Read<Vec<(String, u64)>> {
    let first = key(prefix);
    let from = after.map_or_else(|| first.clone(), |after| layout::after(&key(after)));
    let tag = key("").len();
    let read = |(key, value): (Vec<u8>, Vec<u8>)| {
        let name = String::from_utf8_lossy(&key[tag..]).into_owned();
        let number = number(&name, &value)?;
        Ok((name, number))
    };
    let pairs = view.range(Space::State, &from, &layout::past(&first), limit)?;
    pairs.into_iter().map(read).collect()
}

/// How many envelopes wait for a target.
pub(crate) fn queue_depth(target: &str) -> String {
    format!("queue/{target}")
}

/// How many of these a source has sent. A source has no space in it. What is not marked as shared has a counter of its
/// own: an earlier version has counted some of it and not the rest, so that it may go down by what it never had.
pub(crate) fn queue_share(target: &str, source: &Origin, shared: bool) -> String {
    let name = if shared { "queue-held" } else { "queue-share" };
    format!("{name}/{target} {source}")
}

/// How many dead letters there are; what [`dead_letters`] and [`dead_letter_share`] name starts with it.
pub(crate) const DEAD_LETTERS: &str = "dead-letters";

/// How many dead letters a target has.
pub(crate) fn dead_letters(target: &str) -> String {
    format!("{DEAD_LETTERS}/{target}")
}

/// How many of these a source has sent.
pub(crate) fn dead_letter_share(target: &str, source: &Origin) -> String {
    format!("{DEAD_LETTERS}-of/{target} {source}")
}

/// What the names of all that count the tasks of nodes start with.
pub(crate) const NODE_TASKS: &str = "node-tasks/";

/// How many tasks a node holds, of those that say that they are counted.
pub(crate) fn node_tasks(node: &NodeId) -> String {
    format!("{NODE_TASKS}{node}")
}

/// How many open tasks of this owner its share counts.
pub(crate) fn task_share(owner: &str) -> String {
    format!("{OPEN_TASKS}/{owner}")
}

/// How many of the bytes kept this owner's share counts.
pub(crate) fn kept_bytes_of(owner: &str) -> String {
    format!("{KEPT_BYTES}/{owner}")
}

/// The number, 0 if it was never set.
pub(crate) fn read(view: &dyn View, name: &str) -> Read<u64> {
    let Some(value) = view.value(Space::State, &key(name))? else { return Ok(0) };
    number(name, &value)
}

fn number(name: &str, value: &[u8]) -> Read<u64> {
    let bytes = value.try_into().map_err(|_| ViewError::Corrupt {
        table: "counter",
        cause: format!("{name} has {} bytes, not 8", value.len()),
    })?;
    Ok(u64::from_be_bytes(bytes))
}

/// The write that sets it. 0 is kept as absence, so that emptied queues leave nothing behind.
pub(crate) fn write(name: &str, number: u64) -> Write {
    let (space, key) = (Space::State, key(name));
    match number {
        0 => Write::Delete { space, key },
        _ => Write::Put { space, key, value: number.to_be_bytes().to_vec() },
    }
}

fn key(name: &str) -> Vec<u8> {
    COUNTERS.key(&[name.as_bytes()])
}
