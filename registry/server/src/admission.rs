//! The admission of a record or card: the operator's steps, the policy engine, then the proposal that spends the caller's
//! token with its effect. Nothing outside is asked about what the registry itself refuses.

use proto_types::WallMs;
use registry_api::Problem;
use registry_api::admission::{Rules, Submission, decision};
use registry_api::decode::Put;
use serde_json::Value;

use crate::pdp::DecisionPoint;

/// What the operator demands of what is published.
#[derive(Debug, Default)]
pub(crate) struct AdmissionPolicy {
    pub(crate) rules: Rules,
    pub(crate) decision_point: Option<DecisionPoint>,
}

impl AdmissionPolicy {
    /// Holds if the document passes every step that needs no I/O; gives what the policy engine is to
    /// be asked, if there is one. The caller has authority already; this is about what it brings.
    pub(crate) fn check(
        &self,
        put: &Put,
        document: &Value,
        credential: Option<&str>,
        now: WallMs,
    ) -> Result<Question, Problem> {
        let submission = Submission {
            kind: put.kind,
            handle: &put.handle,
            document,
            card_urls: &put.card_urls,
            assurance: put.assurance.as_str(),
            owner: put.owner.as_ref(),
            caller: put.caller.as_ref(),
            credential,
        };
        self.rules.check(&submission, &put.policy, now)?;
        let point = self.decision_point.as_ref();
        Ok(Question(point.map(|point| decision::question(&submission, now, point.dialect()))))
    }

    /// Holds if the policy engine says yes, or there is none.
    pub(crate) async fn ask_policy_engine(
        &self,
        Question(question): Question,
    ) -> Result<(), Problem> {
        match (&self.decision_point, question) {
            (Some(point), Some(question)) => point.ask(question).await,
            _ => Ok(()),
        }
    }
}

/// What the policy engine is to be asked.
#[must_use]
pub(crate) struct Question(Option<Vec<u8>>);
