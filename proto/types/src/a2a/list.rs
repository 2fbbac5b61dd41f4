//! `ListTasks`: what is asked for, and one page of the answer.
//!
//! Decides how many tasks a page may have (3.1.4). Must never decide which tasks are listed.

use serde::Serialize;

use super::proto_json::{
    ANY, count, implicit, implicit_id, is_false, print_timestamp, proto_json, text, timestamp,
};
use super::request::history_length;
use super::task::{read_state, read_task};
use super::{Task, TaskState};
use crate::schema::{Problem, Spot};
use crate::time::WallMs;

/// How many tasks a page has at most where the client does not say (3.1.4).
pub const PAGE_SIZE_DEFAULT: u32 = 50;

/// How many a client may ask for (3.1.4).
pub const PAGE_SIZE_MAX: u32 = 100;

/// `ListTasks`. What is absent does not filter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ListTasksRequest {
    /// What the card's interface names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
    /// Tasks of this conversation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub context_id: Option<String>,
    /// Tasks in this state.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<TaskState>,
    /// How many tasks at most, from 1 to [`PAGE_SIZE_MAX`]; [`PAGE_SIZE_DEFAULT`] if the client does not say.
    pub page_size: u32,
    /// `nextPageToken` of the page before; absent for the first page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub page_token: Option<String>,
    /// How many of the newest messages of each task; `None` is all, 0 is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub history_length: Option<u32>,
    /// Tasks whose status has changed at this time or later.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "print_timestamp")]
    pub status_timestamp_after: Option<WallMs>,
    /// Whether the tasks come with their artifacts.
    #[serde(skip_serializing_if = "is_false")]
    pub include_artifacts: bool,
}

/// One page of tasks, the one that changed last first. All four members are always printed (3.1.4).
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ListTasksResponse {
    /// The tasks.
    pub tasks: Vec<Task>,
    /// Names the next page; empty on the last one.
    pub next_page_token: String,
    /// How many tasks a page has at most.
    pub page_size: u32,
    /// How many tasks match, over all pages. At most the greatest `int32`.
    pub total_size: u32,
}

proto_json! {
    ListTasksRequest: read_list_tasks;
    ListTasksResponse: read_page;
}

/// What a server leaves out is 0 or empty, as ProtoJSON has it.
fn read_page(spot: Spot<'_, '_>) -> Option<ListTasksResponse> {
    let page = spot.object()?;
    let tasks = page.or_default("tasks", |spot| spot.list((0, ANY), read_task));
    let next_page_token = page.or_default("nextPageToken", text);
    let page_size = page.or_default("pageSize", count);
    let total_size = page.or_default("totalSize", count);
    Some(ListTasksResponse {
        tasks: tasks?,
        next_page_token: next_page_token?,
        page_size: page_size?,
        total_size: total_size?,
    })
}

fn read_list_tasks(spot: Spot<'_, '_>) -> Option<ListTasksRequest> {
    let request = spot.object()?;
    let tenant = implicit(&request, "tenant");
    let context_id = implicit_id(&request, "contextId");
    let status = request.optional("status", read_status);
    let page_size = request.optional("pageSize", read_page_size);
    let page_token = implicit(&request, "pageToken");
    let history_length = history_length(&request);
    let status_timestamp_after = request.optional("statusTimestampAfter", timestamp);
    let include_artifacts = request.or_default("includeArtifacts", Spot::boolean);
    Some(ListTasksRequest {
        tenant: tenant?,
        context_id: context_id?,
        status: status?.flatten(),
        page_size: page_size?.unwrap_or(PAGE_SIZE_DEFAULT),
        page_token: page_token?,
        history_length: history_length?,
        status_timestamp_after: status_timestamp_after?,
        include_artifacts: include_artifacts?,
    })
}

/// The value 0, by name or number, is how ProtoJSON encodes absence.
fn read_status(spot: Spot<'_, '_>) -> Option<Option<TaskState>> {
    let unspecified = spot.value.as_str() == Some("TASK_STATE_UNSPECIFIED");
    if unspecified || spot.value.as_u64() == Some(0) {
        return Some(None);
    }
    read_state(spot).map(Some)
}

/// 0 is a fault: the field has presence, so that it is not how absence is encoded.
fn read_page_size(spot: Spot<'_, '_>) -> Option<u32> {
    let size: i64 = if spot.value.is_string() {
        spot.parsed("an integer from 1 to 100", |text| text.parse().ok())?
    } else {
        spot.integer(i64::MIN, i64::MAX)?
    };
    let allowed = |size: &u32| (1..=PAGE_SIZE_MAX).contains(size);
    u32::try_from(size)
        .ok()
        .filter(allowed)
        .or_else(|| spot.fault(Problem::Range { min: 1, max: i64::from(PAGE_SIZE_MAX) }))
}
