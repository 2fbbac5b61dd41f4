//! The answer to a failed condition: the stored version is told only to a caller that sees the whole entry.

use proto_types::Handle;
use registry_api::{Code, Principal, Problem};
use registry_core::change::{Refusal, Reply};
use registry_core::command::Proposal;
use registry_core::entry::{ImportKind, Scoped as _};
use registry_core::query;
use registry_core::viewer::Disclosure;
use registry_raft::Term;
use serde_json::Value;

use super::Member;

impl Member {
    /// As [`Member::write`], or as [`Member::propose_in`] where a term is named, of this caller's write of this entry.
    pub(crate) async fn write_as(
        &self,
        caller: &Principal,
        entry: (ImportKind, &Handle),
        (proposal, term): (Proposal, Option<Term>),
    ) -> Result<Reply, Problem> {
        let written = match term {
            Some(term) => self.propose_in(term, proposal).await,
            None => self.write(proposal).await,
        };
        match written {
            Err(problem) => Err(self.error_reply(problem, caller, entry).await),
            done => done,
        }
    }

    /// The refusal as this caller may hear it. A failed condition says to who does not see all of the entry what it says
    /// where nothing is stored.
    async fn error_reply(
        &self,
        problem: Problem,
        caller: &Principal,
        entry: (ImportKind, &Handle),
    ) -> Problem {
        if problem.code() != Code::PreconditionFailed || *caller == Principal::Operator {
            return problem;
        }
        // Where that is not known, the reply names no version.
        match self.sees_stored(&problem, caller, entry).await {
            Ok(true) => problem,
            Ok(false) | Err(_) => Refusal::PreconditionFailed { stored: None }.into(),
        }
    }

    /// Whether the version that the refusal names is one that the caller sees. A member that lags may not know yet that
    /// it is hidden, so a majority is asked.
    async fn sees_stored(
        &self,
        problem: &Problem,
        caller: &Principal,
        (kind, handle): (ImportKind, &Handle),
    ) -> Result<bool, Problem> {
        let view = self.strong().await?.view;
        let stored = match kind {
            ImportKind::Record => {
                let record = query::record(&view, handle)?;
                record.and_then(|record| Some((record.digest?, record.scope())))
            }
            ImportKind::Card => query::card(&view, handle)?.map(|card| (card.digest, card.scope())),
        };
        let viewer = caller.viewer(&view)?;
        let named = problem.extra("stored").and_then(Value::as_str);
        Ok(stored.is_some_and(|(digest, scope)| {
            named == Some(&*digest.to_string()) && viewer.disclosure(&scope) == Disclosure::Whole
        }))
    }
}
