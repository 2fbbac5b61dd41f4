//! Namespaces over gRPC: it reads arguments for `operations/namespaces.rs` and writes the answers.

use std::collections::BTreeSet;

use proto_types::Namespace;
use proto_wire::registry::v1 as wire;
use registry_api::{List, Principal, Problem, decode, field};
use registry_core::query;
use registry_core::view::View;
use tonic::Request;

use crate::member::Member;
use crate::operations::namespaces::{self, Kept};
use crate::operations::{Listed, Page};

use super::{Handled, at, call, caller, consistency, done, read};

pub(super) async fn put(
    member: &Member,
    request: Request<wire::PutNamespaceRequest>,
) -> Handled<wire::Namespace> {
    let call = call(&request)?;
    let wire::PutNamespaceRequest { name, terms } = request.into_inner();
    let revision = namespaces::put(member, &call, &name, &terms).await?;
    let (reading, kept) = namespaces::written(member, &call, &name, revision).await?;
    Ok(at(&reading, message(&kept)))
}

pub(super) async fn one(
    member: &Member,
    request: Request<wire::GetNamespaceRequest>,
) -> Handled<wire::Namespace> {
    let caller = caller(&request)?;
    let name: Namespace = field::read("name", &request.get_ref().name)?;
    let reading = read(member, request.get_ref().consistency).await?;
    Ok(at(&reading, message(&namespaces::one(&reading.view, &caller, &name)?)))
}

pub(super) async fn list(
    member: &Member,
    request: Request<wire::ListRequest>,
) -> Handled<wire::NamespaceList> {
    let call = call(&request)?;
    let request = request.into_inner();
    let after = member.cursors(List::Namespaces).after("after", &request.after)?;
    let limit = field::page(request.limit)?;
    let consistency = consistency(request.consistency)?;
    let page = Page { after, limit, consistency };
    let Listed { reading, entries, next } = namespaces::list(member, &call, page).await?;
    let namespaces = entries.iter().map(|kept| admitting(&reading.view, &call.principal, kept));
    let namespaces = namespaces.collect::<Result<_, Problem>>()?;
    Ok(at(&reading, wire::NamespaceList { namespaces, next }))
}

pub(super) async fn delete(
    member: &Member,
    request: Request<wire::DeleteNamespaceRequest>,
) -> Handled<wire::Done> {
    let call = call(&request)?;
    let revision = namespaces::delete(member, &call, &request.get_ref().name).await?;
    Ok(done(revision))
}

/// The message, to a gateway with whom the namespace admits.
fn admitting(view: &dyn View, caller: &Principal, kept: &Kept) -> Result<wire::Namespace, Problem> {
    let admitted = match caller {
        Principal::Gateway(_) => query::admitted(view, &kept.0)?,
        _ => BTreeSet::new(),
    };
    let admitted = admitted.into_iter().map(String::from).collect();
    Ok(wire::Namespace { admitted, ..message(kept) })
}

fn message((entry, usage): &Kept) -> wire::Namespace {
    wire::Namespace {
        name: entry.name.to_string(),
        terms: decode::namespace::to_json(&entry.terms).to_string().into_bytes().into(),
        records: usage.records,
        cards: usage.cards,
        agents: usage.agents,
        bytes: usage.bytes,
        revision: entry.revision.0,
        ..Default::default()
    }
}
