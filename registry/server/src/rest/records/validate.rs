//! The dry run of publishing a record: the result, and each refusal as a report. Nothing is stored, and no token is
//! spent.

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, Request, State};
use http::StatusCode;
use proto_types::card::Assurance;
use proto_types::pilox::record::Invalid;
use registry_api::decode::record::Parsed;
use registry_api::{Code, Principal, Problem, Role, decode};
use serde_json::{Value, json};

use crate::call::Caller;
use crate::member::Member;
use crate::operations::records;

use super::super::conditions::conditions;
use super::super::{Answered, Shared, json, json_body, parameters};
use super::Publishing;

pub(super) async fn validate(
    State(member): Shared,
    query: Result<Query<Publishing>, QueryRejection>,
    caller: Caller,
    request: Request,
) -> Answered {
    let terms = parameters(query)?.terms()?;
    let call = caller.with_credential()?;
    let conditions = conditions(request.headers())?;
    let document = json_body(request).await?;
    let body = match decode::record::parse(&document) {
        Ok(parsed) => {
            let would = records::dry_run(&member, &call, &parsed, (terms, conditions)).await;
            report(&member, &parsed, would)?
        }
        Err(invalid @ Invalid::Schema(_)) => {
            may_try(&member, &call.principal)?;
            let errors = invalid.faults();
            let found =
                json!({ "wouldAcceptWrite": false, "schemaValid": false, "schemaErrors": errors });
            demanded(&member, found)
        }
        // A body that is not JSON is refused as publishing refuses it.
        Err(unread) => return Err(unread.into()),
    };
    Ok(json(StatusCode::OK, &body))
}

/// Holds if writes are taken, and the caller could make one: no signature speaks for what is no record.
fn may_try(member: &Member, caller: &Principal) -> Result<(), Problem> {
    member.admission_policy.rules.open()?;
    caller.require(&[Role::Operator, Role::Peer, Role::Instance])
}

fn report(
    member: &Member,
    parsed: &Parsed<'_>,
    would: Result<Assurance, Problem>,
) -> Result<Value, Problem> {
    let mut body = json!({
        "wouldAcceptWrite": would.is_ok(),
        "schemaValid": true,
        "schemaErrors": [],
        // The Pilox registry says so of handles that an instance token may not write.
        "instanceHandleOk": !matches!(&would, Err(problem) if problem.code() == Code::PermissionDenied),
    });
    let rules = &member.admission_policy.rules;
    body["readiness"] = rules.readiness.report(parsed.raw(), &rules.attestation).into();
    match would {
        Ok(assurance) => body["assurance"] = assurance.as_str().into(),
        // Who may not write may not try either; and of failures of ours nothing follows.
        Err(problem)
            if problem.status() >= 500
                || matches!(problem.code(), Code::Unauthenticated | Code::WriteDisabled) =>
        {
            return Err(problem);
        }
        Err(problem) => {
            body["code"] = problem.code().as_str().into();
            body["detail"] = problem.detail().into();
        }
    }
    Ok(demanded(member, body))
}

/// What this registry demands of every record, in the words of the Pilox registry.
fn demanded(member: &Member, mut body: Value) -> Value {
    let rules = &member.admission_policy.rules;
    body["publishReadinessMode"] = rules.readiness.as_str().into();
    body["publishRequireAttestation"] = rules.attestation.required.into();
    body["publishAttestationHmacConfigured"] = rules.attestation.secret.is_some().into();
    // No request makes this registry fetch anything.
    body["publishFetchAgentCard"] = false.into();
    body["publishFetchHostAllowlistCount"] = 0.into();
    body
}
