//! What this gateway reports to the registry of its peers' conduct, window by window.
//!
//! Decides when a window is closed and how long its report is kept. Must never report a window with other numbers a second
//! time.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use deploy_service::Backoff;
use gateway_core::conduct::{Events, WINDOW_MS};
use gateway_core::{Peer, Peers};
use proto_types::{Code as Known, Origin, WallMs};
use proto_wire::registry::v1 as wire;
use tonic::Code;

use crate::clock;
use crate::gateway::Gateway;
use crate::registry::{Registry, Unanswered};

/// What the registry takes in one report; the peers beyond it come with the next window.
const TALLIES_MAX: usize = 1_000;
/// Windows after which the registry takes a report no more.
const WINDOWS_MAX: u64 = 60;
/// Between two attempts while the registry is away.
const RETRY: Duration = Duration::from_secs(5);

/// Closes a window each minute and reports it, until it is dropped.
pub(crate) async fn report(gateway: Arc<Gateway>) {
    let mut backlog = Backlog::since(clock::wall());
    loop {
        tokio::time::sleep(backlog.pause(clock::wall())).await;
        let now = clock::wall();
        // Beyond a gateway's share is not beyond the quota.
        let burst = |peer: &Peer| gateway.fleet_wide_quota(peer).burst();
        backlog.close(now, &gateway.cache.peers.load(), burst);
        backlog.send(&gateway.registry).await;
    }
}

/// The windows that are closed and not reported yet.
struct Backlog {
    /// The newest window that is closed.
    closed: u64,
    waiting: VecDeque<wire::ReportConductRequest>,
    /// The last peer of the last report: the next one begins behind it.
    last: Option<Origin>,
    backoff: Backoff,
}

impl Backlog {
    /// The window that it is now is the first one.
    fn since(now: WallMs) -> Self {
        let closed = (now.0 / WINDOW_MS).saturating_sub(1);
        let backoff = Backoff::new(RETRY, RETRY);
        Self { closed, waiting: VecDeque::new(), last: None, backoff }
    }

    /// How long there is nothing to do.
    fn pause(&self, now: WallMs) -> Duration {
        let next = Duration::from_millis(WINDOW_MS - now.0 % WINDOW_MS);
        if self.waiting.is_empty() { next } else { next.min(RETRY) }
    }

    /// Takes what was seen up to now for the window that has ended, if one has. What came in since its end is counted
    /// with it: a request lies on one side or the other, and never on both.
    fn close(&mut self, now: WallMs, peers: &Peers, burst: impl Fn(&Peer) -> u32) {
        let ended = (now.0 / WINDOW_MS).saturating_sub(1);
        while self.waiting.front().is_some_and(|report| report.window + WINDOWS_MAX <= ended) {
            self.waiting.pop_front();
        }
        // The clock may have been set back: windows rise all the same.
        if ended <= self.closed {
            return;
        }
        self.closed = ended;
        let tallies = self.tallies(peers, burst);
        if !tallies.is_empty() {
            self.waiting.push_back(wire::ReportConductRequest { window: ended, tallies });
        }
    }

    fn tallies(&mut self, peers: &Peers, burst: impl Fn(&Peer) -> u32) -> Vec<wire::ConductTally> {
        let seen = peers.after(self.last.as_ref()).filter_map(|peer| {
            let Events { good, bad } = peer.tally.take(burst(peer))?;
            Some(wire::ConductTally { peer: peer.origin.to_string(), good, bad })
        });
        let tallies: Vec<_> = seen.take(TALLIES_MAX).collect();
        self.last = tallies.last().and_then(|tally| Origin::parse(&tally.peer).ok());
        tallies
    }

    /// Reports the oldest first: the registry takes no window after a newer one.
    async fn send(&mut self, registry: &Registry) {
        while let Some(report) = self.waiting.front() {
            let window = report.window;
            match registry.report_conduct(report.clone()).await {
                Ok(wire::ReportConductReply { counted, passed_over, repeated, .. }) => {
                    tracing::debug!(window, counted, passed_over, repeated, "conduct is reported");
                    self.backoff.succeeded();
                }
                Err(unanswered) if !is_final(&unanswered) => {
                    if let Some(unsaid) = self.backoff.failed(Instant::now()).say {
                        tracing::info!(window, %unanswered, unsaid, "conduct is not reported yet");
                    }
                    return;
                }
                Err(refused) => tracing::warn!(window, %refused, "a report of conduct is dropped"),
            }
            self.waiting.pop_front();
        }
    }
}

/// Whether the same report would be refused for ever. Our clock may be ahead of the registry's: then its time will come.
fn is_final(unanswered: &Unanswered) -> bool {
    match unanswered {
        Unanswered::Refused { ecumene, .. } if ecumene == Known::TooFarAhead.as_str() => false,
        Unanswered::Refused { code, .. } => {
            matches!(
                code,
                Code::InvalidArgument | Code::FailedPrecondition | Code::PermissionDenied
            )
        }
        Unanswered::Away { .. } => false,
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use gateway_core::conduct::Conduct;
    use proto_types::Revision;

    use super::*;

    const START: WallMs = WallMs(100 * WINDOW_MS + 20_000);

    fn peers(count: usize) -> Peers {
        let mut peers = Peers::default();
        for name in 0..count {
            let origin = Origin::parse(&format!("https://p{name:05}.example")).unwrap();
            peers.put(Peer::new(origin, true, Vec::new(), Revision(1)));
        }
        peers
    }

    fn all_call(peers: &Peers) {
        peers.after(None).for_each(|peer| peer.tally.count(Some(Conduct::Good)));
    }

    fn windows(backlog: &Backlog) -> Vec<(u64, usize)> {
        backlog.waiting.iter().map(|report| (report.window, report.tallies.len())).collect()
    }

    #[test]
    fn a_window_is_closed_once_when_it_has_ended_and_kept_for_an_hour() {
        let (mut backlog, peers) = (Backlog::since(START), peers(2));
        let close = |backlog: &mut Backlog, minutes: u64| {
            all_call(&peers);
            backlog.close(START.plus_ms(minutes * WINDOW_MS), &peers, |_| 1);
        };
        close(&mut backlog, 0);
        assert_eq!(windows(&backlog), [], "it has not ended");
        assert_eq!(backlog.pause(START), Duration::from_secs(40));
        close(&mut backlog, 1);
        assert_eq!(windows(&backlog), [(100, 2)]);
        assert_eq!(backlog.waiting[0].tallies[0].good, 2);
        assert_eq!(backlog.pause(START), RETRY);
        close(&mut backlog, 0);
        close(&mut backlog, 1);
        assert_eq!(windows(&backlog), [(100, 2)], "the clock was set back");
        for minutes in 2..=60 {
            close(&mut backlog, minutes);
        }
        assert_eq!((windows(&backlog).len(), windows(&backlog)[0].0), (60, 100));
        close(&mut backlog, 61);
        assert_eq!((windows(&backlog).len(), windows(&backlog)[0].0), (60, 101));
    }

    #[test]
    fn peers_beyond_a_report_come_with_the_next_window() {
        let (mut backlog, peers) = (Backlog::since(START), peers(TALLIES_MAX + 2));
        all_call(&peers);
        backlog.close(START.plus_ms(WINDOW_MS), &peers, |_| 1);
        all_call(&peers);
        backlog.close(START.plus_ms(2 * WINDOW_MS), &peers, |_| 1);
        let [first, second] = [0, 1].map(|at: usize| &backlog.waiting[at].tallies);
        assert_eq!((first.len(), second.len()), (TALLIES_MAX, TALLIES_MAX));
        let left_out = &second[..2];
        assert!(left_out.iter().all(|tally| tally.good == 2), "{left_out:?}");
        assert_eq!(second[2].peer, "https://p00000.example");
    }

    #[test]
    fn only_what_would_be_refused_for_ever_is_dropped() {
        let refused = |code, ecumene: &str| {
            let (ecumene, earlier_in_doubt) = (ecumene.to_owned(), false);
            is_final(&Unanswered::Refused { code, ecumene, earlier_in_doubt })
        };
        assert!(refused(Code::FailedPrecondition, "window-too-old"));
        assert!(refused(Code::InvalidArgument, "invalid-argument"));
        assert!(!refused(Code::InvalidArgument, "too-far-ahead"));
        assert!(!refused(Code::ResourceExhausted, "overloaded"));
        assert!(!refused(Code::Unauthenticated, "unauthenticated"));
        assert!(!is_final(&Unanswered::Away { code: Code::Unavailable, in_doubt: true }));
    }
}
