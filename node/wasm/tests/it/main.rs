//! The WASM tier against real components: guests in WAT for the limits (case 41 of the security
//! matrix), and agents in Rust, built here, for the whole path.
//!
//! They assert what must hold (ended, refused, one outcome), never how fast.

#![expect(clippy::unwrap_used, reason = "tests")]

mod agents;
mod artifacts;
mod guests;
mod limits;
mod outputs;
mod support;
