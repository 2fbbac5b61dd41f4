//! A check of all entities: each decodes, is stored under its own key, and has the bodies that it names.

use crate::body;
use crate::layout::Tag;
use crate::report::{PAGE, Report, each, hex};
use crate::table::{ROWS, TABLES};
use crate::view::{Read, Space, View};

pub(crate) fn check(view: &dyn View, report: &mut Report) -> Read<()> {
    each(view, Space::State, PAGE, &mut |key, value| {
        let tag = Tag::of(key);
        let Some(table) = TABLES.iter().find(|table| Some(table.tag()) == tag) else {
            if !tag.is_some_and(|tag| ROWS.contains(&tag)) {
                report.fault(format_args!("{} belongs to no table that is known", hex(key)));
            }
            return Ok(());
        };
        report.saw(table.name(), 1);
        let entry = match table.read(value) {
            Ok(entry) => entry,
            Err(error) => {
                report.fault(format_args!("under {}: {error}", hex(key)));
                return Ok(());
            }
        };
        if entry.key != key {
            let (name, place) = (table.name(), hex(key));
            report.fault(format_args!("a {name} lies under {place}, not under its own key"));
        }
        for body in entry.bodies {
            if body::query::body(view, &body)?.is_none() {
                report.fault(format_args!("a {} names {body}, which is not here", table.name()));
            }
        }
        Ok(())
    })
}
