//! Who an entry is meant for, as the state keeps it.
//! Data only: `proto_types::visibility` decides what a caller sees of it, and nothing else may.

pub use proto_types::visibility::{NotAVisibility, Scope, Visibility};

/// Entries that not everybody may see.
pub trait Scoped {
    /// Who may see it.
    fn scope(&self) -> Scope;
}
