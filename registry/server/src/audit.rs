//! The audit of calls: every administrative act is recorded, done or refused.
//!
//! The line of an act that is done is committed in the act's own proposal, before it; `registry-core` says what is an act
//! (`administrative.rs`) and chains the lines (`audit/apply.rs`). Lines about refusals cost the cluster a few writes a
//! second at most.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Instant;

use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use deploy_service::Source;
use http::StatusCode;
use proto_types::audit::plain;
use proto_types::metadata::CODE_KEY;
use registry_api::{Code, Principal};
use registry_core::administrative::act;
use registry_core::command::{Audit, Command, LogCommand, Proposal};
use registry_raft::Registry;

/// Lines about refusals that may come at once.
const REFUSALS_BURST: f64 = 20.0;

/// Lines about refusals a second, in the long run: a caller that is refused all day must not fill the
/// audit, nor the log. Arbitrary.
const REFUSALS_PER_SECOND: f64 = 1.0;

/// Where a caller or a proxy says which request this is.
const REQUEST_ID: &str = "x-request-id";

/// Longer ids are cut: they are for finding a request again, not for telling a story.
const REQUEST_ID_CHARS_MAX: usize = 64;

tokio::task_local! {
    static CALL: Arc<Call>;
}

/// One call while it is handled.
#[derive(Debug)]
struct Call {
    id: String,
    who: OnceLock<Principal>,
    source: Option<Source>,
}

impl Call {
    fn of(request: &Request<Body>) -> Self {
        let given = request.headers().get(REQUEST_ID).and_then(|id| id.to_str().ok());
        let id = plain(given.unwrap_or_default()).chars().take(REQUEST_ID_CHARS_MAX).collect();
        let source = request.extensions().get::<Source>().copied();
        Self { id, who: OnceLock::new(), source }
    }
}

/// The way of refusals into the audit.
#[derive(Debug)]
pub(crate) struct Refusals {
    registry: Registry,
    left: Mutex<Bucket>,
}

/// What is left of the lines about refusals.
#[derive(Debug)]
struct Bucket {
    left: f64,
    at: Instant,
    suppressed: u64,
}

impl Bucket {
    /// A place for one line, with the number of those that got none since the last; `None` if there
    /// is no place.
    fn take(&mut self, now: Instant) -> Option<u64> {
        let gained = now.saturating_duration_since(self.at).as_secs_f64() * REFUSALS_PER_SECOND;
        self.left = (self.left + gained).min(REFUSALS_BURST);
        self.at = now;
        if self.left < 1.0 {
            self.suppressed += 1;
            return None;
        }
        self.left -= 1.0;
        Some(std::mem::take(&mut self.suppressed))
    }
}

impl Refusals {
    /// Refusals of this member.
    pub(crate) fn new(registry: Registry) -> Self {
        let left = Bucket { left: REFUSALS_BURST, at: Instant::now(), suppressed: 0 };
        Self { registry, left: Mutex::new(left) }
    }

    /// Notes that a proposal's acts were refused by the state machine.
    pub(crate) fn note_acts(&self, acts: &[Act], code: Code) {
        for (action, target) in acts {
            self.note(action, target, code.as_str());
        }
    }

    /// Notes a refusal, if there is still a place. Nobody waits for it.
    pub(crate) fn note(&self, action: &str, target: &str, code: &str) {
        let place = self.left.lock().unwrap_or_else(PoisonError::into_inner).take(Instant::now());
        let outcome = match place {
            None => return,
            Some(0) => code.to_owned(),
            Some(more) => format!("{code}; {more} more refusals before it have no line"),
        };
        let proposal = Proposal { commands: vec![line(action, target, &outcome)] };
        let registry = self.registry.clone();
        tokio::spawn(async move {
            if let Err(why) = registry.write(proposal, None).await {
                tracing::warn!(%why, "a refusal is not in the audit");
            }
        });
    }
}

/// Remembers who calls, as soon as it is known.
pub(crate) fn called_by(principal: &Principal) {
    if *principal != Principal::Anonymous {
        let _ = CALL.try_with(|call| call.who.set(principal.clone()));
    }
}

/// Who calls, as far as it is known, and from where; `None` where the registry acts by itself.
pub(crate) fn caller() -> Option<(Principal, Option<Source>)> {
    let of =
        |call: &Arc<Call>| (call.who.get().cloned().unwrap_or(Principal::Anonymous), call.source);
    CALL.try_with(of).ok()
}

/// Where the call that is handled comes from; `None` where there is no call, or no socket.
pub(crate) fn source() -> Option<Source> {
    CALL.try_with(|call| call.source).ok().flatten()
}

/// An act of a proposal: what it is called, and what it is about.
pub(crate) type Act = (&'static str, String);

/// The acts of a proposal.
pub(crate) fn acts(proposal: &Proposal) -> Vec<Act> {
    proposal.commands.iter().filter_map(act).collect()
}

/// The proposal with a line for each of its acts before its commands.
pub(crate) fn noted(mut proposal: Proposal, acts: &[Act]) -> Proposal {
    let lines = acts.iter().map(|(action, target)| line(action, target, "done"));
    proposal.commands.splice(0..0, lines);
    proposal
}

fn line(action: &str, target: &str, outcome: &str) -> Command {
    let call = CALL.try_with(Arc::clone).ok();
    let who = call.as_ref().map(|call| match call.who.get() {
        Some(Principal::Operator) => "operator".to_owned(),
        Some(other) => plain(&format!("{other:?}")),
        // The document, a join token or a proof was the authority, not a credential.
        None => "anonymous".to_owned(),
    });
    Command::Log(LogCommand::Audit(Audit {
        who: who.unwrap_or_else(|| "registry".to_owned()),
        action: action.to_owned(),
        target: target.to_owned(),
        outcome: outcome.to_owned(),
        request_id: call.map(|call| call.id.clone()).unwrap_or_default(),
    }))
}

/// Around every call: gives it an id, and notes that somebody known was not allowed to.
pub(crate) async fn watch<F: Future<Output = Response>>(
    refusals: &Refusals,
    request: Request<Body>,
    handle: impl FnOnce(Request<Body>) -> F,
) -> Response {
    let (method, uri) = (request.method().clone(), request.uri().clone());
    let call = Arc::new(Call::of(&request));
    CALL.scope(Arc::clone(&call), async move {
        let response = handle(request).await;
        if call.who.get().is_some() && forbidden(&response) {
            let action = plain(&format!("{method} {}", uri.path()));
            refusals.note(&action, "", Code::PermissionDenied.as_str());
        }
        response
    })
    .await
}

fn forbidden(response: &Response) -> bool {
    let code = response.headers().get(CODE_KEY);
    response.status() == StatusCode::FORBIDDEN
        || code.is_some_and(|code| code == Code::PermissionDenied.as_str())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use registry_core::command::{PutBody, RevokePeer};

    use super::*;

    #[test]
    fn a_flood_of_refusals_gets_a_bounded_number_of_lines() {
        let start = Instant::now();
        let mut bucket = Bucket { left: REFUSALS_BURST, at: start, suppressed: 0 };
        let taken = (0..10_000).filter(|_| bucket.take(start).is_some()).count();
        assert_eq!(taken, 20);
        assert_eq!(bucket.take(start + Duration::from_secs(3)), Some(9_980));
        assert_eq!(bucket.take(start + Duration::from_secs(3)), Some(0));
    }

    #[tokio::test]
    async fn what_is_asked_during_a_call_knows_where_the_call_comes_from() {
        let from = Source::of("192.0.2.1".parse().expect("an address"));
        let mut request = Request::new(Body::empty());
        request.extensions_mut().insert(from);
        let call = Arc::new(Call::of(&request));
        assert_eq!(CALL.scope(call, async { source() }).await, Some(from));
        assert_eq!(source(), None, "outside of a call");
    }

    #[test]
    fn every_act_of_a_proposal_has_its_line_before_it() {
        let revoke = |name: &str| {
            Command::RevokePeer(RevokePeer {
                origin: proto_types::Origin::parse(name).expect("an origin"),
            })
        };
        let body = Command::PutBody(PutBody { bytes: vec![1] });
        let commands = vec![body.clone(), revoke("https://a.example"), revoke("https://b.example")];
        let proposal = Proposal { commands: commands.clone() };
        let acts = acts(&proposal);
        let noted = noted(proposal, &acts);
        assert_eq!((acts.len(), noted.commands.len()), (2, 5));
        assert_eq!(noted.commands[2..], commands);
        let Command::Log(LogCommand::Audit(line)) = &noted.commands[1] else {
            panic!("no line: {noted:?}");
        };
        assert_eq!((&*line.target, &*line.who), ("https://b.example", "registry"));
    }
}
