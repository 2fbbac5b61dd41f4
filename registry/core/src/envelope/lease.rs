//! The lease and the acknowledgement of envelopes, each under a lease epoch. An envelope is leased to one holder at a
//! time, and a holder with an older epoch cannot take it from its queue.

use crate::change::{Lease, Refusal, Reply};
use crate::draft::{Draft, Outcome};
use crate::epoch;
use crate::history::entry::ChangeKind;
use crate::layout;
use crate::view::{Space, ViewError};

use super::apply::{leave_queue, sweep};
use super::command::{AckEnvelope, LeaseEnvelopes};
use super::entry::{Acked, EnvelopeEntry};
use super::table::{self, ENVELOPES, envelope_key};

/// Places read at a time; leases are near the front, so that one page is the rule.
const SCAN_PAGE: usize = 256;

pub(crate) fn lease(draft: &mut Draft<'_>, command: &LeaseEnvelopes) -> Outcome {
    let LeaseEnvelopes { target, max, ttl_ms } = command;
    sweep(draft)?;
    let until = draft.now().plus_ms((*ttl_ms).into());
    let mut leases = Vec::new();
    for key in ready(draft, target.as_str(), u32::from(*max) as usize)? {
        let kept = draft.existing(&ENVELOPES, &key)?;
        // A claim is no fact of the directory: watchers do not see it, so it takes no revision.
        let envelope = EnvelopeEntry {
            epoch: epoch::next_lease(draft.view(), kept.epoch)?,
            leased_until: until,
            deliveries: kept.deliveries.saturating_add(1),
            ..kept.clone()
        };
        draft.replace(&ENVELOPES, Some(&kept), &envelope);
        leases.push(Lease { epoch: envelope.epoch, until, envelope });
    }
    Ok(Reply::Leased(leases))
}

/// Takes an envelope from its queue. A lease that ran out still counts while nobody else has leased
/// the envelope: it took effect, and delivering it again would help nobody.
pub(crate) fn ack(draft: &mut Draft<'_>, command: &AckEnvelope) -> Outcome {
    let (target, id, epoch) = (&command.target, &command.id, command.epoch);
    let kept = draft.entry(&ENVELOPES, &envelope_key(&command.source, id))?;
    let Some(kept) = kept.filter(|kept| kept.target == *target) else {
        let (kind, id) = (ENVELOPES.name().to_owned(), id.to_string());
        return Err(Refusal::NotFound { kind, id }.into());
    };
    match kept.acked {
        Some(acked) if acked.epoch == epoch => return Ok(Reply::Done(acked.revision)),
        None if kept.epoch == epoch && kept.deliveries > 0 => {}
        _ => return Err(Refusal::NotLeased(id.clone()).into()),
    }
    leave_queue(draft, &kept)?;
    let revision = draft.note(ChangeKind::Envelope, target.as_str(), true);
    let acked = EnvelopeEntry { acked: Some(Acked { epoch, revision }), ..kept.clone() };
    draft.replace(&ENVELOPES, Some(&kept), &acked);
    Ok(Reply::Done(revision))
}

/// The oldest envelopes of a queue that nobody holds; a queue's bound bounds the scan.
fn ready(draft: &Draft<'_>, target: &str, max: usize) -> Result<Vec<String>, ViewError> {
    let mut from = table::queue(target);
    let to = layout::past(&from);
    let mut found = Vec::new();
    loop {
        let page = draft.view().range(Space::Index, &from, &to, SCAN_PAGE)?;
        for (_, value) in &page {
            let place = table::place(value)?;
            if place.leased_until <= draft.now() && place.expires_at > draft.now() {
                found.push(envelope_key(&place.source, &place.id));
            }
            if found.len() == max {
                return Ok(found);
            }
        }
        match page.last() {
            Some((last, _)) if page.len() == SCAN_PAGE => from = layout::after(last),
            _ => return Ok(found),
        }
    }
}
