//! Clients that others generate, against a real member: what is published is enough to use it.

use anyhow::{Context as _, Result};
use chaos_cluster::{World, third_party};

/// How long a token lives, in seconds: longer than the look, which ends by itself.
const TOKEN_LIFE_S: u64 = 300;
/// More than requests are made.
const TOKENS: usize = 12_000;

fn text(path: &std::path::Path) -> Result<&str> {
    path.to_str().context("a path that is not UTF-8")
}

#[tokio::test(flavor = "multi_thread")]
async fn grpcio_stubs_of_reflection_and_of_the_proto_files_work() -> Result<()> {
    let world = World::registry(1).await?;
    let address = world.members[0].url.trim_start_matches("http://").to_owned();
    let (token, protos, out) =
        (world.operator_token()?, third_party::protos(), world.path("stubs"));
    let steps = tokio::task::spawn_blocking(move || {
        let arguments = [&*address, &*token, text(&protos)?, text(&out)?];
        third_party::client("grpc_stubs.py", &arguments)
    })
    .await??;
    let names: Vec<&str> = steps.iter().filter_map(|step| step["step"].as_str()).collect();
    assert_eq!(names, ["reflection", "details", "files"], "{steps:?}");
    assert_eq!(steps[1]["field"], "handle", "{steps:?}");
    assert_eq!(steps[2]["then"], "not-found", "{steps:?}");
    world.stop()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_made_of_the_contract_publishes_reads_and_lists() -> Result<()> {
    let world = World::registry(1).await?;
    let (url, token) = (world.members[0].url.clone(), world.operator_token()?);
    let (contract, out) = (third_party::contract(), world.path("client"));
    let steps = tokio::task::spawn_blocking(move || {
        let arguments = [&*url, &*token, text(&contract)?, text(&out)?];
        third_party::client("rest_generated.py", &arguments)
    })
    .await??;
    let names: Vec<&str> = steps.iter().filter_map(|step| step["step"].as_str()).collect();
    assert_eq!(names, ["publish", "read", "list", "delete"], "{steps:?}");
    world.stop()
}

/// Caught: `limit=0` taken for the default, an empty cursor for none, a bound that only the code
/// knew.
#[tokio::test(flavor = "multi_thread")]
async fn schemathesis_finds_no_failure_and_no_break_of_the_contract() -> Result<()> {
    let mut world = World::registry(1).await?;
    for token in [Some(world.operator_token()?), None] {
        let (url, out) = (world.members[0].url.clone(), world.path(""));
        let look = move || third_party::schemathesis(&url, token.as_deref(), &out);
        tokio::task::spawn_blocking(look).await??;
        world.check_alive()?;
    }
    world.stop()
}

/// Each call is made with a token that no other has, to an agent that is there.
#[tokio::test(flavor = "multi_thread")]
async fn schemathesis_finds_no_failure_and_no_break_of_the_gateways_contract() -> Result<()> {
    let (mut world, peer) = World::platform(1, &["n1"]).await?;
    let url = world.gateways[0].url.clone();
    let minted = (0..TOKENS).map(|_| peer.token_of(&url, TOKEN_LIFE_S));
    let minted = minted.collect::<Result<Vec<_>>>()?;
    let (tokens, operator) = (world.path("tokens"), world.operator_token()?);
    std::fs::write(&tokens, minted.join("\n"))?;
    let out = world.path("");
    let look = move || third_party::schemathesis_of_gateway(&url, &tokens, &operator, &out);
    tokio::task::spawn_blocking(look).await??;
    world.check_alive()?;
    world.stop()
}
