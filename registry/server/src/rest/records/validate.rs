//! The dry run: what publishing a record would come to.
//!
//! It decides how a refusal is reported without being one; what is refused, the same steps decide as when
//! it is published. It must never store anything, nor spend a token.

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, Request, State};
use http::StatusCode;
use proto_types::Stamp;
use proto_types::pilox::record::{self, Invalid, ParsedRecord};
use registry_api::decode::record::Terms;
use registry_api::decode::{Conditions, Put};
use registry_api::{Code, Principal, Problem, Role, decode};
use registry_core::change::Reply;
use registry_core::command::Proposal;
use registry_core::view::View;
use serde_json::{Value, json};

use crate::member::Member;

use super::super::conditions::conditions;
use super::super::{Answered, Shared, caller, credential, json, json_body, parameters};
use super::Publishing;

pub(super) async fn validate(
    State(member): Shared,
    query: Result<Query<Publishing>, QueryRejection>,
    request: Request,
) -> Answered {
    let parts = RequestParts {
        terms: parameters(query)?.terms()?,
        caller: caller(&member, request.headers()).await?,
        credential: credential(request.headers())?,
        conditions: conditions(request.headers())?,
    };
    let document = json_body(request).await?;
    let body = match record::parse(&document) {
        Ok(parsed) => {
            let would = dry_run(&member, parts, &document).await;
            report(&member, &parsed, would)?
        }
        Err(invalid @ Invalid::Schema(_)) => {
            may_try(&member, &parts.caller)?;
            let errors = decode::record::faults(&invalid);
            let found =
                json!({ "wouldAcceptWrite": false, "schemaValid": false, "schemaErrors": errors });
            demanded(&member, found)
        }
        Err(_) => return unread(&parts.caller, &document, &member),
    };
    Ok(json(StatusCode::OK, &body))
}

/// What comes with the document.
struct RequestParts {
    terms: Terms,
    caller: Principal,
    credential: Option<String>,
    conditions: Conditions,
}

/// Holds if writes are taken, and the caller could make one: no signature speaks for what is no record.
fn may_try(member: &Member, caller: &Principal) -> Result<(), Problem> {
    member.admission_policy.rules.open()?;
    caller.require(&[Role::Operator, Role::Peer, Role::Instance])
}

/// A body that is not JSON is refused as publishing refuses it.
fn unread(caller: &Principal, document: &[u8], member: &Member) -> Answered {
    match decode::record::put(caller, document, Terms::default(), &member.registry.view().0) {
        Err(problem) => Err(problem.into()),
        Ok(_) => Err(Problem::internal("a record parsed once and not again").into()),
    }
}

async fn dry_run(member: &Member, parts: RequestParts, document: &[u8]) -> Result<Put, Problem> {
    let view = member.strong().await?.view;
    let mut put = decode::record::put(&parts.caller, document, parts.terms, &view)?;
    let question = member.check_admission(&put, parts.credential.as_deref(), &view)?;
    put.proposal = parts.conditions.on(put.proposal);
    dry_apply(member, &view, &put.proposal)?;
    drop(view);
    member.ask_policy_engine(question).await?;
    Ok(put)
}

/// What the state machine would decide, were it proposed now.
fn dry_apply(member: &Member, view: &dyn View, proposal: &Proposal) -> Result<(), Problem> {
    let stamp = Stamp { now: member.clock.now() };
    let change = registry_core::apply_batch(view, stamp, std::slice::from_ref(proposal))?;
    match change.replies.into_iter().flatten().next_back() {
        Some(Reply::Refused(refusal)) => Err(refusal.into()),
        _ => Ok(()),
    }
}

fn report(
    member: &Member,
    parsed: &ParsedRecord,
    would: Result<Put, Problem>,
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
        Ok(put) => body["assurance"] = put.assurance.as_str().into(),
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
