//! The registry's pure core: `apply(&View, Stamp, &Command) -> Change`.
//! It decides what every command comes to; it must never read a clock, a file, a socket or anything but its arguments.

pub mod administrative;
mod apply;
mod audience;
pub mod change;
pub mod command;
mod counter;
pub mod entry;
pub mod epoch;
pub mod fair;
mod index;
mod layout;
mod ledger;
pub mod overlay;
pub mod query;
pub mod rank;
pub mod reputation;
pub mod search;
pub mod state_hash;
pub mod table;
pub mod timekeeper;
pub mod verify;
pub mod view;
pub mod viewer;

pub use crate::apply::{BatchChange, apply, apply_batch};
pub use crate::ledger::{agent_statement, namespace_statement, peer_statement};
