//! ListTasks: a page of the caller's tasks, the one that changed last first (A2A 1.0, section 3.1.4).
//!
//! Decides what is asked of the registry, and what of a task a page shows. Must never list the tasks of anybody else, nor hold
//! more pages than a bound at once: one may have many times what its caller sent.

use bytes::Bytes;
use gateway_core::params::{List, fault};
use gateway_core::task_view::word;
use gateway_core::{CallError, Caller, Failure};
use proto_types::Class;
use proto_types::a2a::{ListTasksResponse, Task};
use proto_wire::registry::v1 as wire;
use tonic::Code;

use crate::agents::Agent;
use crate::gateway::Gateway;
use crate::registry::Unanswered;

use super::task::view;

/// A page of the caller's tasks; of those of one agent, if one is named.
pub(super) async fn page(
    gateway: &Gateway,
    caller: &Caller,
    agent: Option<&Agent>,
    list: &List,
) -> Result<ListTasksResponse, Failure> {
    let Some(message) = request(caller, agent, list) else {
        return Ok(response(list, wire::TaskList::default(), Vec::new()));
    };
    let _place = gateway.pools.lists.place(Class::Ordinary, caller.owner().clone())?;
    let listed = gateway.registry.list_tasks(message).await.map_err(|error| not_listed(&error))?;
    let tasks = listed.tasks.iter().map(|task| shown(task, list)).collect::<Result<_, _>>()?;
    Ok(response(list, listed, tasks))
}

/// What the registry is asked; `None` where no task of ours can be meant.
fn request(caller: &Caller, agent: Option<&Agent>, list: &List) -> Option<wire::ListTasksRequest> {
    let context = match &list.context {
        None => String::new(),
        Some(context) => context.as_ref()?.as_str().to_owned(),
    };
    let states = match list.state {
        None => Vec::new(),
        Some(state) => vec![word(state)?.to_owned()],
    };
    Some(wire::ListTasksRequest {
        owner: caller.as_str().to_owned(),
        context,
        agent: agent.map(|agent| agent.handle.as_str().to_owned()).unwrap_or_default(),
        states,
        changed_since_ms: list.changed_since.map_or(0, |since| since.0),
        limit: list.page_size,
        cursor: list.page_token.clone().unwrap_or_default(),
        omit_outcome: !list.include_artifacts,
        consistency: wire::Consistency::Strong.into(),
    })
}

/// A task of a page. One whose outcome cannot be read is shown without it: it is no reason to hide the others.
fn shown(task: &wire::Task, list: &List) -> Result<Task, Failure> {
    let bare = || wire::Task { outcome: Bytes::new(), turns: Vec::new(), ..task.clone() };
    Ok(view(task).or_else(|_| view(&bare()))?.task(list.history_length))
}

fn response(list: &List, listed: wire::TaskList, tasks: Vec<Task>) -> ListTasksResponse {
    const MOST: u32 = i32::MAX.unsigned_abs();
    ListTasksResponse {
        tasks,
        next_page_token: listed.next,
        page_size: list.page_size,
        total_size: u32::try_from(listed.total).unwrap_or(MOST).min(MOST),
    }
}

/// All that can be wrong with what we ask is the token of the page.
fn not_listed(error: &Unanswered) -> Failure {
    match error {
        Unanswered::Refused { code: Code::InvalidArgument | Code::OutOfRange, .. } => {
            let faults = vec![fault("/pageToken", "the nextPageToken of an earlier page")];
            Failure::Call(CallError::Params(faults))
        }
        error => error.failure(),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use proto_types::{Origin, SecretKey};
    use serde_json::{Value, json};

    use super::*;

    fn list(params: &Value) -> List {
        List::parse(params).unwrap()
    }

    fn asked(params: &Value) -> Option<wire::ListTasksRequest> {
        let origin = Origin::parse("https://a.example").unwrap();
        let caller = Caller::new(origin, SecretKey::from_seed(&[1; 32]).public());
        request(&caller, None, &list(params))
    }

    #[test]
    fn a_list_is_asked_for_in_the_registrys_words_and_for_its_caller_alone() {
        let all = asked(&json!({})).unwrap();
        assert_eq!((all.owner.as_str(), all.limit), ("https://a.example", 50));
        assert!(all.omit_outcome && all.states.is_empty() && all.context.is_empty());
        let some = json!({
            "contextId": "c1", "status": "TASK_STATE_SUBMITTED", "pageSize": 3, "pageToken": "next",
            "statusTimestampAfter": "1970-01-01T00:00:07Z", "includeArtifacts": true,
        });
        let some = asked(&some).unwrap();
        assert_eq!((some.context.as_str(), some.cursor.as_str()), ("c1", "next"));
        assert_eq!((some.states, some.changed_since_ms), (vec!["pending".to_owned()], 7_000));
        assert!(!some.omit_outcome);
    }

    #[test]
    fn what_no_task_of_ours_can_match_is_an_empty_page_with_all_four_members() {
        for params in [json!({"contextId": "c d"}), json!({"status": "TASK_STATE_AUTH_REQUIRED"})] {
            assert_eq!(asked(&params), None, "{params}");
            let page = response(&list(&params), wire::TaskList::default(), Vec::new());
            let page = serde_json::to_value(page).unwrap();
            let empty = json!({"tasks": [], "nextPageToken": "", "pageSize": 50, "totalSize": 0});
            assert_eq!(page, empty, "{params}");
        }
    }

    #[test]
    fn a_task_that_cannot_be_read_does_not_hide_the_others() {
        let task = wire::Task {
            id: "t1".to_owned(),
            context: "c1".to_owned(),
            state: "completed".to_owned(),
            outcome: "nonsense".into(),
            ..wire::Task::default()
        };
        let shown = shown(&task, &list(&json!({}))).unwrap();
        assert_eq!((shown.id.as_str(), shown.artifacts.len()), ("t1", 0));
    }

    #[test]
    fn only_a_token_that_the_registry_does_not_know_is_the_callers_fault() {
        let refused = |code| {
            let (ecumene, earlier_in_doubt) = ("code".to_owned(), false);
            not_listed(&Unanswered::Refused { code, ecumene, earlier_in_doubt })
        };
        let Failure::Call(CallError::Params(faults)) = refused(Code::InvalidArgument) else {
            panic!("the parameters are wrong")
        };
        assert_eq!(faults[0].field(), "pageToken");
        assert_eq!(refused(Code::PermissionDenied), Failure::Internal);
    }
}
