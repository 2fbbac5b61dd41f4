//! Instances that publish with a token of their own, at the paths of the Pilox registry.
//!
//! It decides what a token looks like. It must never show one again.

use axum::Extension;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, Request, State};
use http::{StatusCode, Uri};
use proto_types::TenantKey;
use registry_api::{Code, List, Problem, Role, decode};
use registry_core::entry::InstanceEntry;
use registry_core::query;
use serde_json::{Value, json};

use crate::call::Caller;
use crate::random;

use super::page::{CURSOR, Listing, PAGED};
use super::parameter::{CONSISTENCY, LIMIT, Parameter, UNKEPT};
use super::route::{Access, Route};
use super::{Answered, Shared, at, call, json, json_body, page, parameters, read, schemas};

static TENANT: Parameter = Parameter::path(
    "tenantKey",
    "What the instance's handles begin with.",
    r##"{"$ref":"#/components/schemas/TenantKey"}"##,
);

const OPERATOR: Access = Access::Required("the operator's");

pub(super) fn routes() -> Vec<Route> {
    let path = "/v1/admin/instances";
    vec![
        Route::post(path, create)
            .is("createInstance", "instances", "Lets a Pilox instance publish under `tenantKey/slug` with a token, which is shown this once.")
            .access(OPERATOR)
            .body(&schemas::INSTANCE_ASKED)
            .gives(201, "It may publish.", &schemas::INSTANCE_CREATED, UNKEPT)
            .refuses(&[Code::Conflict, Code::InvalidArgument]),
        Route::get(path, list)
            .is("listInstances", "instances", "The instances that publish with a token.")
            .access(OPERATOR)
            .takes(&[&CURSOR, &LIMIT, &CONSISTENCY])
            .gives(200, "A page of instances.", &schemas::INSTANCES, PAGED),
        Route::delete("/v1/admin/instances/{tenantKey}", remove)
            .is("removeInstance", "instances", "Ends an instance's token. What it has published stays.")
            .access(OPERATOR)
            .takes(&[&TENANT])
            .gives(200, "Its token is not known any more.", &schemas::INSTANCE_REMOVED, UNKEPT)
            .refuses(&[Code::NotFound]),
    ]
}

async fn create(State(member): Shared, request: Request) -> Answered {
    let caller = call(&request)?.principal;
    caller.require(&[Role::Operator])?;
    let document = json_body(request).await?;
    let secret = random::token()?;
    let created = decode::instance::create(&caller, &document, &secret)?;
    let (tenant, origin) = (created.tenant.as_str(), created.origin.as_str());
    let written = member.write(created.proposal).await;
    written.map_err(|problem| match problem.code() {
        Code::Conflict => problem.with("error", "tenant_exists").with("tenantKey", tenant),
        _ => problem,
    })?;
    let token = format!("instance:{tenant}:{secret}");
    let body = json!({ "ok": true, "tenantKey": tenant, "origin": origin, "token": token });
    Ok(json(StatusCode::CREATED, &body))
}

async fn list(
    State(member): Shared,
    query: Result<Query<Listing>, QueryRejection>,
    Extension(caller): Extension<Caller>,
    uri: Uri,
) -> Answered {
    caller.call()?.principal.require(&[Role::Operator])?;
    let query = parameters(query)?;
    let after: Option<TenantKey> =
        page::after(member.cursors(List::Instances), query.cursor.as_deref())?;
    let limit = page::limit(query.limit)?;
    let reading = read(&member, query.consistency.as_deref()).await?;
    let page = query::instances(&reading.view, after.as_ref(), limit)?;
    let cursors = member.cursors(List::Instances);
    let next = cursors.next(&page, limit, |instance| instance.tenant.as_str());
    let instances: Vec<Value> = page.iter().map(value).collect();
    let body = json!({ "ok": true, "instances": instances, "next": next });
    Ok(at(&reading, page::linked(json(StatusCode::OK, &body), &uri, &next)))
}

fn value(instance: &InstanceEntry) -> Value {
    json!({
        "tenantKey": instance.tenant.as_str(),
        "origin": instance.origin.as_str(),
        "createdAt": instance.created_at.to_rfc3339(),
    })
}

async fn remove(
    State(member): Shared,
    path: Result<Path<String>, PathRejection>,
    Extension(caller): Extension<Caller>,
) -> Answered {
    let caller = caller.call()?.principal;
    let unread = |_| Problem::argument("tenantKey", "it is not percent-encoded");
    let Path(tenant) = path.map_err(unread)?;
    member.write(decode::instance::remove(&caller, &tenant)?).await?;
    Ok(json(StatusCode::OK, &json!({ "ok": true, "deleted": tenant })))
}
