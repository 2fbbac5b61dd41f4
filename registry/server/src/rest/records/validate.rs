//! The dry run: what publishing a record would come to.
//!
//! It decides how a refusal is told without being one. It must never store anything.

use axum::extract::{Request, State};
use http::StatusCode;
use proto_types::card::Assurance;
use proto_types::pilox::record::{self, Invalid, ParsedRecord};
use registry_api::decode::record::Terms;
use registry_api::{Code, Principal, Problem, decode};
use registry_core::query;
use serde_json::{Value, json};

use crate::member::Member;

use super::super::{Answered, Shared, caller, credential, json, json_body};

pub(super) async fn validate(State(member): Shared, request: Request) -> Answered {
    let caller = caller(&member, request.headers()).await?;
    let credential = credential(request.headers())?;
    let document = json_body(request).await?;
    let body = match record::parse(&document) {
        Ok(parsed) => {
            let would = dry_run(&member, &caller, credential.as_deref(), &parsed).await;
            told(&member, &parsed, would)?
        }
        Err(Invalid::Schema(errors)) => {
            let errors = decode::record::faults(&Invalid::Schema(errors));
            json!({ "wouldAcceptWrite": false, "schemaValid": false, "schemaErrors": errors })
        }
        Err(_) => return decode_refusal(&caller, &document, &member),
    };
    Ok(json(StatusCode::OK, &body))
}

/// A body that is not JSON is refused as publishing refuses it.
fn decode_refusal(caller: &Principal, document: &[u8], member: &Member) -> Answered {
    match decode::record::put(caller, document, Terms::default(), &member.registry.view().0) {
        Err(problem) => Err(problem.into()),
        Ok(_) => Err(Problem::internal("a record parsed once and not again").into()),
    }
}

async fn dry_run(
    member: &Member,
    caller: &Principal,
    credential: Option<&str>,
    parsed: &ParsedRecord,
) -> Result<Assurance, Problem> {
    let view = member.strong().await?.view;
    let document = parsed.raw().to_string();
    let put = decode::record::put(caller, document.as_bytes(), Terms::default(), &view)?;
    let kept = query::record(&view, &put.handle)?;
    if kept.is_some_and(|kept| parsed.updated_at <= kept.updated_at) {
        return Err(Problem::new(Code::StaleUpdatedAt, "updatedAt is not newer"));
    }
    let question = member.examine(&put, credential, &view)?;
    drop(view);
    member.consult(question).await?;
    Ok(put.assurance)
}

fn told(
    member: &Member,
    parsed: &ParsedRecord,
    would: Result<Assurance, Problem>,
) -> Result<Value, Problem> {
    let mut body = json!({
        "wouldAcceptWrite": would.is_ok(),
        "schemaValid": true,
        "schemaErrors": [],
    });
    let rules = &member.gatekeeper.rules;
    if let Some(report) = rules.readiness.report(parsed.raw(), &rules.attestation) {
        body["readiness"] = report;
    }
    match would {
        Ok(assurance) => body["assurance"] = assurance.as_str().into(),
        Err(problem) if problem.status() >= 500 => return Err(problem),
        Err(problem) => {
            body["code"] = problem.code().as_str().into();
            body["detail"] = problem.detail().into();
        }
    }
    Ok(body)
}
