//! Instances that publish with a token of their own, as the Pilox registry's administration has them: which tenant keys
//! and origins are valid. A token is never kept.

use proto_types::{Digest, Origin, TenantKey};
use registry_core::command::{Command, CreateInstance, InstanceCommand, Proposal, RemoveInstance};
use serde::Deserialize;

use crate::field;
use crate::identity::{Principal, Role};
use crate::problem::{Code, Problem};

/// What an operator says of an instance; other members are passed over, as the Pilox registry does.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct InstanceRequest {
    /// What its handles begin with.
    pub tenant_key: String,
    /// Where it is.
    pub origin: String,
}

/// An instance that may be let in.
#[derive(Clone, Debug)]
pub struct Created {
    /// What its handles begin with.
    pub tenant: TenantKey,
    /// Where it is.
    pub origin: Origin,
    /// To be committed.
    pub proposal: Proposal,
}

/// Reads an instance to let in with this secret, and who asks.
///
/// # Errors
/// As [`Principal::require`], `malformed-json`, `invalid-document`, `invalid-argument`.
pub fn create(caller: &Principal, document: &[u8], secret: &str) -> Result<Created, Problem> {
    caller.require(&[Role::Operator])?;
    let value = proto_types::json::parse(document).map_err(|error| super::not_json(&error))?;
    let request: InstanceRequest =
        serde_json::from_value(value).map_err(|why| Problem::new(Code::InvalidDocument, why))?;
    let tenant = tenant(request.tenant_key.trim())?;
    let origin = Origin::normalise(request.origin.trim());
    let origin = origin.map_err(|why| Problem::argument("origin", why))?;
    if !origin.as_str().starts_with("https://") {
        return Err(Problem::argument("origin", "it must be https"));
    }
    let command = InstanceCommand::Create(CreateInstance {
        tenant: tenant.clone(),
        origin: origin.clone(),
        token: Digest::of(secret.as_bytes()),
    });
    Ok(Created { tenant, origin, proposal: super::one(Command::Instance(command)) })
}

/// Reads the end of an instance's token.
pub fn remove(caller: &Principal, tenant_key: &str) -> Result<Proposal, Problem> {
    caller.require(&[Role::Operator])?;
    let command = InstanceCommand::Remove(RemoveInstance { tenant: tenant(tenant_key)? });
    Ok(super::one(Command::Instance(command)))
}

/// A tenant key begins with a letter or a digit, so that none is a dot segment.
fn tenant(text: &str) -> Result<TenantKey, Problem> {
    match text.bytes().next().is_none_or(|byte| byte.is_ascii_alphanumeric()) {
        true => field::read("tenantKey", text),
        false => Err(Problem::argument("tenantKey", "it begins with a letter or a digit")),
    }
}
