//! `gateway list`: what the registry's leader has heard of each gateway.
//!
//! It decides which member is asked: the one that leads, which alone has heard them.

use proto_types::metadata::LEADER_KEY;
use proto_wire::registry::v1 as wire;
use proto_wire::to_json;
use tonic::Status;

use crate::client::{Fleet, Profile};
use crate::failure::Failure;
use crate::output::Output;

/// Who serves is heard each second; who is silent for longer is not counted among the fleet (registry-core's `fleet_quota`).
const LIVE_MS: u64 = 9_000;

pub(super) async fn list(profile: &Profile) -> Result<Output, Failure> {
    let gateways = all(profile).await?.gateways;
    Ok(Output {
        heads: &["gateway", "state", "epoch", "revision", "endpoint"],
        rows: gateways.iter().map(row).collect(),
        json: gateways.iter().map(to_json).collect(),
    })
}

fn row(gateway: &wire::Gateway) -> Vec<String> {
    let state = if gateway.heard && gateway.silent_ms < LIVE_MS { "live" } else { "silent" };
    let (epoch, revision) = match &gateway.applied {
        Some(applied) => (applied.epoch.to_string(), applied.revision.to_string()),
        None => ("-".to_owned(), "-".to_owned()),
    };
    vec![gateway.id.clone(), state.to_owned(), epoch, revision, gateway.endpoint.clone()]
}

/// All gateways, as the leader says. It may be none of the members that are configured.
pub(super) async fn all(profile: &Profile) -> Result<wire::GatewayList, Failure> {
    let (mut failures, mut leader) = (Vec::new(), None);
    for url in &profile.registry {
        match told(&mut profile.of(vec![url.clone()]).fleet()?).await {
            Ok(list) => return Ok(list),
            Err(status) => {
                leader = leader.or_else(|| named(&status));
                failures.push(status.into());
            }
        }
    }
    let Some(leader) = leader else { return Err(Failure::all(failures)) };
    Ok(told(&mut profile.of(vec![leader]).fleet()?).await?)
}

async fn told(fleet: &mut Fleet) -> Result<wire::GatewayList, Status> {
    let mut all = wire::GatewayList::default();
    loop {
        let after = std::mem::take(&mut all.next);
        let asked = wire::ListRequest { after, ..Default::default() };
        let page = fleet.list_gateways(asked).await?.into_inner();
        all.gateways.extend(page.gateways);
        (all.next, all.epoch) = (page.next, page.epoch);
        if all.next.is_empty() {
            return Ok(all);
        }
    }
}

/// The leader, as a member names it that does not lead.
fn named(status: &Status) -> Option<String> {
    status.metadata().get(LEADER_KEY)?.to_str().ok().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gateway_is_live_as_long_as_it_is_heard() {
        let state = |heard, silent_ms| {
            let gateway = wire::Gateway { heard, silent_ms, ..Default::default() };
            row(&gateway)[1].clone()
        };
        assert_eq!(state(true, 8_999), "live");
        assert_eq!(state(true, 9_000), "silent");
        assert_eq!(state(false, 10), "silent", "this leader has just begun");
    }

    #[test]
    fn what_is_not_known_of_a_gateway_is_shown_as_such() {
        let applied = wire::Applied { epoch: 1, revision: 7, ..Default::default() };
        let gateway = wire::Gateway { applied: Some(applied), ..Default::default() };
        assert_eq!(row(&gateway)[2..4], ["1", "7"]);
        assert_eq!(row(&wire::Gateway::default())[2..4], ["-", "-"]);
    }
}
