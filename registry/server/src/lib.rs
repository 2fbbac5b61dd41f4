//! The registry role: one member of the cluster, its gRPC and REST on one listener, and the fleet
//! while it leads.
//!
//! It decides how calls reach the core and how its decisions reach the outside. It must never
//! answer a write that a majority does not hold, and never decide what the core decides.

mod artifacts;
pub mod config;
mod crawler;
mod federation;
mod fleet;
mod front;
mod grpc;
mod leader;
mod lookup;
mod member;
mod random;
mod rest;
mod run;

pub use crate::config::Config;
pub use crate::run::{Error, Summary, run};
