//! The service crate on real sockets: hostile clients, drains, addresses.
//!
//! It checks what a client sees. It must never wait for a fixed time where a fact can be awaited.
#![expect(clippy::unwrap_used, reason = "tests")]

mod drain;
mod flood;
mod hostile;
mod hosts;
mod listen;
mod memory;
mod proxied;
mod refusals;
mod smuggling;
mod stuck;
mod tls;
mod uploads;
mod world;
