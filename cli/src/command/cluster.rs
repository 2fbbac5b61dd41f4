//! `cluster status|invite` and `node list`; the other verbs of `cluster` have files of their own.

mod copies;
mod members;

use proto_wire::registry::v1 as wire;
use proto_wire::{to_json, to_json_without};
use serde_json::{Value, json};

use crate::args::{ClusterVerb, Format, InviteRole};
use crate::client::Profile;
use crate::failure::Failure;
use crate::output::Output;

use super::pages;

pub(crate) async fn run(
    profile: &Profile,
    verb: ClusterVerb,
    format: Format,
) -> Result<(), Failure> {
    let output = match verb {
        ClusterVerb::Status => status(profile).await,
        ClusterVerb::Members => members::list(profile).await,
        ClusterVerb::Add { id, address } => members::add(profile, id, address).await,
        ClusterVerb::Promote { ids, force } => members::promote(profile, ids, force).await,
        ClusterVerb::Voters { ids, force } => members::voters(profile, ids, force).await,
        ClusterVerb::Remove { ids, force } => members::remove(profile, ids, force).await,
        ClusterVerb::Transfer { to } => members::transfer(profile, to).await,
        ClusterVerb::ResetTime => members::reset_time(profile).await,
        ClusterVerb::Snapshot => copies::snapshot(profile).await,
        ClusterVerb::Defrag => return copies::defrag(profile, format).await,
        ClusterVerb::Backup { file, unconfirmed } => {
            copies::backup(profile, &file, unconfirmed).await
        }
        ClusterVerb::Restore { file, dir, members, epoch } => {
            copies::restore(file, dir, members, epoch).await
        }
        ClusterVerb::Verify { path } => copies::verify(path).await,
        ClusterVerb::Invite { role, ttl_seconds } => invite(profile, role, ttl_seconds).await,
    };
    Ok(output?.print(format)?)
}

async fn invite(profile: &Profile, role: InviteRole, ttl_seconds: u64) -> Result<Output, Failure> {
    let role = match role {
        InviteRole::Peer => "peer",
        InviteRole::Gateway => "gateway",
        InviteRole::Node => "node",
        InviteRole::Registry => "registry",
    };
    let request = wire::IssueJoinTokenRequest { role: role.to_owned(), ttl_seconds };
    let issued = profile.directory()?.issue_join_token(request).await?.into_inner();
    let mut json = to_json(&issued);
    json["role"] = role.into();
    Ok(Output { heads: &[], rows: vec![vec![issued.token]], json })
}

/// The columns of `cluster status`.
const STATUS: [&str; 8] =
    ["url", "member", "term", "leader", "revision", "applied", "log", "state"];

/// Asks each configured member for itself.
async fn status(profile: &Profile) -> Result<Output, Failure> {
    let words = words(profile).await;
    let shown = words.iter().map(|(url, word)| match word {
        Ok(status) => (row(url, status), json(url, status)),
        Err(failure) => {
            (unanswered(url, failure), json!({ "url": url, "error": failure.to_string() }))
        }
    });
    let (rows, found) = shown.unzip();
    Ok(Output { heads: &STATUS, rows, json: Value::Array(found) })
}

/// A member that gives no word of itself: the columns that it would fill stay empty.
fn unanswered(url: &str, failure: &Failure) -> Vec<String> {
    let mut row = vec!["-".to_owned(); STATUS.len()];
    row[0] = url.to_owned();
    row[STATUS.len() - 1] = failure.to_string();
    row
}

/// Beyond this a member does not lead, and a state's time keeps leases and tokens waiting (registry-core's timekeeper).
const OFFSET_MAX_MS: u64 = 5_000;

/// What is wrong with a member's clock, or with the state's time.
pub(super) fn clock(status: &wire::ClusterStatus) -> Option<String> {
    let offset = status.clock_offset_ms.unwrap_or(0);
    let (member, ahead_ms) = (status.member, status.state_ahead_ms);
    if offset.unsigned_abs() > OFFSET_MAX_MS {
        let way = if offset > 0 { "ahead of" } else { "behind" };
        let apart = offset.unsigned_abs();
        return Some(format!("member {member}: its clock is {apart} ms {way} the others'"));
    }
    (ahead_ms > OFFSET_MAX_MS).then(|| {
        format!(
            "the state's time is {ahead_ms} ms ahead; `ecumene cluster reset-time` brings it back"
        )
    })
}

/// Each member's own word, in the order of the profile. All are asked at once: one that hangs holds up no other.
pub(crate) async fn words(
    profile: &Profile,
) -> Vec<(String, Result<wire::ClusterStatus, Failure>)> {
    let ask = |url: &String| (url.clone(), tokio::spawn(word(profile.of(vec![url.clone()]))));
    let asked: Vec<_> = profile.registry.iter().map(ask).collect();
    let mut words = Vec::new();
    for (url, word) in asked {
        words.push((url, word.await.unwrap_or_else(|error| Err(Failure::internal(error)))));
    }
    words
}

async fn word(profile: Profile) -> Result<wire::ClusterStatus, Failure> {
    let mut directory = profile.directory()?;
    Ok(directory.status(wire::StatusRequest::default()).await?.into_inner())
}

fn row(url: &str, status: &wire::ClusterStatus) -> Vec<String> {
    let wrong = if status.poisoned.is_empty() { clock(status) } else { None };
    let state = wrong.as_deref().or(status.poisoned.is_empty().then_some("ok"));
    let state = state.unwrap_or(&status.poisoned);
    let numbers = [
        status.member,
        status.term,
        status.leader,
        status.revision,
        status.applied_index,
        status.last_log_index,
    ];
    let numbers = numbers.iter().map(u64::to_string);
    std::iter::once(url.to_owned()).chain(numbers).chain([state.to_owned()]).collect()
}

fn json(url: &str, status: &wire::ClusterStatus) -> Value {
    let mut json = to_json_without(status, &["stateSince", "stateIndex", "stateHash"]);
    json["url"] = url.into();
    json
}

/// The nodes and what they offer.
pub(crate) async fn nodes(profile: &Profile) -> Result<Output, Failure> {
    let mut fleet = profile.fleet()?;
    let nodes = pages::all(async |asked| {
        let asked = wire::ListRequest { consistency: 1, ..asked };
        let page = fleet.list_nodes(asked).await?.into_inner();
        Ok((page.nodes, page.next))
    });
    let nodes = nodes.await?;
    Ok(Output {
        heads: &["node", "state", "slots", "memory MiB", "runs/s", "isolation"],
        rows: nodes.iter().map(node_row).collect(),
        json: nodes.iter().map(node_json).collect(),
    })
}

fn node_row(node: &wire::Node) -> Vec<String> {
    let offer = node.capacity.clone().unwrap_or_default();
    vec![
        node.id.clone(),
        node.state.clone(),
        offer.slots.to_string(),
        (offer.memory_bytes >> 20).to_string(),
        offer.runs_per_second.to_string(),
        offer.isolation.join(","),
    ]
}

fn node_json(node: &wire::Node) -> Value {
    let mut json = to_json(&node.capacity.clone().unwrap_or_default());
    json["id"] = node.id.as_str().into();
    json["state"] = node.state.as_str().into();
    json
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_shown_with_the_url_that_was_asked() {
        let members = vec![wire::Member { id: 1, address: "a".to_owned() }];
        let status = wire::ClusterStatus { members, state_index: 7, ..Default::default() };
        assert_eq!(
            json("u", &status).to_string(),
            r#"{"appliedIndex":0,"clockOffsetMs":null,"lastLogIndex":0,"leader":0,"leaderAddress":"","member":0,"members":[{"address":"a","id":1}],"poisoned":"","revision":0,"stateAheadMs":0,"term":0,"url":"u"}"#
        );
    }

    #[test]
    fn a_node_is_shown_with_what_it_offers() {
        let node = wire::Node { id: "n1".to_owned(), revision: 7, ..Default::default() };
        assert_eq!(
            node_json(&node),
            serde_json::json!({"id":"n1","isolation":[],"memoryBytes":0,"runsPerSecond":0,"slots":0,"state":""})
        );
    }

    #[test]
    fn a_status_names_a_member_whose_clock_is_far_off() {
        let state = |clock_offset_ms, poisoned: &str| {
            let (member, poisoned) = (3, poisoned.to_owned());
            let status =
                wire::ClusterStatus { member, clock_offset_ms, poisoned, ..Default::default() };
            row("u", &status).pop().unwrap_or_default()
        };
        assert_eq!(state(Some(40), ""), "ok");
        assert_eq!(state(Some(3_600_000), "its disk failed"), "its disk failed");
        let off = state(Some(-3_600_000), "");
        assert!(off.contains("member 3: its clock is 3600000 ms behind"), "{off}");
    }

    #[test]
    fn a_member_that_does_not_answer_is_a_row_whose_last_column_says_why() {
        let url = "http://m2.example";
        let row = unanswered(url, &Failure::unreachable(url, "connection refused"));
        let why = "http://m2.example does not answer: connection refused";
        assert_eq!(row, [url, "-", "-", "-", "-", "-", "-", why]);
    }
}
