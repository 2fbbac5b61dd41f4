//! A check of the counters of namespaces, tasks and envelopes: each equals what is counted anew from the entries. A
//! namespace above a quota that was lowered is sound.

use std::collections::BTreeMap;

use proto_types::{Handle, Namespace};

use crate::agent::entry::AgentEntry;
use crate::agent::table::AGENTS;
use crate::card::entry::CardEntry;
use crate::card::table::CARDS;
use crate::counter;
use crate::entity::{Entity, Table};
use crate::envelope::dead;
use crate::envelope::table::ENVELOPES;
use crate::namespace;
use crate::namespace::entry::Usage;
use crate::namespace::table::NAMESPACES;
use crate::record::entry::RecordEntry;
use crate::record::table::RECORDS;
use crate::report::{PAGE, Report};
use crate::task::open;
use crate::task::table::TASKS;
use crate::view::{Read, View};
use crate::visibility::Scoped;

/// Counters by name: a few for each namespace, of which there is a bounded number, or one for each owner of tasks, or node.
type Counted = BTreeMap<String, u64>;

pub(crate) fn check(view: &dyn View, report: &mut Report) -> Read<()> {
    let mut counted = Counted::new();
    count(view, report, (&RECORDS, RecordEntry::usage), &mut counted)?;
    count(view, report, (&CARDS, CardEntry::usage), &mut counted)?;
    count(view, report, (&AGENTS, AgentEntry::usage), &mut counted)?;
    compare(view, report, counter::OF_NAMESPACES, counted)?;
    let mut namespaces = 0;
    pages(view, &NAMESPACES, &mut |_| {
        namespaces += 1;
        Ok(())
    })?;
    let said = counter::read(view, counter::NAMESPACES)?;
    if said != namespaces {
        report.fault(format_args!("there are {namespaces} namespaces, and {said} are counted"));
    }
    check_tasks_and_envelopes(view, report)
}

/// The bytes of tasks and envelopes, as each of these says what was counted for it, the tasks of each node, and the dead
/// letters.
fn check_tasks_and_envelopes(view: &dyn View, report: &mut Report) -> Read<()> {
    let (mut counted, mut held, mut dead_letters) =
        (Counted::new(), Counted::new(), Counted::new());
    pages(view, &TASKS, &mut |task| {
        add_kept_bytes(&mut counted, open::sharer(task), task.bytes);
        if let Some(node) = open::counted_at(task) {
            *held.entry(counter::node_tasks(node)).or_default() += 1;
        }
        Ok(())
    })?;
    pages(view, &ENVELOPES, &mut |envelope| {
        add_kept_bytes(&mut counted, Some(envelope.source.as_str()), envelope.bytes);
        if envelope.dead.is_some() {
            dead::names(envelope)
                .into_iter()
                .for_each(|name| *dead_letters.entry(name).or_default() += 1);
        }
        Ok(())
    })?;
    compare(view, report, counter::KEPT_BYTES, counted)?;
    compare(view, report, counter::DEAD_LETTERS, dead_letters)?;
    compare(view, report, counter::NODE_TASKS, held)
}

fn add_kept_bytes(counted: &mut Counted, owner: Option<&str>, bytes: Option<u64>) {
    let Some(bytes) = bytes else { return };
    let own = owner.map(counter::kept_bytes_of);
    for name in own.into_iter().chain([counter::KEPT_BYTES.to_owned()]) {
        let count = counted.entry(name).or_default();
        *count = count.saturating_add(bytes);
    }
}

/// Adds the entries of a table to the counters of their namespaces.
fn count<T: Entity + Scoped>(
    view: &dyn View,
    report: &mut Report,
    (table, usage): (&Table<T>, fn(&T) -> Usage),
    counted: &mut Counted,
) -> Read<()> {
    pages(view, table, &mut |entry| {
        let usage = usage(entry);
        if usage == Usage::default() {
            return Ok(());
        }
        let name = format!("{} {}", table.name(), entry.key());
        let Ok(handle) = Handle::parse(&entry.key()) else {
            report.fault(format_args!("{name} has no handle"));
            return Ok(());
        };
        let (home, said) =
            (namespace::query::namespace_of(view, &handle)?, entry.scope().namespace);
        if home != said {
            report.fault(format_args!("{name} is in {home}, and says {said}"));
        }
        add(counted, &home, usage);
        Ok(())
    })
}

fn add(counted: &mut Counted, home: &Namespace, usage: Usage) {
    let Usage { records, cards, agents, bytes } = usage;
    let rows = [
        (counter::RECORDS_OF, records),
        (counter::CARDS_OF, cards),
        (counter::AGENTS_OF, agents),
        (counter::BYTES_OF, bytes),
    ];
    for (what, number) in rows.into_iter().filter(|(_, number)| *number > 0) {
        *counted.entry(counter::of_namespace(home, what)).or_default() += number;
    }
}

/// Names what is counted otherwise than it is, of the counters whose names start with `prefix`.
fn compare(view: &dyn View, report: &mut Report, prefix: &str, mut counted: Counted) -> Read<()> {
    let mut after: Option<String> = None;
    loop {
        let page = counter::starting(view, prefix, after.as_deref(), PAGE)?;
        for (name, said) in &page {
            report.saw("counters", 1);
            let there = counted.remove(name).unwrap_or_default();
            if *said != there {
                report.fault(format_args!("{name} says {said}, and there is {there}"));
            }
        }
        if page.len() < PAGE {
            break;
        }
        after = page.into_iter().last().map(|(name, _)| name);
    }
    for (name, there) in counted {
        report.fault(format_args!("{name} is missing, and there is {there}"));
    }
    Ok(())
}

/// Every entry of a table, in order.
fn pages<T: Entity>(
    view: &dyn View,
    table: &Table<T>,
    visit: &mut dyn FnMut(&T) -> Read<()>,
) -> Read<()> {
    let mut after: Option<String> = None;
    loop {
        let page = table.list(view, after.as_deref(), PAGE)?;
        page.iter().try_for_each(&mut *visit)?;
        if page.len() < PAGE {
            return Ok(());
        }
        after = page.last().map(Entity::key);
    }
}
