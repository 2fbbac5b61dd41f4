//! A peer over time: its keys, what its owner and the operator did to them, and the hash-linked log
//! of it all, which anybody can verify without asking the registry.
//!
//! Decides what each act makes of a peer's keys and status: the registry applies these rules and a
//! reader replays them, so they are written once. Must never look at anything but the acts and
//! their times.

pub mod keys;
pub mod log;
pub mod operation;
pub mod possession;
pub mod replay;
pub mod state;
pub mod status;

#[cfg(test)]
mod tests;

pub use self::keys::{EnrolledKey, KeyFault, KeySet};
pub use self::log::{Act, Actor, LogEntry};
pub use self::operation::{Action, PeerOperation, Retirement};
pub use self::replay::{Replay, ReplayEntry};
pub use self::state::{Fault, OperationRef, PeerState};
pub use self::status::{PeerStatus, PeerStatuses};

/// How long a recovery key may override what a signing key has done (security.md, "Keys").
pub const RECOVERY_MS: u64 = 72 * 3_600 * 1_000;
