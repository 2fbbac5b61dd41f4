//! Policies of calls over gRPC: it reads arguments for `operations/policies.rs` and writes the answers.

use proto_types::Digest;
use proto_wire::registry::v1 as wire;
use registry_api::decode::Conditions;
use registry_api::{Problem, field};
use tonic::Request;

use crate::member::Member;
use crate::operations::policies::{self, Kept};

use super::{Handled, at, call, consistency, done};

pub(super) async fn put(
    member: &Member,
    request: Request<wire::PutPolicyRequest>,
) -> Handled<wire::Policy> {
    let call = call(&request)?;
    let wire::PutPolicyRequest { name, text, if_match } = request.into_inner();
    let conditions = conditions(&if_match)?;
    let named = (name.as_str(), text.as_bytes());
    let (reading, entry) = policies::put(member, &call, named, conditions).await?;
    Ok(at(&reading, message((entry, text.into_bytes()))))
}

pub(super) async fn one(
    member: &Member,
    request: Request<wire::GetPolicyRequest>,
) -> Handled<wire::Policy> {
    let call = call(&request)?;
    let request = request.into_inner();
    let asked = (request.name.as_str(), consistency(request.consistency)?);
    let (reading, kept) = policies::one(member, &call, asked).await?;
    Ok(at(&reading, message(kept)))
}

pub(super) async fn list(
    member: &Member,
    request: Request<wire::ListPoliciesRequest>,
) -> Handled<wire::PolicyList> {
    let call = call(&request)?;
    let consistency = consistency(request.get_ref().consistency)?;
    let (reading, kept) = policies::list(member, &call, consistency).await?;
    let policies = kept.into_iter().map(message).collect();
    Ok(at(&reading, wire::PolicyList { policies }))
}

pub(super) async fn delete(
    member: &Member,
    request: Request<wire::DeletePolicyRequest>,
) -> Handled<wire::Done> {
    let call = call(&request)?;
    let wire::DeletePolicyRequest { name, if_match } = request.into_inner();
    let conditions = conditions(&if_match)?;
    Ok(done(policies::delete(member, &call, &name, conditions).await?))
}

fn conditions(if_match: &str) -> Result<Conditions, Problem> {
    let named: Option<Digest> = field::optional("if_match", if_match)?;
    Ok(Conditions::version(named))
}

fn message((entry, text): Kept) -> wire::Policy {
    wire::Policy {
        name: entry.name.to_string(),
        // Only UTF-8 is ever put.
        text: String::from_utf8_lossy(&text).into_owned(),
        digest: entry.digest.to_string(),
        revision: entry.revision.0,
    }
}
