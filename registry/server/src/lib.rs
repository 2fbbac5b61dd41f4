//! The registry role: one member of the cluster, its gRPC and REST on one listener, and the fleet
//! while it leads.
//!
//! It decides how calls reach the core and how its decisions reach the outside. It must never
//! answer a write that a majority does not hold, and never decide what the core decides.

mod admission;
mod allowance;
mod artifacts;
mod audit;
mod call;
mod certificate;
mod compare;
pub mod config;
mod crawler;
mod cursor;
mod enrolment;
mod epoch;
mod federation;
mod fleet;
mod follow;
mod freshness;
mod front;
mod grpc;
mod holder;
mod housekeeping;
mod join;
mod leader;
mod log;
mod lookup;
mod member;
mod operations;
mod outward;
mod pdp;
mod peers;
mod random;
mod recovery;
mod rest;
mod roster;
mod run;
mod search;

pub use crate::config::Config;
pub use crate::run::{Error, Summary, run};
