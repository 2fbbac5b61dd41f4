//! `doctor`: looks at every part from outside and says what is wrong. A registry alone is whole: gateway and nodes are
//! missed only where a gateway is named. It must never change anything, nor wait long for a part that hangs.

use std::time::Duration;

use http::Method;
use proto_wire::registry::v1 as wire;
use serde_json::json;

use crate::args::Format;
use crate::client::Profile;
use crate::failure::Failure;
use crate::http_call::{Call, fetch_within};
use crate::output::Output;

use super::cluster;

/// How long a part may take to answer a question. What is well answers within milliseconds; arbitrary.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);

/// One finding.
struct Finding {
    part: String,
    fine: bool,
    says: String,
}

pub(crate) async fn run(profile: &Profile, alone: bool, format: Format) -> Result<(), Failure> {
    let profile = &profile.within(ANSWER_TIMEOUT);
    let gateway = profile.gateway.as_deref().filter(|_| !alone);
    let (words, of_gateway) = tokio::join!(cluster::words(profile), gateways(profile, gateway));
    let members = words.iter().map(|(url, word)| member(url, word));
    let mut findings: Vec<Finding> = members.chain(of_gateway).collect();
    if !alone {
        // A member that hangs is not asked again.
        let answer = |word: &Result<_, Failure>| !word.as_ref().is_err_and(Failure::is_undone);
        let answering = words.into_iter().filter(|(_, word)| answer(word)).map(|(url, _)| url);
        findings.extend(others(&profile.of(answering.collect())).await);
    }
    let sick = findings.iter().filter(|finding| !finding.fine).count();
    print(&findings, format)?;
    if sick == 0 {
        return Ok(());
    }
    Err(Failure::internal(format!("{sick} of {} checks failed", findings.len())))
}

/// What the gateway that is named says of itself.
async fn gateways(profile: &Profile, url: Option<&str>) -> Vec<Finding> {
    let Some(url) = url else { return Vec::new() };
    let (lives, is_ready, clock) = tokio::join!(
        gateway(profile, format!("{url}/healthz")),
        gateway(profile, format!("{url}/readyz")),
        gateway_clock(profile, url),
    );
    [lives, is_ready].into_iter().chain(clock).collect()
}

/// What the members are there for.
async fn others(profile: &Profile) -> Vec<Finding> {
    let (nodes, agents, partners) =
        tokio::join!(nodes(profile), agents(profile), partners(profile));
    [nodes, agents].into_iter().chain(partners).collect()
}

fn print(findings: &[Finding], format: Format) -> Result<(), Failure> {
    let word = |finding: &Finding| if finding.fine { "ok" } else { "SICK" }.to_owned();
    let row = |finding: &Finding| vec![finding.part.clone(), word(finding), finding.says.clone()];
    let json = |finding: &Finding| json!({ "part": finding.part, "ok": finding.fine, "says": finding.says });
    let output = Output {
        heads: &["part", "state", "says"],
        rows: findings.iter().map(row).collect(),
        json: findings.iter().map(json).collect(),
    };
    Ok(output.print(format)?)
}

fn member(url: &str, word: &Result<wire::ClusterStatus, Failure>) -> Finding {
    match word {
        Ok(status) => judge(url, status),
        Err(failure) => Finding { part: url.to_owned(), fine: false, says: failure.to_string() },
    }
}

fn judge(url: &str, status: &wire::ClusterStatus) -> Finding {
    let says = if status.leader == 0 {
        "knows no leader".to_owned()
    } else if !status.poisoned.is_empty() {
        format!("acknowledges nothing: {}", status.poisoned)
    } else if let Some(wrong) = cluster::clock(status) {
        return Finding { part: url.to_owned(), fine: false, says: wrong };
    } else {
        format!("member {}, leader {}, revision {}", status.member, status.leader, status.revision)
    };
    Finding { part: url.to_owned(), fine: status.leader != 0 && status.poisoned.is_empty(), says }
}

async fn gateway(profile: &Profile, url: String) -> Finding {
    let call = Call { method: Method::GET, url: url.clone(), bearer: None, body: Vec::new() };
    match fetch_within(profile, call, ANSWER_TIMEOUT).await {
        Ok(body) => Finding {
            part: url,
            fine: true,
            says: String::from_utf8_lossy(&body).trim().to_owned(),
        },
        Err(failure) => Finding { part: url, fine: false, says: failure.to_string() },
    }
}

/// What is wrong with a gateway's clock, by its own word; one that gives none is found by the others.
async fn gateway_clock(profile: &Profile, url: &str) -> Option<Finding> {
    let url = format!("{url}/metrics");
    let call = Call { method: Method::GET, url: url.clone(), bearer: None, body: Vec::new() };
    let figures = fetch_within(profile, call, ANSWER_TIMEOUT).await.ok()?;
    let says = gateway_off(&String::from_utf8_lossy(&figures))?;
    Some(Finding { part: url, fine: false, says })
}

/// Tokens allow for 60 s; half of it is worth a word, as gateways have it.
const GATEWAY_OFF_S_MAX: f64 = 30.0;

fn gateway_off(figures: &str) -> Option<String> {
    let line = |line: &str| line.strip_prefix("ecumene_gateway_clock_off_seconds ")?.parse().ok();
    let off_s: f64 = figures.lines().find_map(line)?;
    (off_s > GATEWAY_OFF_S_MAX).then(|| {
        format!("its clock is {off_s} s from the registry's time: it refuses tokens that are good")
    })
}

async fn nodes(profile: &Profile) -> Finding {
    let part = "nodes".to_owned();
    match cluster::nodes(profile).await {
        Ok(output) => {
            let joined =
                output.rows.iter().filter(|row| row.get(1).is_some_and(|state| state == "joined"));
            let (joined, all) = (joined.count(), output.rows.len());
            let fine = joined > 0 || (all == 0 && profile.gateway.is_none());
            Finding { part, fine, says: format!("{joined} of {all} joined") }
        }
        Err(failure) => Finding { part, fine: false, says: failure.to_string() },
    }
}

async fn agents(profile: &Profile) -> Finding {
    let part = "agents".to_owned();
    let listed = match profile.directory() {
        Ok(mut directory) => super::agent::all(&mut directory).await,
        Err(failure) => Err(failure),
    };
    match listed {
        Ok(agents) => deployed(part, &agents, profile.gateway.is_some()),
        Err(failure) => Finding { part, fine: false, says: failure.to_string() },
    }
}

/// What is deployed, and the first that no node can run now, of how many. Where no gateway is named, nodes may be missing.
fn deployed(part: String, agents: &[wire::Agent], nodes_are_missed: bool) -> Finding {
    let stuck = agents.iter().filter(|agent| !agent.unplaceable.is_empty());
    let mut says = format!("{} deployed", agents.len());
    let first = stuck.clone().next();
    if let Some(wire::Agent { handle, unplaceable, .. }) = first {
        let count = stuck.count();
        says = format!("{says}, {count} cannot run: {handle}: {unplaceable}");
    }
    Finding { part, fine: first.is_none() || !nodes_are_missed, says }
}

/// Every partner; none where none was agreed, and where only an operator is told.
async fn partners(profile: &Profile) -> Vec<Finding> {
    let Ok(mut partners) = profile.partners() else { return Vec::new() };
    let Ok(listed) = partners.list_partners(wire::ListPartnersRequest {}).await else {
        return Vec::new();
    };
    let find = |partner: &wire::Partner| {
        let fine = partner.reason.is_empty();
        let says = match fine {
            true => format!("{} entries, {}", partner.imported, partner.state),
            false => format!("{}: {}", partner.state, partner.reason),
        };
        Finding { part: format!("partner {}", partner.name), fine, says }
    };
    listed.into_inner().partners.iter().map(find).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_whose_clock_is_far_off_is_named() {
        let status = |clock_offset_ms, state_ahead_ms| wire::ClusterStatus {
            member: 3,
            leader: 1,
            clock_offset_ms,
            state_ahead_ms,
            ..Default::default()
        };
        assert!(judge("u", &status(Some(40), 0)).fine && judge("u", &status(None, 0)).fine);
        let ahead = judge("u", &status(Some(3_600_000), 0));
        assert!(!ahead.fine && ahead.says.contains("member 3") && ahead.says.contains("ahead of"));
        let behind = judge("u", &status(Some(-3_600_000), 0));
        assert!(!behind.fine && behind.says.contains("behind"));
        assert!(!judge("u", &status(Some(0), 3_600_000)).fine);
    }

    #[test]
    fn an_agent_that_no_node_can_run_is_named_and_a_fault_where_nodes_are_missed() {
        let agent = |handle: &str, unplaceable: &str| wire::Agent {
            handle: handle.to_owned(),
            unplaceable: unplaceable.to_owned(),
            ..Default::default()
        };
        let found = |agents: &[wire::Agent], nodes_are_missed| {
            let finding = deployed("agents".to_owned(), agents, nodes_are_missed);
            (finding.fine, finding.says)
        };
        assert_eq!(found(&[agent("a", "")], true), (true, "1 deployed".to_owned()));
        let agents = [agent("a", ""), agent("b", "no node"), agent("c", "another")];
        let says = "3 deployed, 2 cannot run: b: no node".to_owned();
        assert_eq!(found(&agents, true), (false, says.clone()));
        assert_eq!(found(&agents, false), (true, says));
    }

    #[test]
    fn a_gateway_whose_clock_is_far_off_is_named() {
        let off =
            |off_s: f64| gateway_off(&format!("# a\necumene_gateway_clock_off_seconds {off_s}\n"));
        assert_eq!(off(GATEWAY_OFF_S_MAX), None);
        assert!(off(3_600.5).is_some_and(|says| says.contains("3600.5 s")));
        assert_eq!(gateway_off("ecumene_gateway_peers 3\n"), None);
    }
}
