//! The fetcher against real local servers, most of them ill-behaved.
#![expect(clippy::unwrap_used, reason = "tests")]

mod bombs;
mod names;
mod plain;
mod redirects;
mod slow;
mod tls;
mod world;
