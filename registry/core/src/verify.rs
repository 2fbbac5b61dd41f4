//! What must hold of every state, checked over a whole one: for backups, and for members that are in doubt.
//! It decides what is wrong and names it; it must never repair anything, nor stop at the first fault.
//!
//! A new check is one line in [`CHECKS`]; a new table one in `table::TABLES`.

mod counters;
mod derived;
mod entities;

pub use crate::report::Report;
use crate::view::{View, ViewError};
use crate::{body, history, peer};

/// One check of a whole state.
pub type Check = fn(&dyn View, &mut Report) -> Result<(), ViewError>;

/// Every check, in the order in which they are made, with the name that its faults carry.
pub const CHECKS: &[(&str, Check)] = &[
    ("state", entities::check),
    ("index", derived::check),
    ("bodies", body::verify::check),
    ("changes", history::verify::check),
    ("keys", peer::verify::check),
    ("counters", counters::check),
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
