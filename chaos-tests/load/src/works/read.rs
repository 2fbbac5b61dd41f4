//! Hot reads of one record over REST, as crawlers of Pilox do them.
//! It decides which member is asked. It must never read before the member has the record.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use bytes::Bytes;
use chaos_cluster::world::PATIENCE;
use http::{Method, StatusCode};

use super::records::{self, Records};
use super::{Run, write};
use crate::bench::{self, Case};
use crate::drive::{self, Pace, Pool};
use crate::floor::Floor;
use crate::floor::hello::Hello;
use crate::stage::Role;
use crate::web::{self, Shot, Web};
use crate::{put, report};

/// What the target is stated for; each has a connection.
pub(super) const CLIENTS: usize = 64;

pub(super) async fn run(run: &mut Run, hello: Hello) -> Result<()> {
    let bytes = report::whole(records::BYTES as f64);
    let case = Case {
        work: "read",
        what: format!(
            "one hot record of {bytes} B with its ETag, GET /v1/records/{{handle}} at one \
             member, stale"
        ),
        durability: "none: a read of what is applied",
        against: Role::Registry,
    };
    let number = run.records.made();
    fill(run, 1).await?;
    let (clients, shots) = reader(run, number..number + 1).await?;
    let mut floor = Floor::Hello(hello);
    let make = |_| Ok(Pool::again(shots.clone()));
    let figures =
        bench::measure((&run.stage, run.length), &case, clients, make, &mut floor).await?;
    run.note(&case, &figures, &floor)
}

/// Writes `count` more records.
///
/// # Errors
/// One of them is refused.
pub(super) async fn fill(run: &mut Run, count: usize) -> Result<()> {
    let leader = run.stage.leader().await?;
    let clients =
        put::clients(&run.stage.world, &leader, write::CLIENTS, write::CONNECTIONS).await?;
    let pool = run.records.pool(&run.stage.peer, count, records::BYTES)?;
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
) -> Result<(Vec<Web>, Vec<Shot>)> {
    let member = &run.stage.world.members[0].url;
    let path = |number| format!("/v1/records/{}", Records::handle(number));
    let (last, until) = (path(numbers.end.saturating_sub(1)), Instant::now() + PATIENCE);
    loop {
        let answer = chaos_cluster::web::get(&format!("{member}{last}"), None).await?;
        if answer.status == 200 && answer.headers.contains_key(http::header::ETAG) {
            break;
        }
        if Instant::now() > until {
            bail!(
                "{last} is not read: {} {}",
                answer.status,
                String::from_utf8_lossy(&answer.body)
            );
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let shot = |number| web::shot(Method::GET, member, &path(number), None, Bytes::new());
    let shots = numbers.map(shot).collect::<Result<_>>()?;
    let expected = |status, body: &[u8]| status == StatusCode::OK && body.len() == records::BYTES;
    Ok((web::clients(member, CLIENTS, expected).await?, shots))
}
