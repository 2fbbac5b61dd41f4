//! Notifications of tasks, as envelopes in a queue of their own: so they are leased, tried again, given up and replayed as all
//! others are. What there is no room for is dropped: nothing here may keep a task from ending.

use proto_types::{
    CorrelationId, Digest, EnvelopeId, LeaseEpoch, Notification, Origin, QueueName, Revision,
    TaskOwner, TraceParent, WallMs,
};

use crate::bound::DAY_MS;
use crate::change::Effect;
use crate::draft::{Draft, Stop};
use crate::history::entry::ChangeKind;
use crate::view::ViewError;

use super::entry::EnvelopeEntry;
use super::queue;
use super::table::ENVELOPES;

/// For how long a receiver is tried: longer than all attempts take.
const TRIED_MS: u64 = DAY_MS;

/// Enqueues the notification of a change that the task's entry has at this revision, unless its owner has its share of the
/// queue, or that is full.
pub(crate) fn enqueue(
    draft: &mut Draft<'_>,
    notification: &Notification,
    changed: Revision,
    traceparent: Option<TraceParent>,
) -> Result<(), ViewError> {
    let document = notification.document();
    let body = Digest::of(&document);
    let mut envelope =
        EnvelopeEntry { traceparent, ..entry(notification, changed, body, draft.now()) };
    match queue::enter(draft, &envelope) {
        Ok(()) => {}
        Err(Stop::Refused(_)) => return Ok(()),
        Err(Stop::Broken(error)) => return Err(error),
    }
    draft.store(body, document);
    envelope.revision = draft.note(ChangeKind::Envelope, envelope.target.as_str(), false);
    draft.replace(&ENVELOPES, None, &envelope);
    draft.effect(Effect::EnvelopeReady(envelope.target.into()));
    Ok(())
}

fn entry(told: &Notification, changed: Revision, body: Digest, now: WallMs) -> EnvelopeEntry {
    EnvelopeEntry {
        id: id(told, changed),
        source: source(&told.owner),
        target: QueueName::push(),
        correlation: correlation(told),
        body,
        traceparent: None,
        accepted_at: now,
        expires_at: now.plus_ms(TRIED_MS),
        epoch: LeaseEpoch(0),
        leased_until: WallMs(0),
        deliveries: 0,
        revision: Revision::default(),
        acked: None,
        shared: true,
        // A few words, and as many of them as the queue has places.
        bytes: None,
        keep_undelivered: true,
        failures: 0,
        attempts: Vec::new(),
        dead: None,
        ordering_key: None,
        hops: Vec::new(),
    }
}

/// One for each change and receiver: no revision comes twice.
fn id(notification: &Notification, changed: Revision) -> EnvelopeId {
    let Notification { task, config, .. } = notification;
    let (task, config) = (task.as_str().as_bytes(), config.as_str().as_bytes());
    let digest = Digest::of_parts(&[task, &[0], config, &[0], &changed.0.to_be_bytes()]);
    EnvelopeId::parse(&format!("push-{}", digest.hex())).expect("hexadecimal digits are visible")
}

fn correlation(notification: &Notification) -> CorrelationId {
    let named = format!("a2a-task-{}", notification.task);
    CorrelationId::parse(&named).expect("a task id is visible, and of 128 bytes at most")
}

/// Whose share of the queue it takes. An owner that is no origin has one under a name that is nobody's (RFC 2606, section 2).
fn source(owner: &TaskOwner) -> Origin {
    Origin::parse(owner.as_str()).unwrap_or_else(|_| {
        let digest = Digest::of(owner.as_str().as_bytes()).hex();
        let named = format!("https://{}.invalid", &digest[..32]);
        Origin::parse(&named).expect("hexadecimal digits are a label of a host")
    })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn owners_that_are_no_origins_have_shares_of_their_own() {
        let of = |owner: &str| source(&TaskOwner::parse(owner).unwrap());
        assert_eq!(of("https://a.example").as_str(), "https://a.example");
        assert_ne!(of("key:one"), of("key:two"));
        assert!(of("key:one").as_str().ends_with(".invalid"));
    }

    #[test]
    fn each_change_has_an_id_of_its_own_for_each_receiver() {
        let of = |task: &str, config: &str, revision| {
            let notification = Notification {
                task: task.parse().unwrap(),
                owner: "operator".parse().unwrap(),
                config: config.parse().unwrap(),
                turn: 0,
            };
            (id(&notification, Revision(revision)), correlation(&notification))
        };
        assert_eq!(of("t", "c", 1), of("t", "c", 1));
        assert_ne!(of("t", "c", 1).0, of("t", "c", 2).0);
        assert_ne!(of("t", "c", 1).0, of("t", "d", 1).0);
        assert_eq!(of(&"t".repeat(128), "c", 1).1.as_str().len(), 137);
    }
}
