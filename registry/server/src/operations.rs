//! The operations: one function for each verb, over REST and gRPC alike. It decides who may ask, what is written, and what
//! the caller is told.
//!
//! Both protocols read its arguments from their requests and print its result. It must never read a request of either
//! protocol, nor make an answer of one.

pub(crate) mod agents;
pub(crate) mod cards;
pub(crate) mod envelopes;
pub(crate) mod instances;
pub(crate) mod log;
pub(crate) mod machines;
pub(crate) mod members;
pub(crate) mod namespaces;
pub(crate) mod partners;
pub(crate) mod peers;
pub(crate) mod policies;
mod publish;
pub(crate) mod pushes;
pub(crate) mod records;
pub(crate) mod shares;
pub(crate) mod tasks;
pub(crate) mod tokens;

use proto_wire::registry::v1::Consistency;
use registry_api::{Principal, Problem};
use registry_core::viewer::Viewer;

use crate::member::{Member, Reading};

/// Which page of a list is asked for, of which state.
pub(crate) struct Page<K> {
    pub(crate) after: Option<K>,
    pub(crate) limit: usize,
    pub(crate) consistency: Consistency,
}

/// A page of a list, and the cursor of the next one; empty at the end.
pub(crate) struct Listed<T> {
    pub(crate) reading: Reading,
    pub(crate) entries: Vec<T>,
    pub(crate) next: String,
}

/// The state that a call asks for, and with whose eyes it is read.
pub(crate) async fn look(
    member: &Member,
    caller: &Principal,
    consistency: Consistency,
) -> Result<(Reading, Viewer), Problem> {
    let reading = member.read(consistency).await?;
    let viewer = caller.viewer(&reading.view)?;
    Ok((reading, viewer))
}
