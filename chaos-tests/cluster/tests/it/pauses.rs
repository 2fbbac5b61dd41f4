//! Security case 46 with real processes: a member stops in the middle of what it does, for longer than
//! an election, and goes on as if nothing had been. It may believe for a while that it still leads.

use anyhow::{Context as _, Result, ensure};
use chaos_cluster::World;
use chaos_cluster::process::Signal;
use proto_wire::registry::v1 as wire;
use tonic::Code;

use crate::writers::{Writers, check};

const ROUNDS: usize = 6;

/// Acknowledgements before a pause, and at the others during it.
const SOME: usize = 50;

#[tokio::test(flavor = "multi_thread")]
async fn case_46_a_member_that_pauses_loses_nothing_and_tells_nothing_old_as_strong() -> Result<()>
{
    let mut world = World::registry(3).await?;
    let writers = Writers::start(&world, 4)?;
    for round in 0..ROUNDS {
        writers.more(SOME).await?;
        // The leader, in turns with a follower.
        let paused = (world.leader().await? + round % 2) % world.members.len();
        signal(&world, paused, Signal::STOP)?;
        writers.more(SOME).await?;
        let meanwhile = writers.acked();
        signal(&world, paused, Signal::CONT)?;
        for (handle, digest) in meanwhile.iter().rev().take(10) {
            strong(&world, paused, handle, digest).await?;
        }
        world.member_ready(paused).await?;
    }
    let acked = writers.stop().await?;
    println!("{ROUNDS} pauses, {} writes acknowledged", acked.len());
    for member in &world.members {
        check(&world.operator_at(&member.url).await?, &acked).await?;
    }
    world.stop()
}

fn signal(world: &World, at: usize, signal: Signal) -> Result<()> {
    world.members[at].process.as_ref().context("up")?.signal(signal)
}

/// A strong read at the member that was away shows what the others have acknowledged, or nothing.
pub(crate) async fn strong(world: &World, at: usize, handle: &str, digest: &str) -> Result<()> {
    let operator = world.operator_at(&world.members[at].url).await?;
    let request = wire::GetRecordRequest { handle: handle.to_owned(), consistency: 1 };
    match operator.directory.clone().get_record(request).await {
        Ok(stored) => ensure!(stored.into_inner().digest == digest, "{handle} is an old one"),
        Err(status) => ensure!(status.code() != Code::NotFound, "{handle} is said not to be there"),
    }
    Ok(())
}
