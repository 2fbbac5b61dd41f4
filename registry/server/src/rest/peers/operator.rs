//! What operators do about peers over HTTP: it reads arguments for `operations/peers.rs` and writes the answers.

use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, Request, State};
use http::{StatusCode, Uri};
use proto_types::peer::PeerStatus;
use proto_wire::registry::v1 as wire;
use proto_wire::to_json;
use registry_api::{Code, Problem, Role, decode};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::super::page::{CURSOR, PAGED};
use super::super::parameter::{LIMIT, UNKEPT};
use super::super::route::{Access, Route};
use super::super::{Answered, Shared, at, done, json, json_body, page, parameters, schemas};
use super::{ORIGIN, keys, origin};
use crate::call::Caller;
use crate::lookup;
use crate::member::Member;
use crate::operations::peers;

const OPERATOR: Access = Access::Required("the operator's");

pub(super) fn routes() -> Vec<Route> {
    let mut routes = vec![
        Route::get("/v1/peers/requests", requests)
            .is("listPeerRequests", "peers", "Peers that wait to be let in.")
            .access(OPERATOR)
            .takes(&[&CURSOR, &LIMIT])
            .gives(200, "A page of requests.", &schemas::PEER_REQUESTS, PAGED),
        act(
            Route::post("/v1/peers/{origin}/prove-domain", prove_domain),
            "provePeerDomain",
            "Has the peer's host asked soon whether it vouches for the peer's keys.",
        )
        .refuses(&[Code::PeerNotActive]),
        act(
            Route::post("/v1/peers/{origin}/token-life", allow_token_life),
            "setPeerTokenLife",
            "Says how long the tokens of a peer may live, where more is allowed than 300 s.",
        )
        .body(&schemas::TOKEN_LIFE),
    ];
    routes.extend(decisions());
    routes.extend(status_routes());
    routes
}

fn decisions() -> [Route; 2] {
    let decide = |route: Route, id, about| {
        act(route, id, about)
            .body(&schemas::PEER_DECISION)
            .refuses(&[Code::DocumentExpired, Code::Conflict])
    };
    let approve = Route::post("/v1/peers/{origin}/approve", approve);
    let reject = Route::post("/v1/peers/{origin}/reject", reject);
    [
        decide(approve, "approvePeer", "Lets in a peer that waits."),
        decide(reject, "rejectPeer", "Forgets a peer's request to be let in."),
    ]
}

fn status_routes() -> [Route; 4] {
    let stand = |route: Route, id, about| {
        act(route, id, about).body(&schemas::REASON).refuses(&[Code::PeerNotActive])
    };
    let suspend = Route::post("/v1/peers/{origin}/suspend", suspend);
    let resume = Route::post("/v1/peers/{origin}/resume", resume);
    let revoke = Route::post("/v1/peers/{origin}/revoke", revoke);
    let tombstone = Route::post("/v1/peers/{origin}/tombstone", tombstone);
    [
        stand(
            suspend,
            "suspendPeer",
            "Stops a peer for a while: none of its keys counts, its entries stay.",
        ),
        stand(resume, "resumePeer", "Lets a suspended peer act again."),
        stand(revoke, "revokePeer", "Revokes a peer for good."),
        stand(
            tombstone,
            "tombstonePeer",
            "Ends a peer. Its name and history stay; an operator may enrol it anew.",
        ),
    ]
}

fn act(route: Route, id: &'static str, about: &'static str) -> Route {
    route
        .is(id, "peers", about)
        .access(OPERATOR)
        .takes(&[&ORIGIN])
        .gives(200, "It is done, on a majority.", &schemas::DONE, UNKEPT)
        .refuses(&[Code::NotFound])
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Paging {
    cursor: Option<String>,
    limit: Option<u32>,
}

async fn requests(
    State(member): Shared,
    query: Result<Query<Paging>, QueryRejection>,
    caller: Caller,
    uri: Uri,
) -> Answered {
    caller.call()?.principal.require(&[Role::Operator])?;
    let query = parameters(query)?;
    let limit = page::limit(query.limit)?;
    let reading = member.stale();
    let cursor = (CURSOR.name, page::stated(query.cursor.as_deref())?);
    let page = lookup::peer_requests(&reading.view, cursor, limit)?;
    let requests: Vec<Value> = page.requests.iter().map(request).collect();
    let body = json!({ "requests": requests, "next": page.next });
    Ok(at(&reading, page::linked(json(StatusCode::OK, &body), &uri, &page.next)))
}

fn request(request: &wire::PeerRequest) -> Value {
    let mut shown = to_json(request);
    shown["keys"] = keys(&request.keys);
    shown
}

type Named = Result<Path<String>, PathRejection>;

async fn approve(shared: Shared, path: Named, caller: Caller, body: Request) -> Answered {
    decided(&shared, path, (caller, body), true).await
}

async fn reject(shared: Shared, path: Named, caller: Caller, body: Request) -> Answered {
    decided(&shared, path, (caller, body), false).await
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Decision {
    id: String,
}

async fn decided(
    member: &Member,
    path: Named,
    (caller, body): (Caller, Request),
    approve: bool,
) -> Answered {
    let call = caller.call()?;
    call.principal.require(&[Role::Operator])?;
    let origin = origin(path)?.to_string();
    let Decision { id } = strict(body).await?;
    let request = wire::DecidePeerRequestRequest { origin, id, approve };
    Ok(done(peers::decide(member, &call, &request).await?))
}

async fn suspend(shared: Shared, path: Named, caller: Caller, body: Request) -> Answered {
    stood(&shared, path, (caller, body), PeerStatus::Suspended).await
}

async fn resume(shared: Shared, path: Named, caller: Caller, body: Request) -> Answered {
    stood(&shared, path, (caller, body), PeerStatus::Active).await
}

async fn revoke(shared: Shared, path: Named, caller: Caller, body: Request) -> Answered {
    stood(&shared, path, (caller, body), PeerStatus::Revoked).await
}

async fn tombstone(shared: Shared, path: Named, caller: Caller, body: Request) -> Answered {
    stood(&shared, path, (caller, body), PeerStatus::Tombstoned).await
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Reason {
    #[serde(default)]
    reason: String,
}

async fn stood(
    member: &Member,
    path: Named,
    (caller, body): (Caller, Request),
    standing: PeerStatus,
) -> Answered {
    let call = caller.call()?;
    call.principal.require(&[Role::Operator])?;
    let origin = origin(path)?.to_string();
    let Reason { reason } = strict(body).await?;
    let standing = standing.to_string();
    let request = wire::SetPeerStandingRequest { origin, standing, reason };
    Ok(done(peers::stand(member, &call, &request).await?))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct TokenLife {
    seconds: u32,
}

async fn allow_token_life(
    State(member): Shared,
    path: Named,
    caller: Caller,
    body: Request,
) -> Answered {
    let call = caller.call()?;
    call.principal.require(&[Role::Operator])?;
    let origin = origin(path)?.to_string();
    let TokenLife { seconds } = strict(body).await?;
    let request = wire::SetPeerTokenLifeRequest { origin, seconds };
    Ok(done(peers::allow_token_life(&member, &call, &request).await?))
}

async fn prove_domain(State(member): Shared, path: Named, caller: Caller) -> Answered {
    let call = caller.call()?;
    Ok(done(peers::ask_domain(&member, &call, origin(path)?.as_str()).await?))
}

pub(super) async fn strict<T: DeserializeOwned>(body: Request) -> Result<T, Problem> {
    let body = json_body(body).await?;
    let value = proto_types::json::parse(&body).map_err(|error| decode::not_json(&error))?;
    serde_json::from_value(value).map_err(|why| Problem::new(Code::InvalidDocument, why))
}
