//! Compiles the published `.proto` files with protox: no protoc to install.
//! It must never fetch anything or write outside `OUT_DIR`.

use std::path::PathBuf;

const FILES: [&str; 8] = [
    "ecumene/raft/v1/raft.proto",
    "ecumene/registry/v1/cluster.proto",
    "ecumene/registry/v1/directory.proto",
    "ecumene/registry/v1/fleet.proto",
    "ecumene/registry/v1/search.proto",
    "ecumene/registry/v1/log.proto",
    "ecumene/registry/v1/partners.proto",
    "ecumene/gateway/v1/events.proto",
];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let root = PathBuf::from(std::env::var("CARGO_MANIFEST_DIR")?).join("..");
    let descriptors = protox::compile(FILES, [&root])?;
    let out = PathBuf::from(std::env::var("OUT_DIR")?).join("ecumene.bin");
    for file in FILES {
        println!("cargo:rerun-if-changed={}", root.join(file).display());
    }
    std::fs::write(&out, prost::Message::encode_to_vec(&descriptors))?;
    tonic_prost_build::configure().bytes(".").compile_fds(descriptors)?;
    Ok(())
}
