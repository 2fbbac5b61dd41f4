//! The gateway against a registry that runs in the same process, over real sockets.
#![allow(clippy::unwrap_used, reason = "tests")]

mod attached;
mod attached_streams;
mod away;
mod bad_input;
mod calls;
mod cards;
mod conduct;
mod drain;
mod edge;
mod envelopes;
mod federation;
#[path = "../../../../deploy/service/tests/service/flood.rs"]
mod flood;
mod floods;
mod grpc;
mod legacy;
mod list;
mod node;
mod proxied;
mod reload;
mod rest;
mod role;
mod streams;
mod subscribe;
mod tokens;
mod unread;
mod upstream;
mod visibility;
mod webhooks;
mod world;
