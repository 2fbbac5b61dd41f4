//! Reports of peers' conduct. A gateway reports for itself alone; a request never names
//! the reporter.

use proto_wire::registry::v1 as wire;
use registry_core::command::{Conduct, ConductCommand, Proposal, Tally};
use registry_core::entry::Window;

use crate::field;
use crate::identity::{Principal, Role};
use crate::problem::Problem;

/// Peers of one report, as the core bounds them.
const TALLIES_MAX: usize = 1_000;

/// Reads a report.
pub fn report(
    caller: &Principal,
    request: &wire::ReportConductRequest,
) -> Result<Proposal, Problem> {
    caller.require(&[Role::Gateway])?;
    let Principal::Gateway(reporter) = caller else { unreachable!("required above") };
    if !(1..=TALLIES_MAX).contains(&request.tallies.len()) {
        return Err(Problem::argument("tallies", format_args!("1 to {TALLIES_MAX} peers")));
    }
    let tallies = request.tallies.iter().map(|said| {
        let (good, bad) = (said.good, said.bad);
        Ok(Tally { peer: field::read("tallies.peer", &said.peer)?, good, bad })
    });
    let tallies = tallies.collect::<Result<_, Problem>>()?;
    let (reporter, window) = (reporter.clone(), Window(request.window));
    Ok(super::one(ConductCommand::Report(Conduct { reporter, window, tallies }).into()))
}
