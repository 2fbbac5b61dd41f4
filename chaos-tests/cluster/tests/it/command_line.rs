//! `ecumene up`: one process, three roles; and what its client commands do, with their exit codes.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use chaos_cluster::process::{Process, binary};
use serde_json::{Value, json};

/// `ecumene up` in a folder of its own.
pub(crate) struct Up {
    folder: tempfile::TempDir,
    pub(crate) process: Process,
}

impl Up {
    fn start() -> Result<Self> {
        Self::start_on(&[])
    }

    /// As a program that goes to another host first starts it.
    pub(crate) fn start_on(host: &[&str]) -> Result<Self> {
        let mut up = Self::begin(host, tempfile::tempdir()?)?;
        let until = Instant::now() + Duration::from_secs(60);
        loop {
            let doctor = up.command(&["doctor"])?;
            if doctor.status.success() {
                return Ok(up);
            }
            up.process.check_alive()?;
            let said = String::from_utf8_lossy(&doctor.stdout).into_owned();
            ensure!(Instant::now() < until, "{said}\n{}", up.process.tail());
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// Starts it and waits for nothing.
    pub(crate) fn begin(host: &[&str], folder: tempfile::TempDir) -> Result<Self> {
        let data = folder.path().join("data");
        let data = data.to_str().expect("a temporary folder's path is UTF-8");
        let free = ["--registry-listen", "127.0.0.1:0", "--gateway-listen", "127.0.0.1:0"];
        let args = [&["up", "--data-dir", data], &free[..]].concat();
        let host: Vec<String> = host.iter().map(|&word| word.to_owned()).collect();
        let process = Process::start_on(&host, "up", &args, &folder.path().join("log"))?;
        Ok(Self { folder, process })
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn command(&self, args: &[&str]) -> Result<Output> {
        let mut command = Command::new(binary()?);
        command.current_dir(self.folder.path()).args(["--profile", "data/client.toml"]);
        Ok(command.args(args).output()?)
    }

    pub(crate) fn code(&self, args: &[&str]) -> Result<Option<i32>> {
        Ok(self.command(args)?.status.code())
    }

    /// What a command prints on stdout; it has to succeed.
    pub(crate) fn prints(&self, args: &[&str]) -> Result<Vec<u8>> {
        let output = self.command(args)?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "{args:?}: {said}");
        Ok(output.stdout)
    }

    fn json(&self, args: &[&str]) -> Result<Value> {
        Ok(serde_json::from_slice(&self.prints(&[&["--output", "json"], args].concat())?)?)
    }

    pub(crate) fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> Result<()> {
        Ok(std::fs::write(self.path(name), bytes)?)
    }
}

#[test]
fn one_process_runs_all_three_roles_and_drains_on_sigterm() -> Result<()> {
    let up = Up::start()?;
    assert_eq!(up.code(&["record", "get", "urn:test:agent:none"])?, Some(5), "not found");
    let unknown = ["peer", "reputation", "https://none.example", "--explain"];
    assert_eq!(up.code(&unknown)?, Some(5), "not found");
    assert_eq!(up.code(&["agent", "search", "--min-reputation", "0.7"])?, Some(0), "none is found");
    assert_eq!(up.code(&["agent", "search", "--min-reputation", "0.75"])?, Some(1), "no such step");
    assert_eq!(up.code(&["record", "put", "/nonexistent"])?, Some(2), "usage");
    let nobody = ["--registry", "http://127.0.0.1:1,http://127.0.0.1:2", "peer", "list"];
    let unreachable = up.command(&nobody)?;
    assert_eq!(unreachable.status.code(), Some(3), "unreachable");
    let said = String::from_utf8_lossy(&unreachable.stderr);
    assert!(
        said.contains("127.0.0.1:1 ") && said.contains("127.0.0.1:2 "),
        "both are named: {said}"
    );
    up.process.stop(Duration::from_secs(60))
}

const PEER: &str = "https://peer.example";

#[test]
fn a_peer_is_enrolled_states_itself_and_signs_what_it_publishes_by_command_line_alone() -> Result<()>
{
    let up = Up::start()?;
    for (file, kid) in [("key.json", "k1"), ("recovery.json", "r1"), ("other.json", "k1")] {
        up.prints(&["key", "new", "--out", file, "--kid", kid])?;
    }
    up.prints(&["peer", "enrol", PEER, "--key", "key.json", "--recovery-key", "recovery.json"])?;
    manifests(&up)?;
    record(&up)?;
    card(&up)?;
    proven(&up)?;
    up.process.stop(Duration::from_secs(60))
}

fn manifests(up: &Up) -> Result<()> {
    let state = ["peer", "manifest", PEER, "--key", "key.json"];
    let a2a = "https://peer.example/a2a";
    let first = up.json(&[&state[..], &["--a2a", a2a, "--capability", "translate"]].concat())?;
    assert_eq!(first["seq"], 1);
    let second = up.json(&[&state[..], &["--contact", "ops@peer.example"]].concat())?;
    assert_eq!(second["seq"], 2);
    let kept = up.json(&["peer", "show", PEER])?;
    assert_eq!(kept["manifestSeq"], 2);
    assert_eq!(kept["manifest"]["endpoints"]["a2a"], a2a, "what is not said stays");
    assert_eq!(kept["manifest"]["capabilities"], json!(["translate"]));
    assert_eq!(kept["keys"].as_array().map(Vec::len), Some(1));
    assert_eq!(kept["recoveryKeys"].as_array().map(Vec::len), Some(1));
    let stranger = ["peer", "manifest", PEER, "--key", "other.json"];
    assert_eq!(up.code(&stranger)?, Some(2), "a key that is not enrolled signs nothing");
    assert_eq!(up.code(&[&state[..], &["--a2a", "nonsense"]].concat())?, Some(2));
    Ok(())
}

fn record(up: &Up) -> Result<()> {
    let record = json!({
        "schema": "pilox-registry-record-v1",
        "handle": "urn:test:agent:one",
        "updatedAt": "2026-01-01T00:00:00Z",
        "agentCardUrl": "https://peer.example/.well-known/agent-card.json",
    });
    up.write("record.json", record.to_string())?;
    let sign = ["record", "sign", "record.json", "--by", PEER, "--key"];
    up.write("signed.json", up.prints(&[&sign[..], &["key.json"]].concat())?)?;
    let put = up.json(&["record", "put", "signed.json"])?;
    assert_eq!((&put["assurance"], &put["owner"]), (&json!("enrolled"), &json!(PEER)));
    let nobody = Path::new("missing.json").to_str().expect("ASCII");
    assert_eq!(up.code(&[&sign[..], &[nobody]].concat())?, Some(2), "no key, no record");
    up.write("record.json", "{}")?;
    assert_eq!(up.code(&[&sign[..], &["key.json"]].concat())?, Some(2), "not a record");
    Ok(())
}

fn card(up: &Up) -> Result<()> {
    let card = json!({
        "name": "One", "description": "Translates", "version": "1",
        "supportedInterfaces": [{
            "url": "https://peer.example/a2a", "protocolBinding": "JSONRPC", "protocolVersion": "1.0",
        }],
        "capabilities": { "streaming": true },
        "defaultInputModes": ["text/plain"], "defaultOutputModes": ["text/plain"],
        "skills": [{ "id": "t", "name": "Translate", "description": "Texts", "tags": ["text"] }],
    });
    up.write("card.json", card.to_string())?;
    up.write("signed.json", up.prints(&["card", "sign", "card.json", "--key", "key.json"])?)?;
    let put = ["card", "put", "urn:test:card:one", "signed.json", "--owner", PEER];
    assert_eq!(up.json(&put)?["assurance"], "enrolled");
    let hits = up.json(&["agent", "search", "--skill", "t"])?;
    assert_eq!(hits["hits"][0]["handle"], "urn:test:card:one");
    Ok(())
}

/// Both entries stand in the log, under the key that the registry said at its start.
fn proven(up: &Up) -> Result<()> {
    let said = std::fs::read_to_string(up.path("log"))?;
    let key = said
        .lines()
        .find_map(|line| line.split("checkpoints are verified with this key key=").nth(1));
    let key = key.context("the registry says its key")?;
    let registry = up.json(&["cluster", "status"])?;
    let url = registry[0]["url"].as_str().context("a URL")?;
    let verify = ["log", "verify", "--key", key, "--checkpoint", "state.note"];
    let both = ["--handle", "urn:test:agent:one", "--card", "urn:test:card:one", url];
    assert_eq!(up.json(&[&verify[..], &both].concat())?["verified"], true);
    let proof = up.json(&["log", "proof", "urn:test:card:one", "--card", "--key", key])?;
    assert_eq!((&proof["kind"], &proof["verified"]), (&json!("card"), &json!(true)));
    let record = up.code(&["log", "proof", "urn:test:card:one", "--key", key])?;
    assert_eq!(record, Some(5), "there is no such record");
    Ok(())
}
