//! `agent call`: one message through the gateway, as a peer.
//!
//! It decides what the end of a task means for the command: an agent that failed or refused did not do what was asked.
//! It must never hide the answer behind that: what came is printed in every case.

use std::io::Write as _;
use std::path::Path;

use http::Method;
use proto_types::path::encode;
use serde_json::{Value, json};

use crate::args::{CallArgs, Format};
use crate::client::Profile;
use crate::command::{document, token};
use crate::failure::Failure;
use crate::http_call::{Call, events, fetch, open};
use crate::output::{Output, printable};

/// Ends without what was asked (A2A `TaskState`).
const IN_VAIN: [&str; 3] = ["TASK_STATE_FAILED", "TASK_STATE_REJECTED", "TASK_STATE_CANCELED"];
/// States in which the agent still works: no stream ends well in one.
const AT_WORK: [&str; 2] = ["TASK_STATE_SUBMITTED", "TASK_STATE_WORKING"];

pub(super) async fn run(profile: &Profile, args: CallArgs, format: Format) -> Result<(), Failure> {
    let token = token::mint(profile, &args.token).await?;
    if args.stream {
        return stream(profile, &args, &token).await;
    }
    let answer = fetch(profile, request(profile, &args, &token, "SendMessage")?).await?;
    let answer: Value = serde_json::from_slice(&answer).map_err(Failure::internal)?;
    let answer = result(answer)?;
    let judged = judge(status(&answer));
    Output::one(answer).print(format)?;
    judged
}

/// Prints events as they come; the last status counts.
async fn stream(profile: &Profile, args: &CallArgs, token: &str) -> Result<(), Failure> {
    let response = open(profile, request(profile, args, token, "SendStreamingMessage")?).await?;
    if !response.status().is_success() {
        return Err(Failure::http(response.status(), b"the gateway did not open a stream"));
    }
    let mut last = None;
    let read = events(response, |data| {
        let event: Value = serde_json::from_str(data).map_err(Failure::internal)?;
        let event = result(event)?;
        writeln!(std::io::stdout(), "{event}")?;
        if let Some(status) = status(&event) {
            last = Some(status.clone());
        }
        Ok(())
    });
    read.await?;
    if last.as_ref().is_some_and(|status| AT_WORK.contains(&state(status))) {
        return Err(Failure::internal("the stream ended before the task did"));
    }
    judge(last.as_ref())
}

fn request<'a>(
    profile: &Profile,
    args: &CallArgs,
    token: &'a str,
    method: &str,
) -> Result<Call<'a>, Failure> {
    let text = if args.text == "-" {
        let bytes = document(Path::new("-"))?;
        String::from_utf8(bytes).map_err(|_| Failure::usage("the text on stdin is not UTF-8"))?
    } else {
        args.text.clone()
    };
    let message = json!({
        "messageId": uuid::Uuid::now_v7().to_string(),
        "role": "ROLE_USER",
        "parts": [{ "text": text }],
    });
    let rpc =
        json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": { "message": message } });
    let url = agent_url(profile.gateway(), &args.handle);
    Ok(Call { method: Method::POST, url, bearer: Some(token), body: rpc.to_string().into_bytes() })
}

/// Where an agent is called: a handle is one segment, whatever it is made of.
fn agent_url(gateway: &str, handle: &str) -> String {
    format!("{gateway}/agents/{}", encode(handle))
}

/// The result of a JSON-RPC answer, or its error.
fn result(mut answer: Value) -> Result<Value, Failure> {
    if let Some(error) = answer.get("error") {
        return Err(Failure::rpc(error));
    }
    Ok(answer.get_mut("result").map(Value::take).unwrap_or_default())
}

/// The status of the task that an answer or event tells; a message has none.
fn status(told: &Value) -> Option<&Value> {
    told.get("task").or_else(|| told.get("statusUpdate"))?.get("status")
}

fn state(status: &Value) -> &str {
    status["state"].as_str().unwrap_or_default()
}

/// Whether the task came to a good end, or to a question.
fn judge(status: Option<&Value>) -> Result<(), Failure> {
    let Some(status) = status.filter(|status| IN_VAIN.contains(&state(status))) else {
        return Ok(());
    };
    let parts = status["message"]["parts"].as_array().into_iter().flatten();
    let texts: Vec<_> = parts.filter_map(|part| part["text"].as_str()).map(printable).collect();
    let why = if texts.is_empty() { String::new() } else { format!(": {}", texts.join(" ")) };
    Err(Failure::internal(format!("the task ended as {}{why}", state(status))))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn ended(state: &str) -> Result<(), Failure> {
        let message = json!({ "parts": [{ "text": "too\nlong" }] });
        judge(status(&json!({ "task": { "status": { "state": state, "message": message } } })))
    }

    #[test]
    fn a_handle_with_slashes_is_one_segment_of_the_url() {
        for (handle, path) in [
            ("text-stats", "text-stats"),
            ("acme01/translator", "acme01%2Ftranslator"),
            ("a?b#c%2F", "a%3Fb%23c%252F"),
        ] {
            let expected = format!("http://g:7443/agents/{path}");
            assert_eq!(agent_url("http://g:7443", handle), expected);
        }
    }

    #[test]
    fn a_task_that_failed_was_rejected_or_canceled_is_a_failure_that_says_why() {
        for state in IN_VAIN {
            let failure = ended(state).unwrap_err();
            assert_eq!(failure.exit_code(), 1, "{state}");
            assert_eq!(failure.to_string(), format!("the task ended as {state}: too\\nlong"));
        }
        for state in ["TASK_STATE_COMPLETED", "TASK_STATE_INPUT_REQUIRED"] {
            assert!(ended(state).is_ok(), "{state}");
        }
        assert!(judge(status(&json!({ "message": { "parts": [] } }))).is_ok());
        let update = json!({ "statusUpdate": { "status": { "state": "TASK_STATE_FAILED" } } });
        assert!(judge(status(&update)).is_err(), "events of a stream are read too");
    }
}
