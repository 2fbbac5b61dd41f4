//! The gRPC service `ecumene.registry.v1.Search`. `search.rs` runs the search.

use proto_wire::registry::v1 as wire;
use proto_wire::registry::v1::search_server::Search;
use tonic::Request;

use crate::member::Member;
use crate::search;

use super::{Handled, at, call, read, service};

service! {
    SearchService: Search {
        search_agents(wire::SearchAgentsRequest) -> wire::SearchAgentsResponse = find;
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
