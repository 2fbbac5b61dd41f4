//! Every member's state is whole: what is derived is what its entries say, and what is counted is what is there.
//!
//! The check is the one that `cluster verify` makes of a copy; it reads what `apply` keeps in line with every write.

use registry_core::verify;

use crate::seen::End;

use super::{Invariant, Verdict};

#[derive(Debug)]
pub(super) struct StatesVerify;

impl Invariant for StatesVerify {
    fn name(&self) -> &'static str {
        "states verify"
    }

    fn at_end(&mut self, end: &End<'_>) -> Verdict {
        // That all members have the same state is another invariant.
        let report = verify::check(&end.machine().memory);
        if report.is_sound() { Ok(()) } else { Err(report.faults.join("; ")) }
    }
}
