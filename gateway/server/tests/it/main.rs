//! The gateway against a registry that runs in the same process, over real sockets.
#![allow(clippy::unwrap_used, reason = "tests")]

mod attached;
mod attached_grpc;
mod attached_streams;
mod away;
mod bad_input;
mod bound_tokens;
mod calls;
mod cards;
mod clients;
mod conduct;
mod drain;
mod edge;
mod envelope_backends;
mod envelopes;
mod extensions;
mod federation;
#[path = "../../../../deploy/service/tests/service/flood.rs"]
mod flood;
mod floods;
mod forwarded;
mod grpc;
mod legacy;
mod list;
mod nats;
mod node;
mod pilox;
mod policies;
mod proxied;
mod push;
mod quotas;
mod reload;
mod rest;
mod revocation;
mod role;
mod streams;
mod subscribe;
mod tokens;
mod unread;
mod upstream;
mod visibility;
mod webhooks;
mod world;
