//! textkit: a hosted agent that counts and summarises text.
//!
//! Decides what a text's statistics and keywords are. Must never need more than the contract of
//! `proto/wit/agent.wit` gives: no files, no network, no memory of earlier messages.
//!
//! Build it with `cargo build -p node-textkit --target wasm32-wasip2 --release`. It reads the text
//! parts of a message (and files of type `text/*`), and one optional data part:
//!
//! - `keywords`: how many keywords to give, 1 to 50, 10 if absent;
//! - `repeat`: the work factor, 1 to 200,000: the analysis is done so many times. It makes a task
//!   that runs for long on purpose, to see what cancelling it or losing its node does.

pub mod keywords;
pub mod request;
pub mod statistics;
pub mod words;

#[cfg(target_arch = "wasm32")]
mod agent;
