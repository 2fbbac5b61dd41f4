//! Peers' conduct over HTTP: gateways report it, operators read a peer's reputation.

use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, Request, State};
use http::StatusCode;
use proto_wire::registry::v1 as wire;
use proto_wire::to_json;
use registry_api::{Code, Role};
use serde::Deserialize;

use super::super::parameter::{CONSISTENCY, READ, UNKEPT};
use super::super::route::{Access, Route};
use super::super::{Answered, Shared, at, json, parameters, read, schemas};
use super::operator::strict;
use super::{ORIGIN, Reading, origin};
use crate::call::Caller;
use crate::lookup;
use crate::operations::peers;

pub(super) fn routes() -> [Route; 2] {
    [
        Route::get("/v1/peers/{origin}/reputation", reputation)
            .is("getPeerReputation", "reputation", "What gateways have seen of a peer's conduct, and its score, step by step.")
            .access(Access::Required("the operator's"))
            .takes(&[&ORIGIN, &CONSISTENCY])
            .gives(200, "The evidence and the score.", &schemas::PEER_REPUTATION, READ)
            .refuses(&[Code::NotFound]),
        Route::post("/v1/reputation/reports", report)
            .is("reportConduct", "reputation", "Takes what a gateway has itself seen of peers in one minute. A minute that was taken before changes nothing.")
            .access(Access::Required("a gateway's"))
            .body(&schemas::CONDUCT_REPORT)
            .gives(200, "It is counted, on a majority, or was before.", &schemas::CONDUCT_COUNTED, UNKEPT)
            .refuses(&[Code::TooFarAhead, Code::WindowTooOld, Code::NotFound, Code::BoundReached]),
    ]
}

async fn reputation(
    State(member): Shared,
    path: Result<Path<String>, PathRejection>,
    query: Result<Query<Reading>, QueryRejection>,
    caller: Caller,
) -> Answered {
    caller.call()?.principal.require(&[Role::Operator])?;
    let (origin, query) = (origin(path)?, parameters(query)?);
    let reading = read(&member, query.consistency.as_deref()).await?;
    let shown = lookup::reputation(&reading.view, &origin)?;
    Ok(at(&reading, json(StatusCode::OK, &to_json(&shown))))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Report {
    window: u64,
    tallies: Vec<Tally>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Tally {
    peer: String,
    good: u32,
    bad: u32,
}

async fn report(State(member): Shared, caller: Caller, body: Request) -> Answered {
    let call = caller.call()?;
    call.principal.require(&[Role::Gateway])?;
    let Report { window, tallies } = strict(body).await?;
    let tally = |Tally { peer, good, bad }| wire::ConductTally { peer, good, bad };
    let tallies = tallies.into_iter().map(tally).collect();
    let request = wire::ReportConductRequest { window, tallies };
    let mut body = to_json(&peers::report(&member, &call, &request).await?);
    body["ok"] = true.into();
    Ok(json(StatusCode::OK, &body))
}
