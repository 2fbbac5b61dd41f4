//! Registration of gateways and nodes, and changes of a node's liveness. A credential is never kept, only its digest.

use proto_types::{Digest, IsolationClass, IsolationSet, Slots, base64url};
use proto_wire::registry::v1 as wire;
use registry_core::command::{Command, Proposal, RegisterGateway, RegisterNode};
use registry_core::entry::Capacity;

use crate::field;
use crate::problem::{Code, Problem};

/// Reads a gateway's registration.
///
/// # Errors
/// `join-token-invalid` without a token, `invalid-argument`.
pub fn register_gateway(request: &wire::RegisterGatewayRequest) -> Result<Proposal, Problem> {
    Ok(super::one(Command::RegisterGateway(RegisterGateway {
        id: field::read("id", &request.id)?,
        endpoint: field::read("endpoint", &request.endpoint)?,
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
    let slots = Slots::new(capacity.slots);
    Ok(Capacity {
        slots: slots.map_err(|why| Problem::argument("capacity.slots", why))?,
        memory_bytes: capacity.memory_bytes,
        runs_per_second: capacity.runs_per_second,
        // A node of a later version may have a class that is not known here; no agent is placed by it.
        isolation: IsolationSet::new(&capacity.isolation)
            .map_err(|why| Problem::argument("capacity.isolation", why))?,
    })
}

/// Reads the classes that an agent may run in: those that exist. A set that was stored before they were looked at may have
/// others.
pub(super) fn isolation(member: &str, classes: &[String]) -> Result<IsolationSet, Problem> {
    let set = IsolationSet::new(classes).map_err(|why| Problem::argument(member, why))?;
    for class in set.classes() {
        field::read::<IsolationClass>(member, class)?;
    }
    Ok(set)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_class_that_no_node_can_have_is_refused_with_the_list_of_those_that_exist() {
        let read = |classes: &[&str]| {
            let classes: Vec<String> = classes.iter().map(|&class| class.to_owned()).collect();
            let said = isolation("isolation", &classes).map_err(|why| why.detail().to_owned());
            said.map(|set| set.classes().to_vec())
        };
        let all = IsolationClass::WORDS;
        assert_eq!(read(all), Ok(all.iter().map(|&class| class.to_owned()).collect()));
        let listed = "isolation: one of wasm-proc, vm-emulated, vm-hw";
        for unknown in [&["nonsense"][..], &["wasm-proc", "vm_hw"], &["Wasm-Proc"]] {
            assert_eq!(read(unknown), Err(listed.to_owned()), "{unknown:?}");
        }
        assert!(read(&[]).is_err());
    }
}
