//! `task get|list|cancel`, with the operator's eyes. A list is of one caller's tasks, and without their documents.

use proto_types::WallMs;
use proto_wire::registry::v1 as wire;
use proto_wire::to_json_without;
use serde_json::{Value, json};

use crate::args::{Format, TaskListArgs, TaskVerb};
use crate::client::{Fleet, Profile};
use crate::failure::Failure;
use crate::output::{Output, printable};

use super::pages;

pub(crate) async fn run(
    profile: &Profile,
    verb: TaskVerb,
    format: Format,
) -> Result<Output, Failure> {
    let mut fleet = profile.fleet()?;
    let owner = String::new();
    let task = match verb {
        TaskVerb::Get { id } => {
            fleet.get_task(wire::GetTaskRequest { id, owner, consistency: 1 }).await?.into_inner()
        }
        TaskVerb::List(args) => return list(&mut fleet, args, format).await,
        TaskVerb::Cancel { id } => {
            fleet.cancel_task(wire::CancelTaskRequest { id, owner }).await?.into_inner()
        }
    };
    Ok(shown(&task))
}

fn shown(task: &wire::Task) -> Output {
    Output::one(to_json_without(task, &["cancelRequested", "deadlineMs", "revision"]))
}

async fn list(fleet: &mut Fleet, args: TaskListArgs, format: Format) -> Result<Output, Failure> {
    let request = wire::ListTasksRequest {
        owner: args.owner,
        context: args.context,
        agent: args.agent,
        states: args.state,
        changed_since_ms: args.changed_since_ms,
        limit: args.limit,
        cursor: args.cursor,
        omit_outcome: true,
        consistency: 1,
    };
    let page = fleet.list_tasks(request).await?.into_inner();
    pages::say_more(&page.next, format);
    Ok(listed(&page))
}

fn listed(page: &wire::TaskList) -> Output {
    let row = |task: &wire::Task| {
        let changed = WallMs(task.changed_at_ms).to_rfc3339();
        let names = [&task.id, &task.state, &task.agent, &task.context, &task.node];
        names.into_iter().map(|name| printable(name)).chain([changed]).collect()
    };
    let left_out =
        ["cancelRequested", "deadlineMs", "input", "outcome", "owner", "revision", "turns"];
    let tasks: Vec<Value> =
        page.tasks.iter().map(|task| to_json_without(task, &left_out)).collect();
    Output {
        heads: &["id", "state", "agent", "context", "node", "changed"],
        rows: page.tasks.iter().map(row).collect(),
        json: json!({ "tasks": tasks, "next": page.next, "total": page.total }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_is_shown_with_its_documents() {
        let turn = wire::Turn { input: r#"{"a": 1}"#.into(), ..Default::default() };
        let task = wire::Task { turns: vec![turn], revision: 7, ..Default::default() };
        assert_eq!(
            shown(&task).json.to_string(),
            r#"{"agent":"","attempts":0,"changedAtMs":0,"context":"","epoch":0,"gateway":"","id":"","input":null,"node":"","outcome":null,"owner":"","reason":"","state":"","submittedAtMs":0,"turns":[{"input":{"a":1},"outcome":null}]}"#
        );
    }

    #[test]
    fn a_list_says_how_many_there_are_and_shows_no_documents() {
        let task = wire::Task {
            id: "t\u{1b}".to_owned(),
            state: "pending".to_owned(),
            changed_at_ms: 1_774_008_000_000,
            input: r#"{"a":1}"#.into(),
            ..Default::default()
        };
        let (tasks, next) = (vec![task], "c".to_owned());
        let output = listed(&wire::TaskList { tasks, next, total: 9 });
        assert_eq!(
            output.json,
            serde_json::json!({"next":"c","tasks":[{"agent":"","attempts":0,"changedAtMs":1_774_008_000_000_u64,"context":"","epoch":0,"gateway":"","id":"t\u{1b}","node":"","reason":"","state":"pending","submittedAtMs":0}],"total":9})
        );
        let row = ["t\\u{1b}", "pending", "", "", "", "2026-03-20T12:00:00.000Z"];
        assert_eq!(output.rows, [row.map(str::to_owned).to_vec()]);
    }
}
