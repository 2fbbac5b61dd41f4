//! conformance: a hosted agent that does what the conformance kit of A2A asks of the agent under test.
//!
//! Build it with `cargo build -p node-conformance --target wasm32-wasip2 --release`; `make tck` runs the kit against it. The
//! kit says by the start of a message's id what shall happen. Must never be known to a gateway, a registry or a node: to them
//! it is an agent like any other.

pub mod script;

#[cfg(target_arch = "wasm32")]
mod agent;
