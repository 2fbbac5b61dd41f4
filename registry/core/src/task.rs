//! Tasks of hosted agents: where each stands, who holds it under which epoch, and how it ends.
//! Which waiting one is next is decided in `fair`, on which node it runs in `rank`.

pub(crate) mod apply;
pub(crate) mod command;
pub(crate) mod context;
pub(crate) mod ending;
pub(crate) mod entry;
pub mod fair;
pub(crate) mod open;
pub(crate) mod query;
pub mod rank;
pub(crate) mod table;
pub(crate) mod turn;
