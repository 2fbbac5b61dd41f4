//! `ecumene.registry.v1.Search`.
//!
//! It decides nothing: `registry-api` reads the request and the core finds.

use std::sync::Arc;

use proto_wire::registry::v1 as wire;
use proto_wire::registry::v1::search_server::Search;
use tonic::{Request, Response, Status};

use crate::member::Member;
use crate::search;

use super::{Handled, at, call, finish, read};

/// The service, over the member.
#[derive(Clone)]
pub(crate) struct SearchService(pub(crate) Arc<Member>);

#[tonic::async_trait]
impl Search for SearchService {
    async fn search_agents(
        &self,
        request: Request<wire::SearchAgentsRequest>,
    ) -> Result<Response<wire::SearchAgentsResponse>, Status> {
        finish(find(&self.0, request).await)
    }
}

async fn find(
    member: &Member,
    request: Request<wire::SearchAgentsRequest>,
) -> Handled<wire::SearchAgentsResponse> {
    let call = call(&request)?;
    let request = request.into_inner();
    let reading = read(member, request.consistency).await?;
    let caller = (&call.principal, call.source);
    let (reading, page) = search::page(member, caller, &request, reading).await?;
    Ok(at(&reading, page))
}
