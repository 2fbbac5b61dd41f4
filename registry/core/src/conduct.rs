//! Peers' conduct: what gateways report of it, and the score that follows.
//!
//! A gateway counts how the requests of a peer ended (`gateway-core`, `conduct`), closes a window each minute and reports
//! it (`gateway-server`, `conduct`). `apply` adds it to what this gateway reported before; `reputation` computes the
//! score, `query` reads it at the state's time. Searches compare it with their minimum, and operators read it
//! (docs/decisions/0025-reputation.md).

pub(crate) mod apply;
pub(crate) mod command;
pub(crate) mod entry;
pub(crate) mod query;
pub mod reputation;
pub(crate) mod table;
