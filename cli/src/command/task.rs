//! `task get|cancel`, with the operator's eyes.

use proto_wire::registry::v1 as wire;
use proto_wire::to_json_without;

use crate::args::TaskVerb;
use crate::client::Profile;
use crate::failure::Failure;
use crate::output::Output;

pub(crate) async fn run(profile: &Profile, verb: TaskVerb) -> Result<Output, Failure> {
    let mut fleet = profile.fleet()?;
    let owner = String::new();
    let task = match verb {
        TaskVerb::Get { id } => {
            fleet.get_task(wire::GetTaskRequest { id, owner, consistency: 1 }).await?.into_inner()
        }
        TaskVerb::Cancel { id } => {
            fleet.cancel_task(wire::CancelTaskRequest { id, owner }).await?.into_inner()
        }
    };
    Ok(shown(&task))
}

fn shown(task: &wire::Task) -> Output {
    Output::one(to_json_without(task, &["cancelRequested", "deadlineMs", "revision"]))
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
}
