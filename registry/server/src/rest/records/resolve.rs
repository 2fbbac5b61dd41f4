//! The handles of the records whose card is at a URL. A record that the caller does not see is never named.

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use http::StatusCode;
use proto_types::Handle;
use registry_api::Problem;
use registry_core::query;
use serde::Deserialize;
use serde_json::json;

use crate::call::Caller;

use super::super::parameter::Parameter;
use super::super::{Answered, Shared, at, json, look, parameters};

pub(super) static AGENT_CARD_URL: Parameter = Parameter::query(
    "agentCardUrl",
    "Where the card is, exactly as the record says.",
    r#"{"type":"string","minLength":1}"#,
)
.required();

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Wanted {
    agent_card_url: Option<String>,
}

pub(super) async fn resolve(
    State(member): Shared,
    query: Result<Query<Wanted>, QueryRejection>,
    caller: Caller,
) -> Answered {
    let Some(url) = parameters(query)?.agent_card_url.filter(|url| !url.is_empty()) else {
        return Err(Problem::argument("agentCardUrl", "it is required").into());
    };
    let (reading, viewer) = look(&member, caller, None).await?;
    let found = query::record_of_card(&reading.view, &viewer, &url)?;
    let handles: Vec<&str> = found.iter().map(Handle::as_str).collect();
    Ok(at(&reading, json(StatusCode::OK, &json!({ "handles": handles }))))
}
