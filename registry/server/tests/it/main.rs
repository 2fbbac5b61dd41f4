//! A real member of a cluster of one, on a free port, as its clients see it.
//!
//! It decides nothing about the registry; each file holds one part of its contract.
#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

mod admission;
mod artifacts;
mod attacks;
mod audit;
mod cluster;
mod conditions;
mod conduct;
mod contract;
mod crawler;
mod directory_refusals;
mod envelopes;
mod events;
mod federation;
mod fleet;
mod fleet_refusals;
#[path = "../../../../deploy/service/tests/service/flood.rs"]
mod flood;
mod floods;
mod handles;
mod hostile;
mod lagging_partners;
mod log;
mod members;
mod meta;
mod misbehaviour;
mod paging;
mod peer_domain;
mod peer_operations;
mod peers;
mod pilox;
mod records;
mod rest_refusals;
mod restored;
mod restored_partners;
mod safe;
mod search;
mod site;
mod tls;
mod tokens;
mod untold;
mod visibility;
mod waits;
mod watch;
mod withdrawals;
mod witness;
mod world;
