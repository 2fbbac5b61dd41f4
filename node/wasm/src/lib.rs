//! The WASM tier of a node: verify, compile, run, and bound hosted agents.
//!
//! Decides how a component runs and when it is stopped. Must never give a guest authority over
//! anything but its own streams and events, and must never run code that was not compiled here.
//!
//! **How guests share the machine.** Guests run as futures on threads of their own (a tokio runtime
//! inside [`Runtime`]), never on the caller's: a guest that computes keeps its thread for up to
//! 10 ms at a time, and the node's lease must be renewed meanwhile. They are futures and not plain
//! blocking calls, because a guest may wait inside a host call (a clock, a full event queue), where
//! neither fuel nor epochs reach it; a future can be dropped there, which is what the wall deadline
//! and a kill do. Busy guests yield at every epoch, so that a few threads serve many guests and
//! timers are heard.

mod bindings;
mod cache;
mod convert;
mod engine;
mod host;
mod limits;
mod measure;
mod prepare;
mod reserve;
mod run;
mod runtime;
mod stdio;

pub mod config;
pub mod event;

pub use crate::config::Config;
pub use crate::event::{ArtifactChunk, Event};
pub use crate::host::{Input, Io};
pub use crate::limits::Limits;
pub use crate::measure::MeasureError;
pub use crate::prepare::{Kind, PrepareError, Prepared};
pub use crate::runtime::{Runtime, StartError};
