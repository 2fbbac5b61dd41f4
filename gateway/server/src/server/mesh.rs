//! What a dashboard of Pilox asks besides its status: the agents, and how A2A is spoken here.
//!
//! Decides who is told of agents: whoever runs this instance, and whoever is let in to call. Must never list one but as a
//! `Directory` shows it.

use axum::body::Body;
use axum::response::Response;
use gateway_core::Failure;
use gateway_core::federation::mesh::{self, AgentsQuery};
use http::{Request, StatusCode};

use crate::gateway::Gateway;
use crate::{query, reply};

use super::cards::viewer;
use super::local::check_local;
use super::seen::Seen;

/// The agents that somebody sees. Who runs this instance sees what it sees as a peer, if it is one, or else what anybody does.
pub(super) async fn agents(
    gateway: &Gateway,
    request: Request<Body>,
    seen: &mut Seen,
) -> Result<Response, Failure> {
    let is_local = check_local(gateway, &request).is_ok();
    let (parts, _) = request.into_parts();
    let directory = match is_local {
        true => gateway.own_directory(),
        false => {
            let caller = viewer(gateway, &parts, seen).await?.ok_or(Failure::NotOperator)?;
            gateway.directory(&caller)
        }
    };
    // Whom an agent is shown to may have changed since somebody confirmed what is known of it.
    if !gateway.cache.is_fresh() {
        return Err(Failure::RegistryAway);
    }
    let asked = AgentsQuery::read(query::pairs(parts.uri.query().unwrap_or_default()));
    let own = &gateway.admission.audience;
    let said = mesh::agents(&asked, directory.shown(), own);
    Ok(reply::json(StatusCode::OK, &said))
}
