//! The total order has every revision once, and its lines never go back in time.

use proto_types::Revision;
use registry_core::query;

use crate::seen::End;

use super::{Invariant, Verdict};

#[derive(Debug)]
pub(super) struct RevisionsAreToldOnce;

impl Invariant for RevisionsAreToldOnce {
    fn name(&self) -> &'static str {
        "every revision is told once"
    }

    fn at_end(&mut self, end: &End<'_>) -> Verdict {
        let memory = &end.machine().memory;
        let said = query::changes(memory, Revision(0), usize::MAX).expect("memory never fails");
        let newest = query::revision(memory).expect("memory never fails");
        let told: Vec<u64> = said.iter().map(|event| event.revision.0).collect();
        if told != (1..=newest.0).collect::<Vec<_>>() {
            return Err(format!("the changes are not 1 to {newest:?}"));
        }
        match said.windows(2).find(|pair| pair[0].at > pair[1].at) {
            Some(pair) => Err(format!("{:?} is later than the one after it", pair[0])),
            None => Ok(()),
        }
    }
}
