//! Requests to change the members of the cluster: their form, and who may make them.

use std::collections::BTreeSet;

use proto_types::{Digest, Origin, WallMs};
use proto_wire::registry::v1 as wire;
use registry_core::command::{AdmitMember, Command, Proposal, RetireMember};
use registry_core::entry::JoinRole;
use registry_core::query;
use registry_core::view::View;

use crate::identity::{Principal, Role};
use crate::problem::{Code, Problem};

/// Members that one call may name: all there can be.
const IDS_MAX: usize = 32;

/// Reads a request to add a member.
pub fn add(caller: &Principal, request: &wire::AddMemberRequest) -> Result<Proposal, Problem> {
    caller.require(&[Role::Operator])?;
    admit(request.id, &request.address, None)
}

/// Reads a newcomer's request to be let in; its token is what it may show.
///
/// # Errors
/// `invalid-argument`.
pub fn join(request: &wire::JoinRequest) -> Result<Proposal, Problem> {
    admit(request.id, &request.address, Some(Digest::of(request.token.as_bytes())))
}

/// Holds if the newcomer shows an invitation that this member knows to be good, or the one that it came with. The core
/// checks it again, where it is spent.
///
/// # Errors
/// `join-token-invalid`.
pub fn check_invited(
    request: &wire::JoinRequest,
    view: &dyn View,
    now: WallMs,
) -> Result<(), Problem> {
    let token = query::join_token(view, &Digest::of(request.token.as_bytes()))?;
    let own = format!("member {}", request.id);
    let good = token.is_some_and(|token| {
        token.role == JoinRole::Registry
            && token.expires_at > now
            && token.spent_by.is_none_or(|by| by == own)
    });
    let refused = || Problem::new(Code::JoinTokenInvalid, "the join token is not valid");
    if good { Ok(()) } else { Err(refused()) }
}

/// The memory of a member that leaves.
#[must_use]
pub fn retire(id: u64) -> Proposal {
    super::one(Command::RetireMember(RetireMember { id }))
}

/// Reads a list of members.
pub fn ids(caller: &Principal, name: &str, ids: &[u64]) -> Result<BTreeSet<u64>, Problem> {
    caller.require(&[Role::Operator])?;
    if ids.is_empty() || ids.len() > IDS_MAX || ids.contains(&0) {
        return Err(Problem::argument(
            name,
            format_args!("1 to {IDS_MAX} numbers, none of them 0"),
        ));
    }
    Ok(ids.iter().copied().collect())
}

fn admit(id: u64, address: &str, join: Option<Digest>) -> Result<Proposal, Problem> {
    if id == 0 {
        return Err(Problem::argument("id", "0 is no number of a member"));
    }
    Origin::parse(address)
        .map_err(|_| Problem::argument("address", "an http or https URL without a path"))?;
    Ok(super::one(Command::AdmitMember(AdmitMember { id, address: address.to_owned(), join })))
}
