//! Partners over gRPC: the operator's agreements with other registries.

use proto_wire::registry::v1 as wire;
use proto_wire::registry::v1::partners_server::Partners;
use registry_api::render;
use tonic::{Request, Response};

use crate::member::Member;
use crate::operations::partners;

use super::{Handled, call, service};

service! {
    PartnersService: Partners {
        put_partner(wire::PutPartnerRequest) -> wire::Partner = put;
        get_partner(wire::GetPartnerRequest) -> wire::Partner = one;
        list_partners(wire::ListPartnersRequest) -> wire::PartnerList = list;
        release_partner(wire::ReleasePartnerRequest) -> wire::Partner = release;
        remove_partner(wire::RemovePartnerRequest) -> wire::PartnerRemoved = remove;
    }
}

async fn put(member: &Member, request: Request<wire::PutPartnerRequest>) -> Handled<wire::Partner> {
    let partner = partners::put(member, &call(&request)?, request.get_ref()).await?;
    Ok(Response::new(render::federation::partner(&partner)))
}

async fn release(
    member: &Member,
    request: Request<wire::ReleasePartnerRequest>,
) -> Handled<wire::Partner> {
    let partner = partners::release(member, &call(&request)?, request.get_ref()).await?;
    Ok(Response::new(render::federation::partner(&partner)))
}

async fn one(member: &Member, request: Request<wire::GetPartnerRequest>) -> Handled<wire::Partner> {
    let partner = partners::one(member, &call(&request)?, &request.get_ref().name).await?;
    Ok(Response::new(render::federation::partner(&partner)))
}

async fn list(
    member: &Member,
    request: Request<wire::ListPartnersRequest>,
) -> Handled<wire::PartnerList> {
    let all = partners::list(member, &call(&request)?).await?;
    let partners = all.iter().map(render::federation::partner).collect();
    Ok(Response::new(wire::PartnerList { partners }))
}

async fn remove(
    member: &Member,
    request: Request<wire::RemovePartnerRequest>,
) -> Handled<wire::PartnerRemoved> {
    let entries = partners::remove(member, &call(&request)?, request.get_ref()).await?;
    Ok(Response::new(wire::PartnerRemoved { entries }))
}
