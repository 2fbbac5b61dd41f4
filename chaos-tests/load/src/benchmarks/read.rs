//! Hot reads of one record over REST, as crawlers of Pilox do them.
//! It decides which member is asked. It must never read before the member has the record.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use bytes::Bytes;
use chaos_cluster::world::PATIENCE;
use http::header::{ETAG, IF_NONE_MATCH};
use http::{HeaderValue, Method, StatusCode};

use super::records::{self, Records};
use super::run::Run;
use super::write;
use crate::baseline::Baseline;
use crate::bench::{self, Case};
use crate::drive::{self, Pace, Pool};
use crate::put::{self, CONNECTIONS};
use crate::report;
use crate::usage::Role;
use crate::web::{self, Expected, Shot, Web};

/// What the target is stated for; each has a connection.
pub(super) const CLIENTS: usize = 64;

pub(super) async fn run(run: &mut Run, baselines: &mut [&mut Baseline]) -> Result<()> {
    let bytes = report::whole(records::BYTES as f64);
    let number = run.records.made();
    fill(run, 1).await?;
    for (benchmark, answer) in [("read", Answer::Whole), ("read-304", Answer::Unchanged)] {
        let case = Case {
            benchmark,
            what: format!(
                "one hot record of {bytes} B, GET /v1/records/{{handle}} at one member, stale; \
                 answered {}",
                answer.words()
            ),
            durability: "none: a read of what is applied",
            against: Role::Registry,
        };
        let (clients, shots) = reader(run, number..number + 1, answer).await?;
        let make = |_| Ok(Pool::again(shots.clone()));
        let figures =
            bench::measure((&run.environment, run.length), &case, clients, make, baselines).await?;
        run.note(&case, &figures, baselines)?;
    }
    Ok(())
}

/// What a reader has, and so what it gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// Nothing, so it gets the record.
    Whole,
    /// This very version, and so it names it.
    Unchanged,
}

impl Answer {
    fn words(self) -> &'static str {
        match self {
            Self::Whole => "200 with the record and its ETag",
            Self::Unchanged => "304 to If-None-Match",
        }
    }

    fn expected(self) -> Expected {
        match self {
            Self::Whole => |status, body| status == StatusCode::OK && body.len() == records::BYTES,
            Self::Unchanged => |status, body| status == StatusCode::NOT_MODIFIED && body.is_empty(),
        }
    }
}

/// Writes `count` more records.
///
/// # Errors
/// One of them is refused.
pub(super) async fn fill(run: &mut Run, count: usize) -> Result<()> {
    let leader = run.environment.leader().await?;
    let clients =
        put::clients(&run.environment.world, &leader, write::CLIENTS[0], CONNECTIONS).await?;
    let pool = run.records.pool(&run.environment.peer, count, records::BYTES)?;
    let (_, turn) = drive::run(clients, pool, Pace::Closed, PATIENCE).await?;
    if turn.tally.done() < count as u64 {
        bail!(
            "{} of {count} records were written: {}",
            turn.tally.done(),
            turn.tally.why.unwrap_or_default()
        );
    }
    Ok(())
}

/// Clients of the first member, and requests for these records, once the member has the last of
/// them.
///
/// # Errors
/// It never has.
pub(super) async fn reader(
    run: &Run,
    numbers: std::ops::Range<u64>,
    answer: Answer,
) -> Result<(Vec<Web>, Vec<Shot>)> {
    let member = &run.environment.world.members[0].url;
    let path = |number| format!("/v1/records/{}", Records::handle(number));
    let etag = applied(&format!("{member}{}", path(numbers.end.saturating_sub(1)))).await?;
    let shot = |number| {
        let mut shot = web::shot(Method::GET, member, &path(number), None, Bytes::new())?;
        if answer == Answer::Unchanged {
            shot.headers_mut().insert(IF_NONE_MATCH, etag.clone());
        }
        Ok(shot)
    };
    let shots = numbers.map(shot).collect::<Result<_>>()?;
    Ok((web::clients(member, CLIENTS, answer.expected()).await?, shots))
}

/// Waits until a record is there; its tag.
///
/// # Errors
/// It never is.
pub(super) async fn applied(url: &str) -> Result<HeaderValue> {
    let until = Instant::now() + PATIENCE;
    loop {
        let answer = chaos_cluster::web::get(url, None).await?;
        if let (200, Some(etag)) = (answer.status, answer.headers.get(ETAG)) {
            return Ok(etag.clone());
        }
        if Instant::now() > until {
            let body = String::from_utf8_lossy(&answer.body);
            bail!("{url} is not read: {} {body}", answer.status);
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
