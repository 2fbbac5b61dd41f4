//! What members answer each other, with every refusal.

use proto_types::card::Assurance;
use proto_types::{LeaseEpoch, Revision};
use registry_core::change::{Lease, Refusal, Reply, Spent};

use super::{Golden, entries, values};
use crate::world::*;

#[test]
fn each_reply_has_the_bytes_that_members_are_sent() {
    let mut golden = Golden::open("replies.txt");
    golden.every("Reply", &replies());
    golden.every("Spent", &[Spent::Fresh, Spent::Replayed, Spent::OutOfHorizon]);
    golden.every("Refusal", &[of_names(), of_documents(), of_the_state()].concat());
    golden.finish();
}

fn replies() -> Vec<Reply> {
    let revision = Revision(7);
    let mut replies = vec![
        Reply::Done(revision),
        Reply::Stored(digest(1)),
        Reply::Spent(vec![Spent::Fresh, Spent::Replayed]),
        Reply::Enqueued { revision, duplicate: true },
        Reply::Leased(Vec::new()),
        Reply::Counted { revision, counted: 2, passed_over: 1, repeated: false },
        Reply::Compacted { compacted: revision, more: true },
        Reply::Refused(Refusal::TokenSpent),
        Reply::Refused(Refusal::TaskEnded(task_id(1))),
    ];
    let epoch = LeaseEpoch(2);
    let leased = |envelope| Lease { envelope, epoch, until: START };
    replies.push(Reply::Leased(entries::envelopes().into_iter().map(leased).collect()));
    replies.extend(entries::tasks().into_iter().map(|task| Reply::Task(Box::new(task))));
    replies
}

fn of_names() -> Vec<Refusal> {
    let (kind, id) = ("record".to_owned(), handle(1).as_str().to_owned());
    vec![
        Refusal::NotFound { kind: kind.clone(), id: id.clone() },
        Refusal::Conflict { kind: kind.clone(), id: id.clone() },
        Refusal::InUse { kind: kind.clone(), id: id.clone(), why: "is hosted".to_owned() },
        Refusal::NotOwner { kind: kind.clone(), id: id.clone(), owner: origin(1) },
        Refusal::HomeElsewhere { kind: kind.clone(), id: id.clone(), home: origin(100) },
        Refusal::TrustTooLow {
            kind,
            id,
            namespace: values::namespace("acme"),
            least: Assurance::Enrolled,
        },
        Refusal::OperatorOnly { what: "quotas".to_owned() },
        Refusal::TokenSpent,
        Refusal::KeyNotEnrolled { origin: origin(1), kid: "key-1".to_owned() },
        Refusal::JoinTokenInvalid,
        Refusal::PeerNotActive { origin: origin(1), status: "suspended".to_owned() },
    ]
}

fn of_documents() -> Vec<Refusal> {
    let issuer = origin(1);
    vec![
        Refusal::StaleUpdatedAt { handle: handle(1), stored_ms: START.0 },
        Refusal::PreconditionFailed { stored: Some(digest(1)) },
        Refusal::PreconditionFailed { stored: None },
        Refusal::SequenceNotHigher { issuer: issuer.clone(), kept: 7, offered: 6 },
        Refusal::SequenceTooFar { issuer, kept: 7, offered: 9_000_000, jump_max: 1_000_000 },
        Refusal::OperationOutOfOrder { origin: origin(1), epoch: 1, seq: 2 },
        Refusal::RecoveryTooLate { origin: origin(1), taken_ms: START.0 },
        Refusal::Expired { expired_ms: START.0 },
        Refusal::WindowTooOld { ended_ms: START.0, age_ms_max: 3_600_000 },
        Refusal::TooFarAhead {
            what: "updatedAt".to_owned(),
            ahead_ms: 400_000,
            ahead_ms_max: 300_000,
        },
    ]
}

fn of_the_state() -> Vec<Refusal> {
    let what = "slots of the node".to_owned();
    vec![
        Refusal::StaleEpoch { current: LeaseEpoch(2), offered: LeaseEpoch(1) },
        Refusal::TaskEnded(task_id(1)),
        Refusal::NotLeased(envelope_id(1)),
        Refusal::Full { what: what.clone(), bound: 2, share: true },
        Refusal::Full { what, bound: 2, share: false },
        Refusal::Invalid { what: "after".to_owned(), why: "names no entry".to_owned() },
    ]
}
