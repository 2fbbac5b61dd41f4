//! A window of a gateway's report is counted once, and none after a later one.

use std::collections::BTreeMap;

use registry_core::change::Reply;
use registry_core::command::{Command, ConductCommand};

use crate::history::Operation;
use crate::seen::End;

use super::{Invariant, Verdict};

#[derive(Debug)]
pub(super) struct ReportsCountOnce;

impl Invariant for ReportsCountOnce {
    fn name(&self) -> &'static str {
        "reports count once"
    }

    fn at_end(&mut self, end: &End<'_>) -> Verdict {
        let mut counted: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for accepted in end.history.iter().flat_map(Operation::accepted) {
            if let (
                Command::Conduct(ConductCommand::Report(told)),
                Reply::Counted { revision, repeated: false, .. },
            ) = accepted
            {
                counted.entry(&told.reporter).or_default().push((*revision, told.window));
            }
        }
        for (reporter, windows) in &mut counted {
            windows.sort();
            if let Some(pair) = windows.windows(2).find(|pair| pair[0].1 >= pair[1].1) {
                return Err(format!("{reporter}: {:?} is not before {:?}", pair[0], pair[1]));
            }
        }
        Ok(())
    }
}
