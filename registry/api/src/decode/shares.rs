//! Reports of gateways: their demand, and how far they have come. A gateway asks for its own shares alone; a request never names
//! it.

use proto_types::{GatewayId, Origin};
use proto_wire::registry::v1 as wire;
use registry_core::fleet_quota::PEERS_MAX;

use crate::field;
use crate::identity::{Principal, Role};
use crate::problem::Problem;

/// Newcomers of one request: for each the evidence of a peer is read.
const ASKED_MAX: usize = 100;

/// Peers that a gateway may tell that it has cut off.
const CUT_OFF_MAX: usize = 100;

/// What a gateway asks for.
#[derive(Debug)]
pub struct LeaseShares {
    /// Which gateway.
    pub gateway: GatewayId,
    /// The peers that are near their share there, each with its demand in thousandths of a request a second.
    pub demands: Vec<(Origin, u32)>,
    /// Of whom it wants to know whether they are newcomers.
    pub peers: Vec<Origin>,
    /// How far its knowledge is.
    pub applied: wire::Applied,
}

/// Reads a report.
pub fn lease(
    caller: &Principal,
    request: &wire::LeaseSharesRequest,
) -> Result<LeaseShares, Problem> {
    caller.require(&[Role::Gateway])?;
    let Principal::Gateway(gateway) = caller else { unreachable!("required above") };
    if request.demands.len() > PEERS_MAX {
        return Err(Problem::argument("demands", format_args!("{PEERS_MAX} peers at most")));
    }
    if request.peers.len() > ASKED_MAX {
        return Err(Problem::argument("peers", format_args!("{ASKED_MAX} at most")));
    }
    let demands = request.demands.iter().map(demand).collect::<Result<_, Problem>>()?;
    let peers = request.peers.iter().map(|peer| field::read::<Origin>("peers", peer));
    let peers = peers.collect::<Result<_, Problem>>()?;
    let applied = applied(request)?;
    Ok(LeaseShares { gateway: gateway.clone(), demands, peers, applied })
}

/// One that says nothing of it is of an earlier version.
fn applied(request: &wire::LeaseSharesRequest) -> Result<wire::Applied, Problem> {
    let applied = request.applied.clone().unwrap_or_default();
    if applied.cut_off.len() > CUT_OFF_MAX {
        return Err(Problem::argument("applied.cut_off", format_args!("{CUT_OFF_MAX} at most")));
    }
    for cut_off in &applied.cut_off {
        field::read::<Origin>("applied.cut_off.peer", &cut_off.peer)?;
    }
    Ok(applied)
}

fn demand(said: &wire::PeerDemand) -> Result<(Origin, u32), Problem> {
    Ok((field::read("demands.peer", &said.peer)?, said.milli_per_second))
}
