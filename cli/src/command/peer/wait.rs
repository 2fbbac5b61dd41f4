//! `--wait`: until each gateway acts on what a peer may do now, and none of its calls goes on that must end.
//!
//! It decides when that is so. It must never call a gateway done that may still serve by what it knew before.

use std::time::Duration;

use proto_types::Origin;
use proto_wire::registry::v1 as wire;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use crate::client::Profile;
use crate::command::gateway;
use crate::failure::Failure;
use crate::output::Output;

/// Gateways report each second.
const PAUSE: Duration = Duration::from_millis(500);

/// Whom the leader has not heard for so long lets nobody in by what it knew before (docs/runbooks/revoke-a-peer.md).
const SILENT_MS: u64 = 60_000;

/// The exit code of a command that is not allowed.
const DENIED: u8 = 4;

/// How far one gateway is.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Seen {
    gateway: String,
    state: State,
    ended: wire::CutOff,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// It acts on it, and nothing is left.
    Applied,
    /// It acts on it; calls are still open.
    Ending,
    /// It does not know it yet, as far as the leader has heard.
    Behind,
    /// It has not been heard for so long that it does not serve by what it knew.
    Silent,
}

impl State {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Applied => "applied",
            Self::Ending => "ending",
            Self::Behind => "behind",
            Self::Silent => "silent",
        }
    }
}

/// Waits until every gateway has applied this revision, which is the peer's newest.
pub(super) async fn until_applied(
    profile: &Profile,
    (peer, revision): (&Origin, u64),
    patience: Duration,
) -> Result<Output, Failure> {
    let begun = Instant::now();
    let end = begun + patience;
    let mut known: Vec<Seen> = Vec::new();
    loop {
        let listed = gateway::all(profile).await;
        let is_late = Instant::now() >= end;
        match listed {
            Ok(list) => {
                let now = seen(&list, peer.as_str(), (revision, millis(begun.elapsed())));
                news(&known, &now).for_each(|line| eprintln!("{line}"));
                known = now;
                if !known.iter().any(Seen::is_pending) {
                    return Ok(output(&known));
                }
                if is_late {
                    return Err(late(&known, patience));
                }
            }
            // A leader is being chosen, for example.
            Err(failure) if is_late || failure.exit_code() == DENIED => return Err(failure),
            Err(_) => {}
        }
        sleep(PAUSE).await;
    }
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

fn seen(list: &wire::GatewayList, peer: &str, (revision, waited): (u64, u64)) -> Vec<Seen> {
    let of = |gateway: &wire::Gateway| {
        let applied = gateway.applied.clone().unwrap_or_default();
        let is_there = gateway.heard && applied.epoch == list.epoch && applied.revision >= revision;
        let ended = applied.cut_off.into_iter().find(|cut_off| cut_off.peer == peer);
        let ended = ended.unwrap_or_default();
        // What it did before the change says nothing of the change.
        let state = match (is_there, ended.open, gateway.silent_ms.min(waited)) {
            (true, 0, _) => State::Applied,
            (_, _, SILENT_MS..) => State::Silent,
            (true, ..) => State::Ending,
            (false, ..) => State::Behind,
        };
        Seen { gateway: gateway.id.clone(), state, ended }
    };
    list.gateways.iter().map(of).collect()
}

impl Seen {
    const fn is_pending(&self) -> bool {
        matches!(self.state, State::Ending | State::Behind)
    }

    fn says(&self) -> String {
        let Self { gateway, state, ended } = self;
        let wire::CutOff { streams, calls, open, .. } = ended;
        let state = state.as_str();
        format!("{gateway}: {state}; streams ended: {streams}, calls ended: {calls}, open: {open}")
    }
}

/// A line for each gateway of which there is something new.
fn news<'s>(known: &'s [Seen], now: &'s [Seen]) -> impl Iterator<Item = String> + 's {
    now.iter().filter(move |seen| !known.contains(seen)).map(Seen::says)
}

fn late(seen: &[Seen], patience: Duration) -> Failure {
    let pending: Vec<_> = seen.iter().filter(|seen| seen.is_pending()).map(Seen::says).collect();
    let (seconds, pending) = (patience.as_secs(), pending.join("; "));
    Failure::late(format!(
        "the change is made, but after {seconds} s not every gateway acts on it: {pending}"
    ))
}

fn output(seen: &[Seen]) -> Output {
    let row = |seen: &Seen| {
        let wire::CutOff { streams, calls, .. } = &seen.ended;
        let state = seen.state.as_str().to_owned();
        vec![seen.gateway.clone(), state, streams.to_string(), calls.to_string()]
    };
    Output {
        heads: &["gateway", "state", "streams ended", "calls ended"],
        rows: seen.iter().map(row).collect(),
        json: seen.iter().map(shown).collect(),
    }
}

fn shown(seen: &Seen) -> Value {
    let wire::CutOff { streams, calls, open, .. } = &seen.ended;
    let (gateway, state) = (&seen.gateway, seen.state.as_str());
    json!({
        "gateway": gateway, "state": state,
        "streamsEnded": streams, "callsEnded": calls, "open": open,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const PEER: &str = "https://a.example";

    fn heard(epoch: u64, revision: u64, open: u32) -> wire::Gateway {
        let cut_off = wire::CutOff { peer: PEER.to_owned(), streams: 2, calls: 1, open };
        let applied = Some(wire::Applied { epoch, revision, cut_off: vec![cut_off] });
        wire::Gateway { id: "g1".to_owned(), heard: true, applied, ..Default::default() }
    }

    fn state(gateway: wire::Gateway) -> State {
        let list = wire::GatewayList { gateways: vec![gateway], epoch: 1, ..Default::default() };
        seen(&list, PEER, (7, u64::MAX))[0].state
    }

    #[test]
    fn a_gateway_is_done_once_it_knows_the_change_and_nothing_of_the_peer_is_open() {
        assert_eq!(state(heard(1, 7, 0)), State::Applied);
        assert_eq!(state(heard(1, 7, 3)), State::Ending);
        assert_eq!(state(heard(1, 6, 0)), State::Behind);
        assert_eq!(state(heard(0, 9, 0)), State::Behind, "of a cluster that was restored since");
        assert_eq!(state(wire::Gateway::default()), State::Behind, "it may serve, unheard");
    }

    #[test]
    fn a_gateway_that_is_silent_is_waited_for_as_long_as_it_may_serve() {
        let silent = |silent_ms| wire::Gateway { silent_ms, ..heard(1, 6, 0) };
        assert_eq!(state(silent(59_999)), State::Behind);
        assert_eq!(state(silent(60_000)), State::Silent);
        let done = wire::Gateway { silent_ms: 60_000, ..heard(1, 7, 0) };
        assert_eq!(state(done), State::Applied);
    }

    #[test]
    fn what_is_new_of_a_gateway_is_said_once_and_who_is_late_is_named() {
        let list = |open| {
            let gateways = vec![heard(1, 7, open)];
            wire::GatewayList { gateways, epoch: 1, ..Default::default() }
        };
        let (before, after) =
            (seen(&list(3), PEER, (7, u64::MAX)), seen(&list(0), PEER, (7, u64::MAX)));
        assert_eq!(news(&before, &before).count(), 0);
        let lines: Vec<_> = news(&before, &after).collect();
        assert_eq!(lines, ["g1: applied; streams ended: 2, calls ended: 1, open: 0"]);
        let failure = late(&before, Duration::from_secs(90));
        assert_eq!(failure.exit_code(), 3);
        assert!(failure.to_string().contains("90 s") && failure.to_string().contains("g1: ending"));
    }
}
