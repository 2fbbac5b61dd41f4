//! A whole world in TLS, with certificates of the command line: written to, called, rotated, killed.

use anyhow::{Context as _, Result, ensure};
use chaos_cluster::clients::Operator;
use chaos_cluster::peer::Peer;
use chaos_cluster::{World, documents};
use deploy_service::tls::Connector;
use proto_types::WallMs;
use proto_wire::registry::v1 as wire;

async fn put(world: &World, at: usize, n: u64) -> Result<()> {
    let peer = Peer::new("https://a.example")?;
    let document =
        documents::record(&peer, &format!("urn:test:agent:{n}"), WallMs(1_774_000_000_000))?;
    let request = wire::PutRecordRequest { document: document.into(), ..Default::default() };
    let operator = world.operator_at(&world.members[at].url).await?;
    operator.directory.clone().put_record(request).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn three_members_in_tls_are_written_through_while_certificates_change_and_leaders_die()
-> Result<()> {
    let mut world = World::certified(3).await?;
    for at in 0..3 {
        put(&world, at, at as u64).await?;
    }
    let (url, token) = (world.members[0].url.clone(), world.operator_token()?);
    let plain = Operator::connect(&url.replace("https", "http"), &token).await;
    let heard = match plain {
        Ok(operator) => {
            operator.directory.clone().status(wire::StatusRequest::default()).await.is_ok()
        }
        Err(_) => false,
    };
    ensure!(!heard, "clear text is not answered");
    let stranger = Operator::connect_by(Connector::plain(), &url, &token).await;
    ensure!(stranger.is_err(), "who knows no authority does not connect");

    for id in ["1", "2", "3"] {
        world.certify("registry", id)?;
    }
    let leader = world.leader().await?;
    world.members[leader].process.take().context("up")?.kill_9()?;
    let second = world.leader().await?;
    put(&world, second, 10).await?;
    world.start_member(leader)?;
    world.leader().await?;
    let shown = world.cli(&["--output", "json", "cluster", "status"])?;
    let shown: serde_json::Value = serde_json::from_str(&shown)?;
    ensure!(shown.as_array().is_some_and(|members| members.len() == 3), "{shown}");
    world.stop()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_travels_in_tls_from_the_command_line_to_a_node_and_back() -> Result<()> {
    let mut world = World::certified(1).await?;
    world.add_gateway("g1").await?;
    world.add_node("n1").await?;
    world.deploy_text_agent("text-stats")?;
    let key = world.path("peer.jwk").display().to_string();
    world.cli(&["key", "new", "--out", &key])?;
    world.cli(&["peer", "enrol", "https://a.example", "--key", &key])?;
    let call = ["agent", "call", "text-stats", "Count me.", "--key", &key];
    let issuer = ["--issuer", "https://a.example"];
    // A gateway learns of a peer a moment after the registry has.
    let until = std::time::Instant::now() + chaos_cluster::world::PATIENCE;
    let answer = loop {
        match world.cli(&[&call[..], &issuer[..], &["--stream"]].concat()) {
            Ok(answer) => break answer,
            Err(error) if std::time::Instant::now() > until => return Err(error),
            Err(_) => tokio::time::sleep(std::time::Duration::from_millis(100)).await,
        }
    };
    ensure!(answer.contains("TASK_STATE_COMPLETED"), "{answer}");
    world.stop()
}
