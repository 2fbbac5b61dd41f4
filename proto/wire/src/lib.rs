//! The wire: prost and tonic types of the published `.proto` files, and their JSON. It must never hold a rule about what a
//! message may contain.

mod json;

#[allow(
    missing_docs,
    unreachable_pub,
    clippy::all,
    clippy::pedantic,
    reason = "generated code; the .proto files document it"
)]
mod generated {
    pub mod raft {
        pub mod v1 {
            tonic::include_proto!("ecumene.raft.v1");
        }
    }
    pub mod registry {
        pub mod v1 {
            tonic::include_proto!("ecumene.registry.v1");
        }
    }
    pub mod gateway {
        pub mod v1 {
            tonic::include_proto!("ecumene.gateway.v1");
        }
    }
}

pub use generated::{gateway, raft, registry};
pub use json::{to_json, to_json_without};

/// The descriptor set of every service of ours, for gRPC reflection.
pub const DESCRIPTORS: &[u8] = tonic::include_file_descriptor_set!("ecumene");

/// The descriptor set of `lf.a2a.v1`, A2A's own service, with all that it imports.
pub const A2A_DESCRIPTORS: &[u8] = tonic::include_file_descriptor_set!("a2a");

/// The path of every method of every service of ours, from the same descriptors.
pub const METHODS: &[&str] = include!(concat!(env!("OUT_DIR"), "/methods.rs"));
