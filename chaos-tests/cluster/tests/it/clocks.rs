//! Security case 8 with real processes: one clock that is an hour off moves nothing, and whoever has it is named.

mod calls;

use std::io::Write as _;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use chaos_cluster::clients::Operator;
use chaos_cluster::peer::{Peer, message, now_ms};
use chaos_cluster::world::{AGENT, PATIENCE};
use chaos_cluster::{World, web};
use proto_types::WallMs;
use proto_wire::registry::v1 as wire;
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio::time::sleep;

use self::calls::{Called, Calls, call};
use crate::kill_loop::gateway_credential;
use crate::writers::{Writers, check};

const HOUR_MS: i64 = 3_600_000;

/// A clock that is further off is named (registry-core's timekeeper); so much may a busy machine add to any time.
const OFFSET_MAX_MS: u64 = 5_000;

/// Acknowledgements that show that writes go on.
const SOME: usize = 30;

/// Strong reads that say that a record has ended.
const ENDED: usize = 60;

const POLL: Duration = Duration::from_millis(20);

/// Shorter than a clock is off: changes would be forgotten at once if the time moved.
const RETENTION: &str = "\n[retention]\nchanges = \"30m\"\nevery = \"200ms\"\n";

#[tokio::test(flavor = "multi_thread")]
async fn case_8_a_leader_whose_clock_is_an_hour_off_moves_no_time_is_named_and_hands_over()
-> Result<()> {
    let mut world = prepared()?.started().await?;
    world.add_gateway("g1").await?;
    let peer = Peer::new("https://b.example")?;
    peer.enrol(&world.operator().await?).await?;
    let calls = Calls::start(&world, peer).await?;
    let leases =
        Operator::connect(&world.members[0].url, &gateway_credential(&world).await?).await?;
    let writers = Writers::start(&world, 2)?;
    for off_ms in [HOUR_MS, -HOUR_MS] {
        writers.more(SOME).await?;
        let leader = world.leader().await?;
        let lease = lease(&leases, &format!("taken{off_ms}")).await?;
        world.set_clock(&name(&world, leader), off_ms)?;
        is_named(&world, leader, off_ms).await?;
        hands_over(&mut world, leader).await?;
        writers.more(SOME).await?;
        calls.more(SOME).await?;
        let ended = lease.await??;
        ensure!(ended > Duration::from_secs(4), "a lease of 5 s ended after {ended:?}");
        // It is seen by asking, which a change of leader holds up.
        ensure!(ended < Duration::from_secs(15), "a lease of 5 s ended after {ended:?}");
        nothing_is_forgotten(&world).await?;
        world.set_clock(&name(&world, leader), 0)?;
        until("its clock is right", || Ok(off_by(&world, leader)?.unsigned_abs() < OFFSET_MAX_MS))
            .await?;
    }
    calls.stop().await?;
    finish(world, writers).await
}

#[tokio::test(flavor = "multi_thread")]
async fn case_8_what_has_ended_for_a_strong_read_has_ended_for_later_ones_at_every_member()
-> Result<()> {
    let world = prepared()?;
    world.set_clock("r3", HOUR_MS)?;
    let mut world = world.started().await?;
    let writers = Writers::start(&world, 2)?;
    // It is wrong from the start, and then jumps while it runs.
    for off_ms in [HOUR_MS, -HOUR_MS] {
        world.set_clock("r3", off_ms)?;
        is_named(&world, 2, off_ms).await?;
        hands_over(&mut world, 2).await?;
        writers.more(SOME).await?;
        ends_once(&world, &format!("urn:test:ends{off_ms}")).await?;
        nothing_is_forgotten(&world).await?;
    }
    finish(world, writers).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_whose_clock_is_an_hour_off_says_so() -> Result<()> {
    let mut world = World::clocked(1)?.started().await?;
    let peer = Peer::new("https://b.example")?;
    peer.enrol(&world.operator().await?).await?;
    for (at, (name, off_ms, way)) in
        [("g1", HOUR_MS, "ahead of"), ("g2", -HOUR_MS, "behind")].into_iter().enumerate()
    {
        world.set_clock(name, off_ms)?;
        world.add_gateway(name).await?;
        let url = world.gateways[at].url.clone();
        let metrics = web::get(&format!("{url}/metrics"), None).await?;
        let off = figure(&metrics, "ecumene_gateway_clock_off_seconds")?;
        ensure!(off > (HOUR_MS / 2_000) as f64, "{off} s");
        let log = std::fs::read_to_string(world.path(&format!("{name}.log")))?;
        ensure!(log.contains(&format!("this gateway's clock is {way} the registry's time")));
        // The command line asks the first one.
        let doctor = world.cli(&["doctor"]).err().map(|error| error.to_string());
        let named = doctor.is_some_and(|says| says.contains("s from the registry's time"));
        ensure!(named || at > 0, "the doctor says nothing");
        // All gateways answer to the first one's origin.
        let origin = world.gateways[0].url.clone();
        ensure!(call(&peer, &origin, &url).await? == Called::Refused, "its clock is an hour off");
        world.set_clock(name, 0)?;
        ensure!(call(&peer, &origin, &url).await? == Called::Taken, "its clock is right");
    }
    world.stop()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_whose_clock_is_an_hour_off_completes_tasks_and_says_so() -> Result<()> {
    let mut world = World::clocked(1)?.started().await?;
    let peer = Peer::new("https://b.example")?;
    peer.enrol(&world.operator().await?).await?;
    world.deploy_text_agent(AGENT)?;
    world.add_gateway("g1").await?;
    let url = world.gateways[0].url.clone();
    // One after the other, so that each has to run its task.
    for (at, (name, off_ms, way)) in
        [("n1", HOUR_MS, "ahead of"), ("n2", -HOUR_MS, "behind")].into_iter().enumerate()
    {
        world.set_clock(name, off_ms)?;
        world.add_node(name).await?;
        let words = message("Words to count.", None);
        let answer = peer.rpc(&url, AGENT, "SendMessage", words).await?.json()?;
        let state = &answer["result"]["task"]["status"]["state"];
        ensure!(state == "TASK_STATE_COMPLETED", "{name}: {answer}");
        let log = world.path(&format!("{name}.log"));
        let says = format!("this node's clock is {way} the registry's time");
        until(&says, || Ok(std::fs::read_to_string(&log)?.contains(&says))).await?;
        world.nodes[at].process.take().context("it is up")?.stop(PATIENCE)?;
    }
    world.stop()
}

fn prepared() -> Result<World> {
    let world = World::clocked(3)?;
    for member in &world.members {
        let mut config = std::fs::File::options().append(true).open(&member.config)?;
        config.write_all(RETENTION.as_bytes())?;
    }
    Ok(world)
}

fn name(world: &World, at: usize) -> String {
    format!("r{}", world.members[at].id)
}

/// Holds that nothing acknowledged is lost, and that writes were refused only as they are where leadership changes.
async fn finish(world: World, writers: Writers) -> Result<()> {
    for code in writers.refusals() {
        let documented = ["no-leader", "in-doubt", "read-unconfirmed", "overloaded"];
        ensure!(documented.contains(&code.as_str()), "a write was refused with `{code}`");
    }
    let acked = writers.stop().await?;
    for member in &world.members {
        check(&world.operator_at(&member.url).await?, &acked).await?;
    }
    world.stop()
}

/// What `cluster status` says of each member.
fn statuses(world: &World) -> Result<Vec<Value>> {
    let said = world.cli(&["--output", "json", "cluster", "status"])?;
    Ok(serde_json::from_str(&said)?)
}

fn off_by(world: &World, at: usize) -> Result<i64> {
    Ok(statuses(world)?[at]["clockOffsetMs"].as_i64().unwrap_or(0))
}

/// The member is named by `cluster status`, the doctor, its metrics, its own log and another's.
async fn is_named(world: &World, at: usize, off_ms: i64) -> Result<()> {
    until("its offset is told", || Ok(off_by(world, at)?.abs_diff(off_ms) < OFFSET_MAX_MS)).await?;
    let names = format!("member {}: its clock is", world.members[at].id);
    let way = if off_ms > 0 { "ahead of" } else { "behind" };
    // Not while the leader hands over: then no member knows one.
    until("the doctor names it", || {
        let doctor = world.cli(&["doctor"]).err().context("the doctor finds nothing")?.to_string();
        Ok(doctor.contains(&names) && doctor.contains(way))
    })
    .await?;
    let status = world.cli(&["cluster", "status"])?;
    ensure!(status.contains(&names), "{status}");
    let metrics = format!("{}/v1/metrics", world.members[at].url);
    let metrics = web::get(&metrics, Some(&world.operator_token()?)).await?;
    let off = figure(&metrics, "ecumene_registry_clock_off_seconds")?;
    ensure!(off > (HOUR_MS / 2_000) as f64, "{off} s");
    let logs = |own: bool, says: &str| {
        let mut places = (0..world.members.len()).filter(|place| (*place == at) == own);
        places.any(|place| {
            let log = world.path(&format!("{}.log", name(world, place)));
            std::fs::read_to_string(log).is_ok_and(|log| log.contains(says))
        })
    };
    until("it says so itself", || Ok(logs(true, "clock is far"))).await?;
    until("another says so", || Ok(logs(false, "a member's clock is far"))).await
}

async fn hands_over(world: &mut World, odd: usize) -> Result<()> {
    let end = Instant::now() + PATIENCE;
    while world.leader().await? == odd {
        ensure!(Instant::now() < end, "place {odd} leads on");
        sleep(POLL).await;
    }
    Ok(())
}

/// Every member still tells all changes, and the state's time is nobody's alone.
async fn nothing_is_forgotten(world: &World) -> Result<()> {
    for member in &world.members {
        let changes = web::get(&format!("{}/v1/changes?since=0", member.url), None).await?;
        ensure!(changes.status == 200, "member {}: {:?}", member.id, changes.json()?);
    }
    for status in statuses(world)? {
        ensure!(status["stateAheadMs"].as_u64() < Some(OFFSET_MAX_MS), "{status}");
    }
    Ok(())
}

fn figure(answer: &web::Answer, name: &str) -> Result<f64> {
    let text = String::from_utf8(answer.body.to_vec())?;
    let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    Ok(value.with_context(|| format!("no {name}: {text}"))?.parse()?)
}

async fn until(what: &str, holds: impl Fn() -> Result<bool>) -> Result<()> {
    let end = Instant::now() + PATIENCE;
    while !holds()? {
        ensure!(Instant::now() < end, "{what}: not in time");
        sleep(POLL).await;
    }
    Ok(())
}

/// Leases an envelope for 5 s; when that ends comes with the task.
async fn lease(gateway: &Operator, target: &str) -> Result<JoinHandle<Result<Duration>>> {
    let request = wire::EnqueueEnvelopeRequest {
        id: format!("envelope-{target}"),
        source: "https://a.example".to_owned(),
        target: target.to_owned(),
        correlation: target.to_owned(),
        document: "{}".into(),
        expires_at_ms: now_ms() + 600_000,
        ..Default::default()
    };
    gateway.fleet.clone().enqueue_envelope(request).await?;
    ensure!(leased(gateway, target).await, "nothing is leased");
    let (gateway, target, began) = (gateway.clone(), target.to_owned(), Instant::now());
    Ok(tokio::spawn(async move {
        while !leased(&gateway, &target).await {
            ensure!(began.elapsed() < PATIENCE, "a lease of 5 s never ends");
            sleep(POLL).await;
        }
        Ok(began.elapsed())
    }))
}

async fn leased(gateway: &Operator, target: &str) -> bool {
    let (target, max, ttl_ms, wait_ms) = (target.to_owned(), 1, 5_000, 0);
    let request = wire::LeaseEnvelopesRequest { target, max, ttl_ms, wait_ms };
    let leased = gateway.fleet.clone().lease_envelopes(request).await;
    leased.is_ok_and(|leased| !leased.into_inner().envelopes.is_empty())
}

/// A record ends at its time, and once a strong read has said so no later one says otherwise, at whatever member.
async fn ends_once(world: &World, handle: &str) -> Result<()> {
    let end_ms = now_ms() + 2_000;
    let record = json!({
        "schema": "pilox-registry-record-v1",
        "handle": handle,
        "updatedAt": WallMs(now_ms()).to_rfc3339(),
        "agentCardUrl": "https://a.example/card.json",
        "validUntil": WallMs(end_ms).to_rfc3339(),
    });
    let (records, token) =
        (format!("{}/v1/records", world.members[0].url), world.operator_token()?);
    let stored = web::post(&records, Some(&token), &record).await?;
    ensure!(stored.status == 201, "{:?}", stored.json()?);
    let mut ended = 0;
    let until = Instant::now() + PATIENCE;
    while ended < ENDED {
        ensure!(Instant::now() < until, "{ended} of {ENDED} reads say that it has ended");
        for member in &world.members {
            let url = format!("{}/v1/records/{handle}?consistency=strong", member.url);
            let (begun_ms, read) = (now_ms(), web::get(&url, Some(&token)).await?);
            match read.status {
                200 if ended > 0 => bail!("it has ended, and goes on at member {}", member.id),
                200 => ensure!(begun_ms < end_ms + OFFSET_MAX_MS, "it does not end"),
                410 => ensure!(now_ms() + 1_000 > end_ms, "it ends early at {}", member.id),
                // No majority has confirmed it in time.
                503 => continue,
                other => bail!("{other} at member {}: {:?}", member.id, read.json()?),
            }
            ended += usize::from(read.status == 410);
        }
    }
    Ok(())
}
