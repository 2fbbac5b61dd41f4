//! What a node decides: which tasks it takes, and the life of each under its lease.
//!
//! Decides admission, the order persist, accept, run, report, when a task must be killed, and whether another process
//! serves as this node. Must
//! never read a clock, a random source, the environment, a file or a socket: the shell (node-agent)
//! passes time and events in, and does what comes out.

pub mod capacity;
pub mod duplicate;
pub mod lease;
pub mod outcome;
pub mod reservations;
pub mod ring;
pub mod task;
pub mod time;

pub use crate::capacity::Capacity;
pub use crate::duplicate::Duplicate;
pub use crate::lease::Lease;
pub use crate::outcome::{LimitKind, Outcome};
pub use crate::reservations::{Refusal, Request, Reservation, Reservations};
pub use crate::ring::EventRing;
pub use crate::task::{Assignment, Because, Event, Output, ReportRefusal, Task};
pub use crate::time::RegistryTime;

// An outcome and a capacity are made of these, so whoever handles one finds them here.
pub use proto_types::IsolationClass;
pub use proto_types::a2a::{Content, Message, Part, Role};
