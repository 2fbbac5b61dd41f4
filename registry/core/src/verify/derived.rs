//! A check of derived keys: all that follow from the entities are there, and no others. It counts by tag, and looks
//! closer only where a count is wrong, so that it never holds the whole index in memory.

use std::collections::{BTreeMap, BTreeSet};

use crate::layout::Tag;
use crate::report::{PAGE, Report, Visit, each, hex};
use crate::table::TABLES;
use crate::view::{Read, Space, View};

/// Superfluous keys that are named, of one tag.
const NAMED_MAX: usize = 10;

pub(crate) fn check(view: &dyn View, report: &mut Report) -> Read<()> {
    let mut expected: BTreeMap<Option<Tag>, u64> = BTreeMap::new();
    entities(view, &mut |key, value| {
        *expected.entry(Tag::of(key)).or_default() += 1;
        match view.value(Space::Index, key)? {
            Some(kept) if kept == value => {}
            Some(_) => report.fault(format_args!("{} points elsewhere", hex(key))),
            None => report.fault(format_args!("{} is missing", hex(key))),
        }
        Ok(())
    })?;
    let mut found: BTreeMap<Option<Tag>, u64> = BTreeMap::new();
    each(view, Space::Index, PAGE, &mut |key, _| {
        *found.entry(Tag::of(key)).or_default() += 1;
        Ok(())
    })?;
    report.saw("index", usize::try_from(found.values().sum::<u64>()).unwrap_or(usize::MAX));
    for (tag, count) in found {
        if count > expected.get(&tag).copied().unwrap_or(0) {
            superfluous(view, tag, report)?;
        }
    }
    Ok(())
}

fn superfluous(view: &dyn View, tag: Option<Tag>, report: &mut Report) -> Read<()> {
    let mut known = BTreeSet::new();
    entities(view, &mut |key, _| {
        if Tag::of(key) == tag {
            known.insert(key.to_vec());
        }
        Ok(())
    })?;
    let mut named = 0;
    each(view, Space::Index, PAGE, &mut |key, _| {
        if Tag::of(key) == tag && !known.contains(key) && named < NAMED_MAX {
            named += 1;
            report.fault(format_args!("{} points at nothing", hex(key)));
        }
        Ok(())
    })
}

/// The derived keys of every entity that can be read; the others are faults of the state.
fn entities(view: &dyn View, visit: &mut Visit<'_>) -> Read<()> {
    each(view, Space::State, PAGE, &mut |key, value| {
        let table = TABLES.iter().find(|table| Some(table.tag()) == Tag::of(key));
        let Some(Ok(entry)) = table.map(|table| table.read(value)) else { return Ok(()) };
        entry.derived.iter().try_for_each(|(key, value)| visit(key, value))
    })
}
