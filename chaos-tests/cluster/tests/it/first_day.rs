//! What a newcomer meets: small hosts, a role that fails, mistakes on the command line, a registry that is away.

use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result};
use chaos_cluster::World;
use chaos_cluster::process::binary;
use chaos_cluster::world::guests;

use crate::command_line::Up;

const PEER: &str = "https://peer.example";

/// A host that grants 12 GB of address space: less than a pool takes that is not asked to be small.
const SMALL_HOST: [&str; 3] = ["sh", "-c", "ulimit -v 12000000; exec \"$0\" \"$@\""];

#[test]
fn up_ends_at_once_with_the_error_of_the_role_that_failed() -> Result<()> {
    for role in ["gateway", "node"] {
        let folder = tempfile::tempdir()?;
        std::fs::create_dir(folder.path().join("data"))?;
        std::fs::write(folder.path().join("data").join(role), "not a folder")?;
        let mut up = Up::begin(&[], folder)?;
        let ended = up.process.wait(Duration::from_secs(60))?;
        let said = up.process.tail();
        assert_eq!(ended.and_then(|status| status.code()), Some(1), "{role}: {said}");
        let last = said.lines().last().unwrap_or_default();
        let named = format!("data/{role}");
        assert!(last.starts_with("ecumene: ") && last.contains(&named), "{role}: {last}");
    }
    Ok(())
}

#[test]
fn a_small_host_runs_all_roles_and_an_agent() -> Result<()> {
    let up = Up::start_on(&SMALL_HOST)?;
    let token = deploy(&up)?;
    let call = [&["agent", "call", "text", "One text."], &token[..]].concat();
    up.prints(&call)?;
    up.process.stop(Duration::from_secs(60))
}

/// Enrols a peer and deploys the text agent; the flags by which the peer calls.
fn deploy(up: &Up) -> Result<[&'static str; 4]> {
    up.prints(&["key", "new", "--out", "key.json"])?;
    up.prints(&["peer", "enrol", PEER, "--key", "key.json"])?;
    up.write("text.json", chaos_cluster::documents::text_agent().to_string())?;
    let artifact = guests()?.join("node_textkit.wasm");
    let artifact = artifact.to_str().context("UTF-8")?;
    up.prints(&["agent", "deploy", "text", "--artifact", artifact, "--card", "text.json"])?;
    Ok(["--key", "key.json", "--issuer", PEER])
}

#[test]
fn a_call_ends_with_1_when_the_agent_refuses_and_prints_its_answer_all_the_same() -> Result<()> {
    let up = Up::start_on(&[])?;
    let token = deploy(&up)?;
    let good = [&["agent", "call", "text", "One text."], &token[..]].concat();
    assert_eq!(up.code(&good)?, Some(0));
    for streams in [&[][..], &["--stream"]] {
        let refused = [&["agent", "call", "text", "..."], &token[..], streams].concat();
        let output = up.command(&refused)?;
        assert_eq!(output.status.code(), Some(1), "{streams:?}");
        let (out, err) = (String::from_utf8(output.stdout)?, String::from_utf8(output.stderr)?);
        assert!(out.contains("TASK_STATE_REJECTED"), "{out}");
        assert!(err.contains("TASK_STATE_REJECTED"), "{err}");
    }
    let absent = [&["agent", "call", "absent", "One text."], &token[..]].concat();
    assert_eq!(up.code(&absent)?, Some(5));
    let deploy = ["agent", "deploy", "key", "--artifact", "key.json", "--card", "text.json"];
    let output = up.command(&deploy)?;
    let said = String::from_utf8(output.stderr)?;
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("--artifact key.json") && said.contains("WebAssembly"), "{said}");
    up.process.stop(Duration::from_secs(60))
}

/// Runs a command with these variables; its exit code, and what it says on stderr.
fn run(args: &[&str], environment: &[(&str, &str)]) -> Result<(Option<i32>, String)> {
    let folder = tempfile::tempdir()?;
    let output = Command::new(binary()?)
        .current_dir(folder.path())
        .args(args)
        .envs(environment.iter().copied())
        .output()?;
    Ok((output.status.code(), String::from_utf8(output.stderr)?))
}

#[test]
fn a_mistake_names_its_flag_its_variable_or_its_file() -> Result<()> {
    let no_key = "/nonexistent/key.json";
    for (args, named) in [
        (&["--registry", "127.0.0.1:1", "peer", "list"][..], "--registry"),
        (&["--gateway", "127.0.0.1:1", "doctor"], "--gateway"),
        (&["peer", "show", "peer.example"], "ORIGIN"),
        (&["key", "token", "--key", no_key, "--issuer", "peer.example"], "--issuer"),
        (&["key", "token", "--key", no_key, "--issuer", PEER, "--audience", "x"], "--audience"),
        (&["key", "token", "--key", no_key, "--issuer", PEER], no_key),
        (&["key", "new", "--out", "k.json", "--kid", "a b"], "--kid"),
        (&["log", "tail", "--key", "nonsense"], "--key"),
        (&["partner", "add", "north", "registry.example"], "URL"),
        (&["cluster", "restore", "f", "d", "--member", "1=127.0.0.1:1"], "--member"),
        (&["registry", "run"], "--config"),
        (&["gateway", "run"], "--config"),
        (&["node", "run"], "--config"),
        (&["gateway", "run", "--config", "/nonexistent/g.toml"], "/nonexistent/g.toml"),
        (&["gateway", "run", "--set", "nonsense"], "--set"),
    ] {
        let (code, said) = run(args, &[])?;
        assert_eq!(code, Some(2), "{args:?}: {said}");
        assert!(said.contains(named), "{args:?}: {said}");
    }
    for (variable, value, named) in [
        ("ECUMENE_REGISTRY", "127.0.0.1:1", "--registry"),
        ("ECUMENE_CLIENT__REGISTRY", "['127.0.0.1:1']", "ECUMENE_CLIENT__REGISTRY"),
        ("ECUMENE_CLIENT__NONSENSE", "1", "nonsense"),
    ] {
        let (code, said) = run(&["peer", "list"], &[(variable, value)])?;
        assert_eq!(code, Some(2), "{variable}: {said}");
        assert!(said.contains(named), "{variable}: {said}");
    }
    Ok(())
}

#[test]
fn the_registry_is_taken_from_the_environment_and_a_flag_is_stronger() -> Result<()> {
    let variable = [("ECUMENE_REGISTRY", "http://127.0.0.1:1,http://127.0.0.1:2")];
    let (code, said) = run(&["peer", "list"], &variable)?;
    assert_eq!(code, Some(3), "{said}");
    assert!(said.contains("127.0.0.1:1 ") && said.contains("127.0.0.1:2 "), "{said}");
    let (_, said) = run(&["--registry", "http://127.0.0.1:3", "peer", "list"], &variable)?;
    assert!(said.contains("127.0.0.1:3 ") && !said.contains("127.0.0.1:1 "), "{said}");
    Ok(())
}

/// How often a process has logged this.
fn logged(world: &World, name: &str, line: &str) -> Result<usize> {
    let log = std::fs::read_to_string(world.path(&format!("{name}.log")))?;
    Ok(log.lines().filter(|said| said.contains(line)).count())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_says_once_that_its_registry_is_away_and_comes_back_with_it() -> Result<()> {
    let mut world = World::registry(1).await?;
    world.add_gateway("g1").await?;
    let member = world.members[0].process.take().context("the member is up")?;
    member.kill_9()?;
    // Not a wait for something: the span over which lines are counted. Before, there were five a second.
    tokio::time::sleep(Duration::from_secs(5)).await;
    let said = logged(&world, "g1", "the watch ended")?;
    assert!((1..=2).contains(&said), "{said} lines in five seconds");
    world.start_member(0)?;
    world.member_ready(0).await?;
    world.gateway_ready(0).await?;
    world.stop()
}
