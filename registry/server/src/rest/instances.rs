//! Instances over REST, at the paths of the Pilox registry. `operations/instances.rs` does what is asked.

use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, Request, State};
use http::{StatusCode, Uri};
use registry_api::{Code, List, Problem, Role};
use registry_core::entry::InstanceEntry;
use serde_json::{Value, json};

use crate::call::Caller;
use crate::operations::instances::{self, Created};
use crate::operations::{Listed, Page};

use super::page::{CURSOR, Listing, PAGED};
use super::parameter::{CONSISTENCY, LIMIT, Parameter, UNKEPT};
use super::route::{Access, Route};
use super::{Answered, Shared, at, consistency, json, json_body, page, parameters, schemas};

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

async fn create(State(member): Shared, caller: Caller, request: Request) -> Answered {
    let call = caller.call()?;
    // Before the body is read.
    call.principal.require(&[Role::Operator])?;
    let document = json_body(request).await?;
    let Created { tenant, origin, token } = instances::create(&member, &call, &document).await?;
    let (tenant, origin) = (tenant.as_str(), origin.as_str());
    let body = json!({ "ok": true, "tenantKey": tenant, "origin": origin, "token": token });
    Ok(json(StatusCode::CREATED, &body))
}

async fn list(
    State(member): Shared,
    query: Result<Query<Listing>, QueryRejection>,
    caller: Caller,
    uri: Uri,
) -> Answered {
    let call = caller.call()?;
    let query = parameters(query)?;
    let after = page::after(member.cursors(List::Instances), query.cursor.as_deref())?;
    let limit = page::limit(query.limit)?;
    let consistency = consistency(query.consistency.as_deref())?;
    let page = Page { after, limit, consistency };
    let Listed { reading, entries, next } = instances::list(&member, &call, page).await?;
    let instances: Vec<Value> = entries.iter().map(value).collect();
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
    caller: Caller,
) -> Answered {
    let call = caller.call()?;
    let unread = |_| Problem::argument("tenantKey", "it is not percent-encoded");
    let Path(tenant) = path.map_err(unread)?;
    instances::remove(&member, &call, &tenant).await?;
    Ok(json(StatusCode::OK, &json!({ "ok": true, "deleted": tenant })))
}
