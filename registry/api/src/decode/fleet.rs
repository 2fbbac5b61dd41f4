//! Registration of gateways and nodes, and transitions of a node's liveness.
//!
//! It decides what a credential and a capacity must look like. It must never keep a credential,
//! only its digest.

use proto_types::{Digest, base64url};
use proto_wire::registry::v1 as wire;
use registry_core::command::{Command, Proposal, RegisterGateway, RegisterNode};
use registry_core::entry::Capacity;

use crate::field;
use crate::problem::{Code, Problem};

/// Long enough for any URL of a host and port.
const ENDPOINT_BYTES_MAX: usize = 512;

/// Isolation classes that exist are three; more is a mistake.
const ISOLATION_MAX: usize = 16;

/// Runs at once that one node may claim. Arbitrary, far above any machine.
const SLOTS_MAX: u32 = 65_536;

/// Reads a gateway's registration.
///
/// # Errors
/// `join-token-invalid` without a token, `invalid-argument`.
pub fn register_gateway(request: &wire::RegisterGatewayRequest) -> Result<Proposal, Problem> {
    Ok(super::one(Command::RegisterGateway(RegisterGateway {
        id: field::read("id", &request.id)?,
        endpoint: endpoint("endpoint", &request.endpoint)?,
        credential: credential(&request.credential)?,
        join: join(&request.join_token)?,
    })))
}

/// Reads a node's registration.
///
/// # Errors
/// As [`register_gateway`].
pub fn register_node(request: &wire::RegisterNodeRequest) -> Result<Proposal, Problem> {
    Ok(super::one(Command::RegisterNode(RegisterNode {
        id: field::read("id", &request.id)?,
        credential: credential(&request.credential)?,
        capacity: capacity(request.capacity.as_ref())?,
        join: join(&request.join_token)?,
    })))
}

/// Reads what a node offers.
///
/// # Errors
/// `invalid-argument` if it is missing or makes no sense.
pub fn capacity(capacity: Option<&wire::Capacity>) -> Result<Capacity, Problem> {
    let capacity = capacity.ok_or_else(|| Problem::argument("capacity", "it is missing"))?;
    if capacity.slots > SLOTS_MAX {
        return Err(Problem::argument("capacity.slots", format_args!("at most {SLOTS_MAX}")));
    }
    Ok(Capacity {
        slots: capacity.slots,
        memory_bytes: capacity.memory_bytes,
        runs_per_second: capacity.runs_per_second,
        isolation: isolation("capacity.isolation", &capacity.isolation)?,
    })
}

/// Reads a set of isolation classes.
pub(super) fn isolation(member: &str, classes: &[String]) -> Result<Vec<String>, Problem> {
    if !(1..=ISOLATION_MAX).contains(&classes.len()) {
        return Err(Problem::argument(member, format_args!("1 to {ISOLATION_MAX} classes")));
    }
    classes.iter().map(|class| field::text(member, class, 64)).collect()
}

/// An absolute URL of http or https.
pub(super) fn endpoint(member: &str, url: &str) -> Result<String, Problem> {
    let url = field::text(member, url, ENDPOINT_BYTES_MAX)?;
    proto_types::Origin::of_url(&url).map_err(|why| Problem::argument(member, why))?;
    Ok(url)
}

fn credential(text: &str) -> Result<Digest, Problem> {
    base64url::decode_array::<32>(text)
        .map_err(|_| Problem::argument("credential", "43 characters of base64url are needed"))?;
    Ok(Digest::of(text.as_bytes()))
}

fn join(token: &str) -> Result<Digest, Problem> {
    if token.is_empty() {
        return Err(Problem::new(Code::JoinTokenInvalid, "a join token is needed"));
    }
    Ok(Digest::of(token.as_bytes()))
}
