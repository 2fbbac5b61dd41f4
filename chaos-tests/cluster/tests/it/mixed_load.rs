//! Stale reads, strong reads and writes at every member at once, and a clean stop after it.
//! It guards against members that come to a stand under ordinary load: they once did within seconds.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use chaos_cluster::clients::Operator;
use chaos_cluster::{World, web};
use proto_wire::registry::v1::{Consistency, GetRecordRequest};
use tokio::task::JoinSet;

use crate::writers::{Writers, check};

/// Before the fault was mended one member of three hung in each of five rounds, after 2 to 36 s.
const LOAD: Duration = Duration::from_secs(15);
const WRITERS: usize = 3;
/// At each member.
const STALE_READERS: usize = 3;
/// No answer of a member that runs takes this long, on a busy machine either.
const SILENCE_MAX: Duration = Duration::from_secs(10);
const FIRST: &str = "urn:test:written:00000000";

#[tokio::test(flavor = "multi_thread")]
async fn members_under_stale_reads_strong_reads_and_writes_go_on_and_stop() -> Result<()> {
    let mut world = World::registry(3).await?;
    let writers = Writers::start(&world, WRITERS)?;
    writers.more(10).await?;
    let stop = Arc::new(AtomicBool::new(false));
    let mut readers = JoinSet::new();
    for member in &world.members {
        let kinds = [Consistency::Strong].into_iter().chain([Consistency::Stale; STALE_READERS]);
        for kind in kinds {
            let operator = world.operator_at(&member.url).await?;
            readers.spawn(read(operator, kind, Arc::clone(&stop)));
        }
    }
    let until = Instant::now() + LOAD;
    while Instant::now() < until {
        world.check_alive()?;
        for member in &world.members {
            let url = format!("{}/livez", member.url);
            let alive = web::get(&url, None);
            ensure!(tokio::time::timeout(SILENCE_MAX, alive).await??.status == 200);
        }
        writers.more(1).await?;
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    stop.store(true, Ordering::Relaxed);
    while let Some(answers) = readers.join_next().await {
        ensure!(answers?? > 0, "a reader without an answer");
    }
    let acked = writers.stop().await?;
    check(&world.operator().await?, &acked).await?;
    world.stop()
}

/// Reads until told to stop. A refusal is an answer: a follower may lack the record yet, or a leader to ask.
async fn read(operator: Operator, consistency: Consistency, stop: Arc<AtomicBool>) -> Result<u64> {
    let mut answers = 0;
    while !stop.load(Ordering::Relaxed) {
        let request =
            GetRecordRequest { handle: FIRST.to_owned(), consistency: consistency.into() };
        let mut directory = operator.directory.clone();
        let answer = tokio::time::timeout(SILENCE_MAX, directory.get_record(request)).await;
        ensure!(answer.is_ok(), "a {consistency:?} read without an answer for {SILENCE_MAX:?}");
        answers += 1;
    }
    Ok(answers)
}
