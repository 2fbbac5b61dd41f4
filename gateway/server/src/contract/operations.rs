//! Which operation each route is.
//!
//! Decides by the route alone. Must never have a catch-all arm: a new route finds its place here or does not compile.

use gateway_core::path::{Brand, Notation, Route};

use super::operation::Operation;
use super::paths::Line;
use super::{calls, local};

/// The operation; none where another contract describes it.
pub(super) fn of(line: &Line) -> Option<Operation> {
    Some(match &line.route {
        Route::InstanceRpc => calls::json_rpc(line, INSTANCE_RPC),
        Route::AgentRpc(_) => calls::json_rpc(line, AGENT_RPC),
        Route::HttpJson(endpoint) => calls::http_json(line, endpoint),
        // `a2a.proto` is its contract.
        Route::Grpc(_) => return None,
        Route::InstanceCard => local::card(line, INSTANCE_CARD),
        Route::AgentCard(_) => local::card(line, AGENT_CARD),
        Route::Descriptor(Brand::Pilox) => local::descriptor(line, DESCRIPTOR),
        Route::Descriptor(Brand::Hive) => local::descriptor(line, OLDER_DESCRIPTOR),
        Route::Jwks => local::jwks(line),
        Route::FederationProxy => local::proxy(line),
        Route::FederationStatus => local::federation_status(line),
        Route::FederationDirectory => local::federation_directory(line),
        Route::A2aStatus => local::a2a_status(line),
        Route::MeshAgents => local::mesh_agents(line),
        Route::MeshPeers => local::mesh_peers(line),
        Route::Publish => local::publish(line),
        Route::Pull(_) => local::pull(line),
        Route::Acknowledge(_) => local::acknowledge(line),
        Route::DeadLetters => local::dead_letters(line),
        Route::Health => local::health(line),
        Route::Ready => local::readiness(line),
        Route::Metrics => local::metrics(line),
        Route::ErrorPage(_) => local::error_page(line),
        Route::Contract(Notation::Yaml) => local::contract(line, super::YAML, "Text"),
        Route::Contract(Notation::Json) => local::contract(line, super::JSON, "OpenApi"),
    })
}

/// What operations do that differ in this alone.
const INSTANCE_RPC: &str =
    "Calls the agent that `params.tenant` names, or else the default agent, over JSON-RPC.";
const AGENT_RPC: &str = "Calls an agent over JSON-RPC.";
const INSTANCE_CARD: &str = "The card of this instance, with what whoever looks may call.";
const AGENT_CARD: &str = "The card of an agent, as far as whoever looks may see it.";
const DESCRIPTOR: &str = "The descriptor of this instance, under its newer name.";
const OLDER_DESCRIPTOR: &str = "The descriptor of this instance, under its older name.";
