//! Policies of calls, in the Cedar language: what one may say, and what a set of them decides about a call.
//!
//! Decides from its arguments alone. Must never read a clock, a file or a socket, nor panic on any text: a policy is written
//! by people, and every gateway reads it.

mod decide;
mod fault;
mod nesting;
mod request;
mod schema;
mod text;

pub use crate::decide::{Decision, Policies, Uncompiled};
pub use crate::fault::Fault;
pub use crate::request::{Agent, CallRequest, Principal};
pub use crate::schema::{OPERATIONS, SCHEMA};
pub use crate::text::{Checked, check};
