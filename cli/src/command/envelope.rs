//! `envelope send|pull`; `dead` has a file of its own.

mod dead;

use std::collections::BTreeMap;

use http::Method;
use proto_types::json::parse_lossless;
use proto_types::path::encode;
use proto_types::pilox::envelope::Envelope;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use crate::args::{EnvelopeVerb, Format, TokenArgs};
use crate::client::Profile;
use crate::failure::Failure;
use crate::http_call::{Call, fetch};
use crate::output::{Output, printable};

use super::token;

pub(crate) async fn run(
    profile: &Profile,
    verb: EnvelopeVerb,
    format: Format,
) -> Result<(), Failure> {
    match verb {
        EnvelopeVerb::Send { token, target, payload, correlation_id } => {
            let sent = send(profile, &token, &target, payload, correlation_id).await?;
            Ok(sent.print(format)?)
        }
        EnvelopeVerb::Pull { target, max, wait_seconds, no_ack } => {
            let (operator, envelopes) = pull(profile, &target, max, wait_seconds).await?;
            // What is acknowledged is gone: first it has to be where its reader finds it.
            shown(&envelopes).print(format)?;
            if no_ack {
                return Ok(());
            }
            for envelope in &envelopes {
                acknowledge(profile, &operator, &target, envelope).await?;
            }
            Ok(())
        }
        EnvelopeVerb::Dead(verb) => Ok(dead::run(profile, verb, format).await?.print(format)?),
    }
}

async fn send(
    profile: &Profile,
    args: &TokenArgs,
    target: &str,
    payload: Value,
    correlation_id: Option<String>,
) -> Result<Output, Failure> {
    let correlation = correlation_id.unwrap_or_else(|| uuid::Uuid::now_v7().to_string());
    let member = if target.contains("://") { "targetOrigin" } else { "targetHandle" };
    let mut envelope = json!({ "v": 1, "correlationId": correlation, "sourceOrigin": args.issuer, "payload": payload });
    envelope[member] = json!(target);
    let body = envelope.to_string().into_bytes();
    Envelope::parse(&body).map_err(|error| {
        Failure::usage(format!("--target, --payload and --correlation-id: {error}"))
    })?;
    let token = token::mint(profile, args).await?;
    let url = format!("{}/v1/publish", profile.gateway());
    let answer =
        fetch(profile, Call { method: Method::POST, url, bearer: Some(&token), body }).await?;
    Ok(Output::one(serde_json::from_slice(&answer).map_err(Failure::internal)?))
}

async fn pull(
    profile: &Profile,
    target: &str,
    max: u32,
    wait_seconds: u64,
) -> Result<(String, Vec<Value>), Failure> {
    let operator = profile.operator_token()?;
    let operator =
        operator.ok_or_else(|| Failure::usage("envelope pull needs --operator-token-file"))?;
    let queue = format!("{}/v1/envelopes", profile.gateway());
    let url = format!("{queue}?target={}&max={max}&wait={wait_seconds}s", encode(target));
    let call = Call { method: Method::GET, url, bearer: Some(&operator), body: Vec::new() };
    let envelopes = read(&fetch(profile, call).await?)?;
    Ok((operator, envelopes))
}

fn shown(envelopes: &[Value]) -> Output {
    let rows = envelopes.iter().map(row).collect();
    Output { heads: &["id", "source", "payload"], rows, json: json!(envelopes) }
}

/// What was handed out. An envelope may be as deep as strict JSON is, and stands deeper in the answer: each member is read
/// by itself.
fn read(answer: &[u8]) -> Result<Vec<Value>, Failure> {
    #[derive(serde::Deserialize)]
    struct Answer {
        envelopes: Vec<BTreeMap<String, Box<RawValue>>>,
    }
    let answer: Answer = serde_json::from_slice(answer).map_err(Failure::internal)?;
    let leased = answer.envelopes.into_iter().map(|leased| {
        let members: Result<Map<_, _>, Failure> = leased.into_iter().map(member).collect();
        members.map(Value::Object)
    });
    leased.collect()
}

fn member((name, raw): (String, Box<RawValue>)) -> Result<(String, Value), Failure> {
    let value = parse_lossless(raw.get().as_bytes()).map_err(Failure::internal)?;
    Ok((name, value))
}

/// Takes one leased envelope out of its queue.
async fn acknowledge(
    profile: &Profile,
    operator: &str,
    target: &str,
    envelope: &Value,
) -> Result<(), Failure> {
    let body = json!({
        "target": target,
        "source": envelope["source"],
        "id": envelope["id"],
        "epoch": envelope["epoch"],
    });
    let url = format!("{}/v1/envelopes/ack", profile.gateway());
    let body = body.to_string().into_bytes();
    fetch(profile, Call { method: Method::POST, url, bearer: Some(operator), body }).await.map(drop)
}

fn row(envelope: &Value) -> Vec<String> {
    let text = |name: &str| printable(envelope[name].as_str().unwrap_or_default());
    vec![text("id"), text("source"), envelope["envelope"]["payload"].to_string()]
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use proto_types::json::DEPTH_MAX;

    use super::*;

    #[test]
    fn an_envelope_of_the_greatest_depth_is_read_beside_others() {
        let arrays = DEPTH_MAX - 2;
        let deep = format!("{}{}", "[".repeat(arrays), "]".repeat(arrays));
        let answer = format!(
            r#"{{"envelopes":[{{"id":"a","envelope":{{"payload":{{"n":{deep}}}}}}},{{"id":"b"}}]}}"#
        );
        let envelopes = read(answer.as_bytes()).unwrap();
        assert_eq!(envelopes[0]["envelope"]["payload"]["n"].to_string(), deep);
        assert_eq!(envelopes[1], json!({ "id": "b" }));
        assert!(read(b"{}").is_err() && read(b"[").is_err());
    }
}
