//! Agreements with other registries, as the operator states them.

use proto_types::tlog::NoteKey;
use proto_types::{Namespace, PublicKey};
use proto_wire::registry::v1 as wire;
use registry_core::command::{
    Command, FederationCommand, Proposal, PutPartner, ReleasePartner, RemovePartner,
};
use registry_core::entry::{PartnerKind, PartnerTerms};

use crate::field;
use crate::identity::{Principal, Role};
use crate::problem::Problem;

/// Takes the partner's own entries and passes none on.
const HOPS_DEFAULT: u32 = 1;

/// Enough for a registry of medium size. Arbitrary.
const QUOTA_DEFAULT: u64 = 10_000;

/// Reads an agreement.
///
/// # Errors
/// `unauthenticated`, `permission-denied`, `invalid-argument`.
pub fn put(caller: &Principal, request: &wire::PutPartnerRequest) -> Result<Proposal, Problem> {
    caller.require(&[Role::Operator])?;
    let kind = match request.kind.as_str() {
        "" => PartnerKind::Ecumene,
        kind => field::read("kind", kind)?,
    };
    let key =
        |text: &str| PublicKey::from_hex(text).map_err(|why| Problem::argument("catalog_key", why));
    let catalog_key = Some(&*request.catalog_key).filter(|text| !text.is_empty());
    let hops = if request.hops == 0 { HOPS_DEFAULT } else { request.hops };
    let namespaces = request.namespaces.iter().map(|name| field::read("namespaces", name));
    let terms = PartnerTerms {
        url: field::read("url", &request.url)?,
        kind,
        catalog_key: catalog_key.map(key).transpose()?,
        log_key: log_key(kind, &request.log_key)?,
        hops: u8::try_from(hops).unwrap_or(u8::MAX),
        namespaces: namespaces.collect::<Result<_, _>>()?,
        quota: if request.quota == 0 { QUOTA_DEFAULT } else { request.quota },
    };
    let name: Namespace = field::read("name", &request.name)?;
    Ok(super::one(
        FederationCommand::PutPartner(PutPartner { name, terms: Box::new(terms) }).into(),
    ))
}

/// The key of its transparency log, in its one form.
fn log_key(kind: PartnerKind, text: &str) -> Result<String, Problem> {
    if text.is_empty() {
        return Ok(String::new());
    }
    if kind == PartnerKind::Pilox {
        // Refused rather than kept unused: an operator would think that a log is followed.
        return Err(Problem::argument("log_key", "a Pilox registry has no transparency log"));
    }
    let key = NoteKey::parse(text).map_err(|why| Problem::argument("log_key", why))?;
    Ok(key.to_string())
}

/// Reads the word that what is held back is to be carried out.
///
/// # Errors
/// As [`put`].
pub fn release(
    caller: &Principal,
    request: &wire::ReleasePartnerRequest,
) -> Result<Command, Problem> {
    caller.require(&[Role::Operator])?;
    Ok(FederationCommand::ReleasePartner(ReleasePartner {
        name: field::read("name", &request.name)?,
    })
    .into())
}

/// Reads the end of an agreement; its command is repeated until the partner is gone.
///
/// # Errors
/// As [`put`].
pub fn remove(
    caller: &Principal,
    request: &wire::RemovePartnerRequest,
) -> Result<Command, Problem> {
    caller.require(&[Role::Operator])?;
    Ok(FederationCommand::RemovePartner(RemovePartner {
        name: field::read("name", &request.name)?,
    })
    .into())
}
