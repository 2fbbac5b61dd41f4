//! The messages of `lf.a2a.v1` as ProtoJSON, and back, by their descriptors.
//!
//! Decides which message a method takes and which it answers with: here, and at the servers of attached agents. Must never
//! decide what a message means: what is read is judged as any other JSON of A2A is (`proto_types::a2a`).

mod read;
mod write;

use std::sync::LazyLock;

use gateway_core::path::A2A_SERVICE;
use prost_reflect::{DescriptorPool, MethodDescriptor, ServiceDescriptor};
use serde_json::Value;

static DESCRIPTOR: LazyLock<ServiceDescriptor> = LazyLock::new(|| {
    let pool = DescriptorPool::decode(proto_wire::A2A_DESCRIPTORS);
    let pool = pool.expect("build.rs of proto-wire has compiled these descriptors");
    pool.get_service_by_name(A2A_SERVICE).expect("a2a.proto has this service")
});

/// A method of the service.
#[derive(Clone, Debug)]
pub(crate) struct Method(MethodDescriptor);

impl Method {
    /// The method of this name, if there is one.
    pub(super) fn find(name: &str) -> Option<Self> {
        DESCRIPTOR.methods().find(|method| method.name() == name).map(Self)
    }

    /// The method that is called at this path, if there is one.
    pub(crate) fn at(path: &str) -> Option<Self> {
        let (service, name) = path.strip_prefix('/')?.split_once('/')?;
        (service == A2A_SERVICE).then(|| Self::find(name)).flatten()
    }

    /// Reads an encoded request; or says what it has to be.
    pub(super) fn read(&self, request: &[u8]) -> Result<Value, &'static str> {
        read::read(&self.0.input(), request)
    }

    /// Appends an encoded request, as a caller makes it; `None` if it does not fit the method.
    pub(super) fn write_request(&self, request: &Value, out: &mut Vec<u8>) -> Option<()> {
        write::write(&self.0.input(), request, out)
    }

    /// Reads an encoded answer of a server; or says what it has to be.
    pub(crate) fn read_answer(&self, answer: &[u8]) -> Result<Value, &'static str> {
        read::read(&self.0.output(), answer)
    }

    /// Appends an encoded answer; `None` if it does not fit the method.
    pub(super) fn write(&self, answer: &Value, out: &mut Vec<u8>) -> Option<()> {
        write::write(&self.0.output(), answer, out)
    }
}

/// What is not written where presence is not told.
fn is_default(value: &Value) -> bool {
    match value {
        Value::String(text) => text.is_empty(),
        Value::Bool(is) => !is,
        Value::Number(number) => number.as_i64() == Some(0),
        _ => false,
    }
}

#[cfg(test)]
mod tests;
