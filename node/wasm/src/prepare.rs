//! From an artifact's bytes to code that is ready to run.
//!
//! Decides what is a hosted agent: a component of our world, or a WASI 0.2 command, that imports
//! nothing which this node does not give. Must never compile bytes that do not have the digest they
//! were asked for by.

use bytes::Bytes;
use node_core::Outcome;
use proto_types::Digest;
use wasmtime::component::{Component, Linker};
use wasmtime::{Engine, Error};
use wasmtime_wasi::p2::bindings::CommandPre;

use crate::bindings::AgentPre;
use crate::cache::Cache;
use crate::host::State;

/// What a component is to this node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A component of `ecumene:agent/agent`, of any version 1.x up to ours.
    Agent,
    /// A WASI 0.2 command: the message as JSON on standard input, one artifact on standard output.
    Command,
}

impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Agent => "a component of ecumene:agent",
            Self::Command => "a WASI command",
        })
    }
}

/// Why an artifact cannot be run here.
#[derive(Debug, thiserror::Error)]
pub enum PrepareError {
    /// The bytes are not those that were asked for.
    #[error("the artifact's digest is {found}, but {expected} was asked for")]
    Digest {
        /// The digest that was asked for.
        expected: Digest,
        /// The digest of the bytes.
        found: Digest,
    },
    /// More bytes than the node compiles.
    #[error("the artifact has {bytes} bytes, {bytes_max} are allowed")]
    TooLarge {
        /// How many it has.
        bytes: usize,
        /// How many are allowed.
        bytes_max: usize,
    },
    /// Not WASM.
    #[error("the artifact is not a WASM component")]
    NotWasm,
    /// A core module: it has no typed boundary, so there is nothing to hand a message to.
    #[error("the artifact is a core WASM module; build a component (target wasm32-wasip2)")]
    CoreModule,
    /// A component that is not valid, or needs WASM features or sizes that the node does not give.
    #[error("the component is not valid here: {why}")]
    Invalid {
        /// What the compiler said.
        why: String,
    },
    /// A component without an entry.
    #[error("the component exports neither ecumene:agent's handle nor wasi:cli/run")]
    NoEntry,
    /// A component that needs, or offers, another interface than it should.
    #[error("the component does not fit {kind}: {why}")]
    Interface {
        /// What it was taken for.
        kind: Kind,
        /// What does not fit.
        why: String,
    },
    /// The caller expected something else.
    #[error("the artifact is {found}, but {expected} was declared")]
    WrongKind {
        /// What was declared.
        expected: Kind,
        /// What it is.
        found: Kind,
    },
    /// It was asked for without its bytes, and no compiled code of ours exists.
    #[error("there is no compiled code of this artifact on this node")]
    Absent,
    /// The node's own failure.
    #[error("the compiler's thread broke")]
    Compiler(#[source] tokio::task::JoinError),
}

impl PrepareError {
    /// The end of a task whose artifact is refused.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        match self {
            Self::Absent | Self::Compiler(_) => {
                Outcome::Fault { retryable: true, side_effects: false, reason: self.to_string() }
            }
            refused => Outcome::Failed {
                code: "artifact-refused".to_owned(),
                message: refused.to_string(),
            },
        }
    }
}

/// An artifact that is ready to run.
pub struct Prepared {
    digest: Digest,
    pub(crate) entry: Entry,
}

/// Where the host calls in.
pub(crate) enum Entry {
    Agent(AgentPre<State>),
    Command(CommandPre<State>),
}

impl Prepared {
    /// The digest of the artifact.
    #[must_use]
    pub fn digest(&self) -> &Digest {
        &self.digest
    }

    /// What it is.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self.entry {
            Entry::Agent(_) => Kind::Agent,
            Entry::Command(_) => Kind::Command,
        }
    }

    pub(crate) fn link(
        digest: Digest,
        component: &Component,
        linker: &Linker<State>,
    ) -> Result<Self, PrepareError> {
        let kind = kind_of(component, linker.engine()).ok_or(PrepareError::NoEntry)?;
        let misfit = |error: Error| PrepareError::Interface { kind, why: chain(&error) };
        let instance = linker.instantiate_pre(component).map_err(misfit)?;
        let entry = match kind {
            Kind::Agent => Entry::Agent(AgentPre::new(instance).map_err(misfit)?),
            Kind::Command => Entry::Command(CommandPre::new(instance).map_err(misfit)?),
        };
        Ok(Self { digest, entry })
    }
}

impl std::fmt::Debug for Prepared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Prepared")
            .field("digest", &self.digest)
            .field("kind", &self.kind())
            .finish()
    }
}

/// Verifies and compiles, and keeps the code on disk. Takes seconds of a core for a large artifact.
pub(crate) fn compile(
    engine: &Engine,
    cache: &Cache,
    expected: &Digest,
    bytes: &Bytes,
) -> Result<Component, PrepareError> {
    let found = Digest::of(bytes);
    if found != *expected {
        return Err(PrepareError::Digest { expected: *expected, found });
    }
    check_is_component(bytes)?;
    let invalid = |error: Error| PrepareError::Invalid { why: chain(&error) };
    let component = Component::from_binary(engine, bytes).map_err(invalid)?;
    match component.serialize() {
        Ok(code) => {
            if let Err(error) = cache.store(expected, &code) {
                // The code is in memory, so the task can run; the next start compiles again.
                let path = cache.path(expected);
                tracing::warn!(digest = %expected, path = %path.display(), %error, "compiled code cannot be kept on disk");
            }
        }
        Err(error) => tracing::warn!(digest = %expected, %error, "compiled code has no file form"),
    }
    Ok(component)
}

/// The preamble: magic, version and layer (component model binary format, "Preamble"). Text and
/// precompiled code fail here as well.
fn check_is_component(bytes: &[u8]) -> Result<(), PrepareError> {
    match bytes.first_chunk::<8>() {
        Some([0, b'a', b's', b'm', _, _, 1, 0]) => Ok(()),
        Some([0, b'a', b's', b'm', _, _, 0, 0]) => Err(PrepareError::CoreModule),
        _ => Err(PrepareError::NotWasm),
    }
}

fn kind_of(component: &Component, engine: &Engine) -> Option<Kind> {
    let exports = component.component_type();
    let mut names = exports.exports(engine).map(|(name, _)| name);
    names.find_map(|name| match name {
        "handle" => Some(Kind::Agent),
        name if name.starts_with("wasi:cli/run@0.2.") => Some(Kind::Command),
        _ => None,
    })
}

/// All levels of an error in one line; whoever deploys an artifact needs the lowest one.
fn chain(error: &Error) -> String {
    error.chain().map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_component_is_compiled() {
        assert!(check_is_component(b"\0asm\x0d\0\x01\0").is_ok());
        assert!(matches!(
            check_is_component(b"\0asm\x01\0\0\0rest"),
            Err(PrepareError::CoreModule)
        ));
        for other in [&b""[..], b"\0asm", b"(component)", b"\x7fELF\x02\x01\x01\0"] {
            assert!(matches!(check_is_component(other), Err(PrepareError::NotWasm)));
        }
    }
}
