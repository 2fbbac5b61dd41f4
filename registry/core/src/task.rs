//! Tasks of hosted agents: the state of each, who holds it under which lease epoch, and how it ends. `fair` decides which
//! waiting task is next, `rank` on which node it runs.

pub(crate) mod apply;
pub(crate) mod command;
pub(crate) mod context;
pub(crate) mod ending;
pub(crate) mod entry;
pub mod fair;
pub(crate) mod list;
pub(crate) mod listed;
pub(crate) mod open;
pub(crate) mod push;
pub(crate) mod query;
pub mod rank;
pub(crate) mod table;
pub(crate) mod turn;
