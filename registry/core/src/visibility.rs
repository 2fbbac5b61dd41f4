//! The visibility of an entry, as it is stored. Only `proto_types::visibility` decides what a caller sees of it.

pub use proto_types::visibility::{Scope, Visibility};

/// Entries that not everybody may see.
pub trait Scoped {
    /// Who may see it.
    fn scope(&self) -> Scope;
}
