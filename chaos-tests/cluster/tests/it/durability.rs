//! An acknowledged write survives the leader, and all members at once (security.md, always true, 1).

use anyhow::{Context as _, Result};
use chaos_cluster::peer::Peer;
use chaos_cluster::{World, documents};
use proto_types::WallMs;
use proto_wire::registry::v1 as wire;

#[tokio::test(flavor = "multi_thread")]
async fn a_write_survives_its_leader_and_then_the_death_of_all_members() -> Result<()> {
    let mut world = World::registry(3).await?;
    let peer = Peer::new("https://a.example")?;
    let record = documents::record(&peer, "urn:test:agent:1", WallMs(1_774_000_000_000))?;
    let leader = world.leader().await?;
    let operator = world.operator_at(&world.members[leader].url).await?;
    let request = wire::PutRecordRequest {
        document: record.clone().into(),
        if_match: String::new(),
        visibility: String::new(),
    };
    operator.directory.clone().put_record(request).await?;
    world.members[leader].process.take().context("up")?.kill_9()?;

    let second = world.leader().await?;
    assert_ne!(second, leader);
    for at in (0..3).filter(|&at| at != leader) {
        assert_eq!(strong_read(&world, at).await?, record);
    }
    for member in &mut world.members {
        member.process.take().map_or(Ok(()), chaos_cluster::process::Process::kill_9)?;
    }
    for at in 0..3 {
        world.start_member(at)?;
    }
    world.leader().await?;
    for at in 0..3 {
        assert_eq!(strong_read(&world, at).await?, record);
    }
    world.stop()
}

/// A strong read through any member; one that has just started may not know its leader yet.
async fn strong_read(world: &World, at: usize) -> Result<Vec<u8>> {
    let until = std::time::Instant::now() + chaos_cluster::world::PATIENCE;
    loop {
        let request =
            wire::GetRecordRequest { handle: "urn:test:agent:1".to_owned(), consistency: 1 };
        let read = match world.operator_at(&world.members[at].url).await {
            Ok(operator) => {
                operator.directory.clone().get_record(request).await.map_err(anyhow::Error::from)
            }
            Err(error) => Err(error),
        };
        match read {
            Ok(record) => return Ok(record.into_inner().document.to_vec()),
            Err(error) if std::time::Instant::now() > until => return Err(error),
            Err(_) => tokio::time::sleep(std::time::Duration::from_millis(50)).await,
        }
    }
}
