//! Compiles the published `.proto` files with protox: no protoc to install.
//! It must never fetch anything or write outside `OUT_DIR`.

use std::fmt::Write as _;
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
    let out = PathBuf::from(std::env::var("OUT_DIR")?);
    for file in FILES {
        println!("cargo:rerun-if-changed={}", root.join(file).display());
    }
    let mut methods = String::from("&[\n");
    for file in &descriptors.file {
        let package = file.package.as_deref().unwrap_or_default();
        for service in &file.service {
            for method in &service.method {
                writeln!(methods, "\"/{package}.{}/{}\",", service.name(), method.name())?;
            }
        }
    }
    methods.push_str("]\n");
    std::fs::write(out.join("methods.rs"), methods)?;
    std::fs::write(out.join("ecumene.bin"), prost::Message::encode_to_vec(&descriptors))?;
    tonic_prost_build::configure().bytes(".").compile_fds(descriptors)?;
    Ok(())
}
