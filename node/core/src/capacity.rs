//! What a node has measured that it can do.
//!
//! Decides the names of the isolation classes. Must never infer capacity: it is what a driver saw
//! when it really ran something.

use serde::{Deserialize, Serialize};

/// How well a running task is kept from the node and from other tasks, weakest and cheapest first.
///
/// A task names the set of classes that it accepts; nothing ever widens that set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum IsolationClass {
    /// A WASM instance in a worker process.
    WasmProc,
    /// A virtual machine whose processor is emulated, wholly or in kernel mode.
    VmEmulated,
    /// A virtual machine on hardware support that was timed, not merely found.
    VmHw,
}

impl IsolationClass {
    /// The name on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::WasmProc => "wasm-proc",
            Self::VmEmulated => "vm-emulated",
            Self::VmHw => "vm-hw",
        }
    }
}

impl std::fmt::Display for IsolationClass {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

impl std::str::FromStr for IsolationClass {
    type Err = UnknownClass;

    fn from_str(text: &str) -> Result<Self, UnknownClass> {
        let all = [Self::WasmProc, Self::VmEmulated, Self::VmHw];
        all.into_iter().find(|class| class.as_str() == text).ok_or(UnknownClass)
    }
}

/// The text names no isolation class.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an isolation class is wasm-proc, vm-emulated or vm-hw")]
pub struct UnknownClass;

/// What one driver offers, as measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Capacity {
    /// The class that was measured.
    pub class: IsolationClass,
    /// Tasks at the same time.
    pub slots: u32,
    /// Memory for all of them together, in bytes.
    pub memory_bytes: u64,
    /// Empty tasks a second, all workers together, in the measurement.
    pub runs_per_second: u64,
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_class_has_one_name_in_text_and_in_json() {
        for class in [IsolationClass::WasmProc, IsolationClass::VmEmulated, IsolationClass::VmHw] {
            assert_eq!(class.to_string().parse(), Ok(class));
            assert_eq!(serde_json::to_value(class).unwrap(), class.as_str());
        }
        assert_eq!("WasmProc".parse::<IsolationClass>(), Err(UnknownClass));
    }
}
