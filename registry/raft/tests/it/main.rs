//! Whole members over real loopback connections: what is acknowledged is kept, whoever leads, whoever dies.
#![allow(clippy::unwrap_used, reason = "tests")]

mod clocks;
mod cluster;
mod commit;
mod damage;
mod failover;
mod install;
mod members;
mod mutual;
mod notices;
mod offline;
mod single;
mod stale_reads;
mod state_hash;
mod transport_auth;
mod wiped;
