//! Outbound HTTP to places that may be hostile: crawled peers, domain proofs, other registries.
//!
//! It decides where this process may connect to and how much of an answer it takes. It must never
//! connect to an address that it has not classified, follow a redirect unchecked, send a credential
//! or cookie, or read a proxy from the environment.

pub mod address;
pub mod config;
mod connect;
mod connection_limits;
mod decode;
mod error;
mod exchange;
mod fetcher;
pub mod message;
pub mod resolve;
pub mod schedule;
pub mod url;

pub use crate::config::Config;
pub use crate::error::FetchError;
pub use crate::fetcher::Fetcher;
pub use crate::message::{Fetched, Request};
