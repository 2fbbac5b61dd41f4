//! The registry role: one member of the cluster, its gRPC and REST on one listener, and the fleet while it leads.
//!
//! It carries calls to the core and the core's decisions to the callers. A write is never acknowledged before a majority
//! holds it.

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
mod reading;
mod recovery;
mod rest;
mod roster;
mod run;
mod search;

pub use crate::config::Config;
pub use crate::run::{Error, Summary, run};
