//! The registry's pure core: `apply(&View, Stamp, &Command) -> Change`.
//! It decides what every command comes to; it must never read a clock, a file, a socket or anything but its arguments.

mod apply;
mod audience;
pub mod change;
pub mod command;
mod counter;
pub mod entry;
mod index;
mod layout;
pub mod overlay;
pub mod query;
pub mod rank;
pub mod table;
pub mod view;
pub mod viewer;

pub use crate::apply::{BatchChange, apply, apply_batch};
