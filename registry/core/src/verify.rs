//! The checks of a whole state, for backups and for members that are in doubt. They name every fault, and never repair
//! one.
//!
//! A new check is one line in [`CHECKS`]; a new table one in `table::TABLES`.

mod counters;
mod derived;
mod entities;

pub use crate::report::Report;
use crate::view::{Read, View};
use crate::{body, history, log, peer};

/// One check of a whole state.
pub type Check = fn(&dyn View, &mut Report) -> Read<()>;

/// Every check, in the order in which they are made, with the name that its faults carry.
pub const CHECKS: &[(&str, Check)] = &[
    ("state", entities::check),
    ("index", derived::check),
    ("bodies", body::verify::check),
    ("changes", history::verify::check),
    ("keys", peer::verify::check),
    ("counters", counters::check),
    ("transparency log", log::check::check),
];

/// Makes every check. What cannot be read is a fault too.
#[must_use]
pub fn check(view: &dyn View) -> Report {
    let mut report = Report::default();
    check_into(view, &mut report);
    report
}

/// As [`check`], into a report of more than the state.
pub fn check_into(view: &dyn View, report: &mut Report) {
    for (name, check) in CHECKS {
        report.begin(name);
        if let Err(error) = check(view, report) {
            report.fault(error);
        }
    }
}
