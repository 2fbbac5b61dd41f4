//! Compiles the published `.proto` files with protox: no protoc to install. It decides which messages are said in JSON, and
//! how their members are. It must never fetch anything or write outside `OUT_DIR`.

use std::fmt::Write as _;
use std::path::PathBuf;

use protox::prost_reflect::prost_types::field_descriptor_proto::Type;
use tonic_prost_build::{Builder, FileDescriptorSet};

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

/// A2A's own contract. No structs are made of it: a gateway turns its messages into JSON by their descriptors.
const A2A: &str = "lf/a2a/v1/a2a.proto";

/// The package whose messages are said in JSON, with names in camel case.
const IN_JSON: &str = "ecumene.registry.v1";

/// Bytes of these names are a JSON document. Others, such as hashes and chunks, have no place in JSON.
const DOCUMENTS: [&str; 9] =
    ["card", "document", "entry", "fact", "input", "manifest", "operation", "outcome", "terms"];

/// Members that JSON names otherwise: programs read them so.
const RENAMED: [(&str, &str); 2] =
    [("Key.usage", "use"), ("SearchBasis.min_reputation", "min_reputation")];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let root = PathBuf::from(std::env::var("CARGO_MANIFEST_DIR")?).join("..");
    let descriptors = protox::compile(FILES, [&root])?;
    let out = PathBuf::from(std::env::var("OUT_DIR")?);
    let a2a = protox::compile([A2A], [&root])?;
    std::fs::write(out.join("a2a.bin"), prost::Message::encode_to_vec(&a2a))?;
    for file in FILES.into_iter().chain([A2A]) {
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
    let builder = tonic_prost_build::configure().bytes(".");
    in_json(builder, &descriptors).compile_fds(descriptors)?;
    Ok(())
}

/// Has serde serialise the messages; `src/json.rs` says what comes of it.
fn in_json(mut builder: Builder, descriptors: &FileDescriptorSet) -> Builder {
    let names = "#[derive(serde::Serialize)] #[serde(rename_all = \"camelCase\")]";
    builder = builder.type_attribute(format!(".{IN_JSON}"), names);
    for (field, name) in RENAMED {
        let attribute = format!("#[serde(rename = \"{name}\")]");
        builder = builder.field_attribute(format!(".{IN_JSON}.{field}"), attribute);
    }
    let files = descriptors.file.iter().filter(|file| file.package() == IN_JSON);
    for message in files.flat_map(|file| &file.message_type) {
        for field in message.field.iter().filter(|field| field.r#type() == Type::Bytes) {
            let attribute = match DOCUMENTS.contains(&field.name()) {
                true => "#[serde(serialize_with = \"crate::json::document\")]",
                false => "#[serde(skip)]",
            };
            let field = format!(".{IN_JSON}.{}.{}", message.name(), field.name());
            builder = builder.field_attribute(field, attribute);
        }
    }
    builder
}
