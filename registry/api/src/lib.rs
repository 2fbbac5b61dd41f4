//! The edge of the registry: bytes become verified documents, proposals and queries; entries become replies; every
//! refusal becomes one problem.
//!
//! It decides who may ask for what, and what a request means. It never waits, opens a socket or reads a clock. Every
//! document is verified here: `apply` does not look again.

pub mod admission;
pub mod authority;
pub mod cursor;
pub mod decode;
pub mod field;
pub mod identity;
pub mod problem;
pub mod render;

pub use crate::cursor::{Cursors, List};
pub use crate::identity::{OperatorSecret, Principal, Role};
pub use crate::problem::{Code, Problem};
