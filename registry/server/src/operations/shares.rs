//! The shares of peers' quotas that gateways have, and with them where the gateways are. They are leased by the leader alone, and
//! only once a majority has confirmed that it leads. It must never lease on less: two leaders would lease one quota twice.

use proto_types::Origin;
use proto_wire::registry::v1 as wire;
use registry_api::{Problem, decode};
use registry_core::entry::GatewayEntry;
use registry_core::fleet_quota::{Allotment, LEASE_US};
use registry_core::query;
use registry_core::reputation::UNIT;
use registry_core::view::View;

use crate::call::Call;
use crate::member::Member;

/// Less evidence than of so many events is next to nothing: a score of 0.72 at best.
const NEWCOMER_UNITS: u64 = 10;
/// Gateways that are told of: far more than share one origin. Arbitrary.
const GATEWAYS_MAX: usize = 1_000;

/// Leases shares to the gateway that calls.
pub(crate) async fn lease(
    member: &Member,
    call: &Call,
    request: &wire::LeaseSharesRequest,
) -> Result<wire::LeaseSharesReply, Problem> {
    let asked = decode::shares::lease(&call.principal, request)?;
    member.require_leader()?;
    let reading = member.strong().await?;
    let (_, term) = member.registry.leader_view().ok_or_else(|| member.not_leader())?;
    let newcomers = newcomers(&reading.view, &asked.peers)?;
    let registered = registered(&reading.view)?;
    let allotted = member.fleet.allot(term, &asked.gateway, &asked.demands);
    member.fleet.note_applied(term, asked.gateway, asked.applied);
    let Allotment { gateways, is_settled, shares } = allotted;
    let share = |(peer, millionths): (Origin, u32)| {
        let peer = peer.to_string();
        wire::PeerShare { peer, millionths }
    };
    let shares = shares.into_iter().map(share).collect();
    let lease_ms = LEASE_US / 1_000;
    let settled = is_settled;
    Ok(wire::LeaseSharesReply { gateways, settled, lease_ms, shares, newcomers, registered })
}

fn registered(view: &dyn View) -> Result<Vec<wire::GatewayAddress>, Problem> {
    let address = |gateway: GatewayEntry| wire::GatewayAddress {
        id: gateway.id.to_string(),
        endpoint: gateway.endpoint.to_string(),
    };
    let known = query::gateways(view, None, GATEWAYS_MAX)?;
    Ok(known.into_iter().map(address).collect())
}

fn newcomers(view: &dyn View, peers: &[Origin]) -> Result<Vec<String>, Problem> {
    let mut newcomers = Vec::new();
    for peer in peers {
        let seen = query::reputation(view, peer)?.working.evidence;
        if seen.total() < NEWCOMER_UNITS * UNIT {
            newcomers.push(peer.to_string());
        }
    }
    Ok(newcomers)
}
