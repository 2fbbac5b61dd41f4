//! Real processes of ours under real faults: started, killed, restarted, asked.
//! It decides how a world is laid out on disk; it must never reach into a process other than through its sockets,
//! its files and signals, and never end a process that it did not start.

pub mod clients;
pub mod disk;
pub mod documents;
pub mod hosts;
pub mod labels;
pub mod linear;
pub mod log;
pub mod peer;
pub mod process;
mod python;
pub mod sandbox;
pub mod sdk;
mod shim;
pub mod stranger;
pub mod walkthrough;
pub mod web;
pub mod world;

pub use world::World;
