//! Clients that send requests, in closed or open loop, and how long the answers took.
//! It decides when a request is due. It must never let a slow answer hide the wait of the requests
//! behind it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result};
use hdrhistogram::Histogram;
use tokio::task::JoinSet;
use tokio::time::Instant;

/// Latencies above this are shown as this; in microseconds.
const LATENCY_US_MAX: u64 = 60_000_000;
/// How long answers may be waited for after a turn.
const PATIENCE: Duration = Duration::from_secs(60);

/// One client: a request at a time.
pub(crate) trait Client: Send + 'static {
    /// What it sends.
    type Request: Clone + Send + Sync + 'static;

    /// Sends it and waits for the whole answer; the refusal or failure in words otherwise.
    fn send(&mut self, request: Self::Request) -> impl Future<Output = Result<(), String>> + Send;
}

/// Requests made beforehand, so that making them is not measured.
pub(crate) struct Pool<R> {
    requests: Vec<R>,
    next: AtomicUsize,
    again: bool,
}

impl<R: Clone> Pool<R> {
    /// Requests that are sent once each; a turn ends with the last.
    pub(crate) fn once(requests: Vec<R>) -> Self {
        Self { requests, next: AtomicUsize::new(0), again: false }
    }

    /// Requests that are sent in turn for ever.
    pub(crate) fn again(requests: Vec<R>) -> Self {
        Self { requests, next: AtomicUsize::new(0), again: true }
    }

    fn take(&self) -> Option<R> {
        let at = self.next.fetch_add(1, Ordering::Relaxed);
        let at = if self.again { at % self.requests.len().max(1) } else { at };
        self.requests.get(at).cloned()
    }
}

/// When requests are due.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Pace {
    /// Each client sends as soon as it has its answer.
    Closed,
    /// So many a second in all, evenly spread, whether or not answers come.
    Open(f64),
}

/// What a turn came to.
#[derive(Debug)]
pub(crate) struct Turn {
    /// From the first request to the last answer.
    pub(crate) elapsed: Duration,
    /// Good answers.
    pub(crate) tally: Tally,
}

/// Answers, counted.
#[derive(Debug)]
pub(crate) struct Tally {
    /// Latencies of the good ones, in microseconds.
    pub(crate) latency_us: Histogram<u64>,
    /// How many were none.
    pub(crate) failed: u64,
    /// What the first of those said.
    pub(crate) why: Option<String>,
}

impl Tally {
    pub(crate) fn new() -> Self {
        let latency_us = Histogram::new_with_max(LATENCY_US_MAX, 3);
        let latency_us = latency_us
            .expect("three digits up to a minute are a histogram: both are constants above");
        Self { latency_us, failed: 0, why: None }
    }

    /// How many were good.
    pub(crate) fn done(&self) -> u64 {
        self.latency_us.len()
    }

    /// Adds those of another.
    pub(crate) fn add(&mut self, other: Self) {
        self.latency_us += other.latency_us;
        self.failed += other.failed;
        self.why = self.why.take().or(other.why);
    }

    /// Counts a good one that took so long.
    pub(crate) fn record(&mut self, took: Duration) {
        let us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.latency_us.saturating_record(us);
    }

    /// The median latency, in microseconds.
    pub(crate) fn p50_us(&self) -> f64 {
        self.latency_us.value_at_quantile(0.5) as f64
    }

    fn note(&mut self, answer: Result<(), String>, begun: Instant) {
        match answer {
            Ok(()) => self.record(begun.elapsed()),
            Err(why) => {
                self.failed += 1;
                self.why.get_or_insert(why);
            }
        }
    }
}

/// Runs all clients for a time, or until the pool is empty, and gives them back.
///
/// # Errors
/// Answers are still missing a minute after the turn.
pub(crate) async fn run<C: Client>(
    clients: Vec<C>,
    pool: Pool<C::Request>,
    pace: Pace,
    length: Duration,
) -> Result<(Vec<C>, Turn)> {
    let (pool, begun, count) = (Arc::new(pool), Instant::now(), clients.len());
    let mut running = JoinSet::new();
    for (place, client) in clients.into_iter().enumerate() {
        running.spawn(work(
            client,
            Arc::clone(&pool),
            Schedule::new(pace, begun, length, (place, count)),
        ));
    }
    let (mut clients, mut tally) = (Vec::new(), Tally::new());
    let all = async {
        while let Some(ended) = running.join_next().await {
            let (client, own) = ended?;
            clients.push(client);
            tally.add(own);
        }
        anyhow::Ok(())
    };
    tokio::time::timeout(length * 2 + PATIENCE, all)
        .await
        .context("answers are missing after the turn")??;
    Ok((clients, Turn { elapsed: begun.elapsed(), tally }))
}

async fn work<C: Client>(
    mut client: C,
    pool: Arc<Pool<C::Request>>,
    mut schedule: Schedule,
) -> (C, Tally) {
    let mut tally = Tally::new();
    while let Some(begun) = schedule.next().await {
        let Some(request) = pool.take() else { break };
        tally.note(client.send(request).await, begun);
    }
    (client, tally)
}

/// One client's due times.
struct Schedule {
    until: Instant,
    /// An open loop that the servers cannot follow is left here.
    given_up: Instant,
    /// The next due time and the step to the one after it; none in a closed loop.
    due: Option<(Instant, Duration)>,
}

impl Schedule {
    fn new(pace: Pace, begun: Instant, length: Duration, (place, count): (usize, usize)) -> Self {
        let until = begun + length;
        let due = match pace {
            Pace::Closed => None,
            Pace::Open(rate) => {
                let apart = Duration::from_secs_f64(1.0 / rate.max(1.0));
                let (place, count) =
                    (u32::try_from(place).unwrap_or(0), u32::try_from(count).unwrap_or(u32::MAX));
                Some((begun + apart * place, apart * count))
            }
        };
        Self { until, given_up: until + length, due }
    }

    /// Waits until the next request is due, and gives the time that its latency counts from. That
    /// is the due time for a client that was still busy then: the wait counts. An idle client wakes
    /// up to a millisecond late, because timers are that coarse: this delay is the generator's own
    /// and does not count.
    async fn next(&mut self) -> Option<Instant> {
        let now = Instant::now();
        let Some((due, step)) = &mut self.due else { return (now < self.until).then_some(now) };
        let begun = *due;
        if begun >= self.until || now >= self.given_up {
            return None;
        }
        *due += *step;
        if begun <= now {
            return Some(begun);
        }
        tokio::time::sleep_until(begun).await;
        Some(Instant::now())
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    /// Answers after a pause, and refuses what is odd.
    struct Slow(Duration);

    impl Client for Slow {
        type Request = u32;

        async fn send(&mut self, request: u32) -> Result<(), String> {
            tokio::time::sleep(self.0).await;
            if request.is_multiple_of(2) { Ok(()) } else { Err(format!("{request} is odd")) }
        }
    }

    fn slow(count: usize, pause_ms: u64) -> Vec<Slow> {
        (0..count).map(|_| Slow(Duration::from_millis(pause_ms))).collect()
    }

    #[tokio::test]
    async fn each_request_of_a_pool_is_sent_once_and_refusals_are_told() {
        let pool = Pool::once((0..100).collect());
        let (clients, turn) =
            run(slow(4, 0), pool, Pace::Closed, Duration::from_secs(60)).await.unwrap();
        assert_eq!((clients.len(), turn.tally.done(), turn.tally.failed), (4, 50, 50));
        assert!(turn.tally.why.unwrap().ends_with("is odd"));
    }

    #[tokio::test]
    async fn in_an_open_loop_the_wait_behind_a_slow_answer_counts() {
        let (pause_ms, pace) = (100, Pace::Open(50.0));
        let length = Duration::from_millis(400);
        let (_, turn) = run(slow(1, pause_ms), Pool::again(vec![2]), pace, length).await.unwrap();
        // The third is due after 40 ms and begins after two pauses. Latency from its sending, which
        // is the usual mistake, was seen to fail here.
        assert!(turn.tally.latency_us.max() >= (3 * pause_ms - 40) * 1_000);
    }
}
