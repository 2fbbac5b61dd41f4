//! Namespaces.
//!
//! It decides nothing: `registry-api` reads the requests and the core decides.

use std::collections::BTreeSet;

use proto_types::Namespace;
use proto_wire::registry::v1 as wire;
use registry_api::{List, Principal, Problem, decode, field};
use registry_core::query;
use registry_core::view::View;
use tonic::Request;

use crate::member::Member;
use crate::namespaces::{self, Kept};

use super::peers::{committed, done};
use super::{Handled, at, caller};

pub(super) async fn put(
    member: &Member,
    request: Request<wire::PutNamespaceRequest>,
) -> Handled<wire::Namespace> {
    let caller = caller(&request)?;
    let request = request.into_inner();
    let proposal = decode::namespace::put(&caller, &request.name, &request.terms)?;
    let reading = done(member, member.write(proposal).await?).await?;
    let name: Namespace = field::read("name", &request.name)?;
    Ok(at(&reading, message(&namespaces::one(&reading.view, &caller, &name)?)))
}

pub(super) async fn one(
    member: &Member,
    request: Request<wire::GetNamespaceRequest>,
) -> Handled<wire::Namespace> {
    let caller = caller(&request)?;
    let name: Namespace = field::read("name", &request.get_ref().name)?;
    let reading = member.read(request.get_ref().consistency).await?;
    Ok(at(&reading, message(&namespaces::one(&reading.view, &caller, &name)?)))
}

pub(super) async fn list(
    member: &Member,
    request: Request<wire::ListRequest>,
) -> Handled<wire::NamespaceList> {
    let caller = caller(&request)?;
    let request = request.into_inner();
    let after: Option<Namespace> =
        member.cursors(List::Namespaces).after("after", &request.after)?;
    let limit = field::page(request.limit)?;
    let reading = member.read(request.consistency).await?;
    let page = namespaces::page(&reading.view, &caller, after.as_ref(), limit)?;
    let cursors = member.cursors(List::Namespaces);
    let next = cursors.next(&page, limit, |(entry, _)| entry.name.as_str());
    let namespaces = page.iter().map(|kept| admitting(&reading.view, &caller, kept));
    let namespaces = namespaces.collect::<Result<_, Problem>>()?;
    Ok(at(&reading, wire::NamespaceList { namespaces, next }))
}

pub(super) async fn delete(
    member: &Member,
    request: Request<wire::DeleteNamespaceRequest>,
) -> Handled<wire::Done> {
    let caller = caller(&request)?;
    let proposal = decode::namespace::delete(&caller, &request.get_ref().name)?;
    committed(member.write(proposal).await?)
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
