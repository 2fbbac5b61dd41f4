//! An envelope is accepted once, and a lease of it is handed out once.
//!
//! Caught: `Breakage::{LyingSync, EarlyAnswer}`.

use std::collections::BTreeSet;

use registry_core::change::Reply;
use registry_core::command::Command;

use crate::seen::End;

use super::{Invariant, Verdict};

#[derive(Debug)]
pub(super) struct EnvelopesTakeEffectOnce;

impl Invariant for EnvelopesTakeEffectOnce {
    fn name(&self) -> &'static str {
        "envelopes take effect once"
    }

    fn at_end(&mut self, end: &End<'_>) -> Verdict {
        let (mut accepted, mut leased) = (BTreeSet::new(), BTreeSet::new());
        for (command, reply) in end.history.iter().flat_map(|operation| operation.accepted()) {
            match (command, reply) {
                (Command::EnqueueEnvelope(sent), Reply::Enqueued { duplicate: false, .. })
                    if !accepted.insert((&sent.source, &sent.id)) =>
                {
                    return Err(format!("envelope {} was new twice", sent.id));
                }
                (_, Reply::Leased(leases)) => {
                    for lease in leases {
                        if !leased.insert((&lease.envelope.id, lease.epoch)) {
                            return Err(format!("{:?} was handed out twice", lease));
                        }
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }
}
