//! Partners: agreements with other registries, for the operator.
//!
//! It decides nothing: `registry-api` reads the requests and the core decides.

use std::sync::Arc;

use proto_types::Namespace;
use proto_wire::registry::v1 as wire;
use proto_wire::registry::v1::partners_server::Partners;
use registry_api::identity::Role;
use registry_api::{Problem, decode, field, render};
use registry_core::entry::PartnerEntry;
use registry_core::query;
use registry_core::view::View;
use tonic::{Request, Response, Status};

use crate::member::{Member, done_at};

use super::{Handled, caller, finish};

/// As many as the core keeps.
const PARTNERS_MAX: usize = 256;

/// The service, over the member.
#[derive(Clone)]
pub(crate) struct PartnersService(pub(crate) Arc<Member>);

#[tonic::async_trait]
impl Partners for PartnersService {
    async fn put_partner(
        &self,
        request: Request<wire::PutPartnerRequest>,
    ) -> Result<Response<wire::Partner>, Status> {
        finish(put(&self.0, request).await)
    }

    async fn get_partner(
        &self,
        request: Request<wire::GetPartnerRequest>,
    ) -> Result<Response<wire::Partner>, Status> {
        finish(one(&self.0, request).await)
    }

    async fn list_partners(
        &self,
        request: Request<wire::ListPartnersRequest>,
    ) -> Result<Response<wire::PartnerList>, Status> {
        finish(list(&self.0, request).await)
    }

    async fn release_partner(
        &self,
        request: Request<wire::ReleasePartnerRequest>,
    ) -> Result<Response<wire::Partner>, Status> {
        finish(release(&self.0, request).await)
    }

    async fn remove_partner(
        &self,
        request: Request<wire::RemovePartnerRequest>,
    ) -> Result<Response<wire::PartnerRemoved>, Status> {
        finish(remove(&self.0, request).await)
    }
}

async fn put(member: &Member, request: Request<wire::PutPartnerRequest>) -> Handled<wire::Partner> {
    let caller = caller(&request)?;
    let request = request.into_inner();
    let proposal = decode::partner::put(&caller, &request)?;
    let reading = member.reached(done_at(&member.write(proposal).await?)?).await?;
    let partner = found(&reading.view, &request.name)?;
    Ok(Response::new(render::federation::partner(&partner)))
}

async fn release(
    member: &Member,
    request: Request<wire::ReleasePartnerRequest>,
) -> Handled<wire::Partner> {
    let caller = caller(&request)?;
    member.write_command(decode::partner::release(&caller, request.get_ref())?).await?;
    let partner = found(&member.strong().await?.view, &request.get_ref().name)?;
    Ok(Response::new(render::federation::partner(&partner)))
}

async fn one(member: &Member, request: Request<wire::GetPartnerRequest>) -> Handled<wire::Partner> {
    caller(&request)?.require(&[Role::Operator])?;
    let partner = found(&member.strong().await?.view, &request.get_ref().name)?;
    Ok(Response::new(render::federation::partner(&partner)))
}

async fn list(
    member: &Member,
    request: Request<wire::ListPartnersRequest>,
) -> Handled<wire::PartnerList> {
    caller(&request)?.require(&[Role::Operator])?;
    let all = query::partners(&member.strong().await?.view, None, PARTNERS_MAX)?;
    let partners = all.iter().map(render::federation::partner).collect();
    Ok(Response::new(wire::PartnerList { partners }))
}

/// A part at a time, so that no single command holds the members up.
async fn remove(
    member: &Member,
    request: Request<wire::RemovePartnerRequest>,
) -> Handled<wire::PartnerRemoved> {
    let caller = caller(&request)?;
    let command = decode::partner::remove(&caller, request.get_ref())?;
    let before = found(&member.strong().await?.view, &request.get_ref().name)?;
    loop {
        member.write_command(command.clone()).await?;
        if query::partner(&member.strong().await?.view, &before.name)?.is_none() {
            break;
        }
    }
    Ok(Response::new(wire::PartnerRemoved { entries: before.imported }))
}

fn found(view: &dyn View, name: &str) -> Result<PartnerEntry, Problem> {
    let name: Namespace = field::read("name", name)?;
    query::partner(view, &name)?.ok_or_else(|| Problem::not_found("partner", name.as_str()))
}
