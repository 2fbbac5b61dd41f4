//! WAN envelopes: accept, lease, and how that went; dead letters, which are the operator's. The gateway has verified the
//! envelope, and nothing here looks into it.

use std::time::Duration;

use proto_types::outcome::printable;
use proto_types::{
    CorrelationId, EnvelopeId, LeaseEpoch, LeaseLimit, LeaseTtl, Origin, QueueName, Reason,
    Revision, WallMs,
};
use proto_wire::registry::v1 as wire;
use registry_core::command::{
    AckEnvelope, Command, DropEnvelope, EnqueueEnvelope, FailEnvelope, FleetCommand,
    LeaseEnvelopes, Proposal, ReplayEnvelope,
};
use registry_core::entry::EnvelopeEntry;
use registry_core::view::View;

use crate::cursor::Cursors;
use crate::field;
use crate::identity::{Principal, Role};
use crate::problem::Problem;

/// How long a caller may wait for the first envelope.
const WAIT_MS_MAX: u64 = 60_000;

/// Instances that an envelope may have passed: as many as a gateway can be told to let pass.
const HOPS_MAX: usize = 32;

/// How long a failed envelope may be put off.
const RETRY_IN_MS_MAX: u64 = DAY_MS;

/// Attempts that a holder may have made. Arbitrary: one a minute for most of a day.
const ATTEMPTS_MAX: u32 = 1_000;

/// Bytes of a reason that are kept: ten of them are kept with each envelope, and counted nowhere.
const REASON_BYTES_MAX: usize = 256;

/// How long a dead letter that is replayed is tried anew: somebody has just looked after its target.
const REPLAYED_MS: u64 = DAY_MS;

const DAY_MS: u64 = 86_400_000;

/// Reads an envelope to accept, with the token that is spent with it.
///
/// # Errors
/// As [`Principal::require`], `invalid-argument`, `body-too-large`, `internal` if the view fails.
pub fn enqueue(
    caller: &Principal,
    request: &wire::EnqueueEnvelopeRequest,
    view: &dyn View,
) -> Result<Proposal, Problem> {
    caller.require(&[Role::Gateway])?;
    let (id, source, target, correlation) = names(request)?;
    let traceparent = field::optional("traceparent", &request.traceparent)?;
    let expires_at = field::time("expires_at_ms", request.expires_at_ms)?;
    let ordering_key = field::optional("ordering_key", &request.ordering_key)?;
    let hops = hops(&request.hops)?;
    let token = super::token::payment(caller, request.token.as_ref(), view)?;
    super::with_body(&request.document, |body| {
        Command::EnqueueEnvelope(EnqueueEnvelope {
            id,
            source,
            target,
            correlation,
            body,
            traceparent,
            expires_at,
            shared: true,
            metered: true,
            token,
            keep_undelivered: true,
            ordering_key,
            hops,
        })
    })
}

/// What an envelope is called, whom it is of, whom it is for, and what it belongs to.
fn names(
    request: &wire::EnqueueEnvelopeRequest,
) -> Result<(EnvelopeId, Origin, QueueName, CorrelationId), Problem> {
    let (id, source) = (field::read("id", &request.id)?, field::read("source", &request.source)?);
    let target: QueueName = field::read("target", &request.target)?;
    if target.is_reserved() {
        return Err(Problem::argument("target", "no envelope of a peer is for this queue"));
    }
    Ok((id, source, target, field::read("correlation", &request.correlation)?))
}

/// Who has handed an envelope on.
fn hops(origins: &[String]) -> Result<Vec<Origin>, Problem> {
    if origins.len() > HOPS_MAX {
        return Err(Problem::argument("hops", format_args!("at most {HOPS_MAX}")));
    }
    origins.iter().map(|origin| field::read("hops", origin)).collect()
}

/// Reads a lease, and how long its caller waits for the first envelope.
pub fn lease(
    caller: &Principal,
    request: &wire::LeaseEnvelopesRequest,
) -> Result<(LeaseEnvelopes, Duration), Problem> {
    caller.require(&[Role::Gateway, Role::Operator])?;
    let max = LeaseLimit::try_from(request.max).map_err(|why| Problem::argument("max", why))?;
    let ttl_ms =
        LeaseTtl::try_from(request.ttl_ms).map_err(|why| Problem::argument("ttl_ms", why))?;
    if request.wait_ms > WAIT_MS_MAX {
        return Err(Problem::argument("wait_ms", format_args!("at most {WAIT_MS_MAX}")));
    }
    let target = queue(caller, &request.target)?;
    let wait = Duration::from_millis(request.wait_ms);
    Ok((LeaseEnvelopes { target, max, ttl_ms }, wait))
}

/// Reads an acknowledgement.
pub fn ack(caller: &Principal, request: &wire::AckEnvelopeRequest) -> Result<Proposal, Problem> {
    caller.require(&[Role::Gateway, Role::Operator])?;
    Ok(super::one(Command::AckEnvelope(AckEnvelope {
        target: queue(caller, &request.target)?,
        source: field::read("source", &request.source)?,
        id: field::read("id", &request.id)?,
        epoch: LeaseEpoch(request.epoch),
    })))
}

/// The queue that is meant; what is in the reserved one gateways alone know what to do with.
fn queue(caller: &Principal, target: &str) -> Result<QueueName, Problem> {
    let target: QueueName = field::read("target", target)?;
    if target.is_reserved() {
        caller.require(&[Role::Gateway])?;
    }
    Ok(target)
}

/// Reads why an envelope could not be delivered; `now` is when that is told.
pub fn fail(
    caller: &Principal,
    request: &wire::FailEnvelopeRequest,
    now: WallMs,
) -> Result<Proposal, Problem> {
    caller.require(&[Role::Gateway, Role::Operator])?;
    if request.retry_in_ms > RETRY_IN_MS_MAX {
        return Err(Problem::argument("retry_in_ms", format_args!("at most {RETRY_IN_MS_MAX}")));
    }
    if !(1..=ATTEMPTS_MAX).contains(&request.attempts_max) {
        return Err(Problem::argument("attempts_max", format_args!("1 to {ATTEMPTS_MAX}")));
    }
    let fail = FleetCommand::FailEnvelope(FailEnvelope {
        target: queue(caller, &request.target)?,
        source: field::read("source", &request.source)?,
        id: field::read("id", &request.id)?,
        epoch: LeaseEpoch(request.epoch),
        reason: Reason::given(&printable(&request.reason, REASON_BYTES_MAX)),
        not_before: now.plus_ms(request.retry_in_ms),
        attempts_max: request.attempts_max,
    });
    Ok(super::one(fail.into()))
}

/// A page of dead letters, as it is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetters {
    /// Whose; `None` of any.
    pub target: Option<QueueName>,
    /// How many the page may have.
    pub limit: usize,
    /// Behind which it begins: its target, and since when it is one.
    pub after: Option<(QueueName, Revision)>,
}

/// Reads which page of dead letters is asked for.
pub fn dead_letters(
    caller: &Principal,
    request: &wire::ListDeadLettersRequest,
    cursors: Cursors,
) -> Result<DeadLetters, Problem> {
    caller.require(&[Role::Operator])?;
    let target = field::optional("target", &request.target)?;
    let limit = field::page(request.limit)?;
    let after = cursors.after_by("cursor", &request.cursor, |text| {
        let (since, target) = text.split_once(' ')?;
        Some((target.parse().ok()?, Revision(since.parse().ok()?)))
    })?;
    Ok(DeadLetters { target, limit, after })
}

/// The cursor behind a page; empty at the end.
#[must_use]
pub fn dead_letters_next(page: &[EnvelopeEntry], limit: usize, cursors: Cursors) -> String {
    let last = page.last().filter(|_| page.len() == limit);
    let place = last.and_then(|last| last.dead.map(|dead| (dead.revision, &last.target)));
    let name = place.map(|(since, target)| format!("{} {target}", since.0));
    cursors.cursor(&name.unwrap_or_default())
}

/// Reads that a dead letter is to be tried again, as of `now`.
pub fn replay(
    caller: &Principal,
    name: &wire::DeadLetterName,
    now: WallMs,
) -> Result<Proposal, Problem> {
    caller.require(&[Role::Operator])?;
    let (source, id) = (field::read("source", &name.source)?, field::read("id", &name.id)?);
    let expires_at = now.plus_ms(REPLAYED_MS);
    let replay = FleetCommand::ReplayEnvelope(ReplayEnvelope { source, id, expires_at });
    Ok(super::one(replay.into()))
}

/// Reads that a dead letter is to be forgotten.
pub fn discard(caller: &Principal, name: &wire::DeadLetterName) -> Result<Proposal, Problem> {
    caller.require(&[Role::Operator])?;
    let (source, id) = (field::read("source", &name.source)?, field::read("id", &name.id)?);
    Ok(super::one(FleetCommand::DropEnvelope(DropEnvelope { source, id }).into()))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use proto_types::{Digest, WallMs};
    use registry_core::command::SpendToken;
    use registry_core::view::Memory;

    use super::*;

    #[test]
    fn the_bytes_of_every_envelope_are_counted_and_its_token_is_spent_with_it() {
        let key = vec![7; 32].into();
        let token =
            wire::TokenUse { key, remember_until_ms: 400_000, issued_at_ms: 1, epoch: None };
        let request = wire::EnqueueEnvelopeRequest {
            id: "envelope-1".to_owned(),
            source: "https://a.example".to_owned(),
            target: "https://b.example".to_owned(),
            correlation: "correlation-1".to_owned(),
            document: "{}".into(),
            expires_at_ms: 1,
            token: Some(token),
            ..Default::default()
        };
        let gateway = Principal::Gateway("g1".parse().unwrap());
        let proposal = enqueue(&gateway, &request, &Memory::default()).unwrap();
        let [_, Command::EnqueueEnvelope(envelope)] = &proposal.commands[..] else {
            panic!("{proposal:?}");
        };
        assert_eq!((envelope.shared, envelope.metered), (true, true));
        assert!(envelope.keep_undelivered);
        let spent = SpendToken { hash: Digest([7; 32]), until: WallMs(400_000) };
        assert_eq!(envelope.token, Some(spent));
    }

    #[test]
    fn the_reserved_queue_is_leased_by_gateways_alone_and_takes_no_envelope() {
        let gateway = Principal::Gateway("g1".parse().unwrap());
        let target = QueueName::PUSH.to_owned();
        let one = wire::LeaseEnvelopesRequest {
            target: target.clone(),
            max: 1,
            ttl_ms: 1_000,
            wait_ms: 0,
        };
        assert!(lease(&gateway, &one).is_ok() && lease(&Principal::Operator, &one).is_err());
        let (source, id) = ("https://a.example".to_owned(), "e1".to_owned());
        let done = wire::AckEnvelopeRequest { target: target.clone(), source, id, epoch: 1 };
        assert!(ack(&gateway, &done).is_ok() && ack(&Principal::Operator, &done).is_err());
        let request = wire::EnqueueEnvelopeRequest {
            id: "envelope-1".to_owned(),
            source: "https://a.example".to_owned(),
            target,
            correlation: "correlation-1".to_owned(),
            document: "{}".into(),
            expires_at_ms: 1,
            ..Default::default()
        };
        let refused = enqueue(&gateway, &request, &Memory::default()).unwrap_err();
        assert!(format!("{refused:?}").contains("target"), "{refused:?}");
    }

    fn failed(edit: fn(&mut wire::FailEnvelopeRequest)) -> Result<Proposal, Problem> {
        let mut request = wire::FailEnvelopeRequest {
            target: "https://b.example".to_owned(),
            source: "https://a.example".to_owned(),
            id: "envelope-1".to_owned(),
            epoch: 1,
            reason: "status 503".to_owned(),
            retry_in_ms: 1_000,
            attempts_max: 8,
        };
        edit(&mut request);
        fail(&Principal::Gateway("g1".parse().unwrap()), &request, WallMs(5))
    }

    #[test]
    fn a_failure_is_put_off_from_the_registrys_time_and_its_reason_is_one_bounded_line() {
        let told =
            |edit: fn(&mut wire::FailEnvelopeRequest)| match failed(edit).unwrap().commands.pop() {
                Some(Command::Fleet(FleetCommand::FailEnvelope(fail))) => fail,
                other => panic!("{other:?}"),
            };
        let plain = told(|_| ());
        assert_eq!((plain.not_before, plain.reason.as_str()), (WallMs(1_005), "status 503"));
        let long = told(|request| request.reason = "\n".repeat(1_000));
        assert!(long.reason.as_str().len() <= 256 && long.reason.as_str().starts_with("\\n"));
        assert_eq!(told(|request| request.reason.clear()).reason.as_str(), "no reason given");
        let refused: [fn(&mut wire::FailEnvelopeRequest); 3] = [
            |request| request.retry_in_ms = 86_400_001,
            |request| request.attempts_max = 0,
            |request| request.attempts_max = 1_001,
        ];
        assert!(refused.into_iter().all(|edit| failed(edit).is_err()));
    }

    #[test]
    fn dead_letters_are_the_operators_and_a_cursor_names_the_last_of_a_page() {
        let cursors = crate::cursor::List::DeadLetters.of(0);
        let cursor = cursors.cursor("7 urn:a b");
        let request = wire::ListDeadLettersRequest { cursor, ..Default::default() };
        let page = dead_letters(&Principal::Operator, &request, cursors).unwrap();
        assert_eq!(page.after, Some(("urn:a b".parse().unwrap(), Revision(7))));
        assert_eq!((page.target, page.limit), (None, 100));
        let gateway = Principal::Gateway("g1".parse().unwrap());
        assert!(dead_letters(&gateway, &request, cursors).is_err());
        let name = wire::DeadLetterName {
            source: "https://a.example".to_owned(),
            id: "envelope-1".to_owned(),
        };
        assert!(replay(&gateway, &name, WallMs(1)).is_err() && discard(&gateway, &name).is_err());
        assert!(replay(&Principal::Operator, &name, WallMs(1)).is_ok());
        assert_eq!(dead_letters_next(&[], 1, cursors), "");
    }
}
