//! `ecumene up`: one process, three roles; and the exit codes of client commands.

use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use chaos_cluster::process::{Process, binary};

#[test]
fn one_process_runs_all_three_roles_and_drains_on_sigterm() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let data = folder.path().join("data");
    let data = data.to_str().expect("a temporary folder's path is UTF-8");
    let log = folder.path().join("log");
    let free = ["--registry-listen", "127.0.0.1:0", "--gateway-listen", "127.0.0.1:0"];
    let mut up = Process::start("up", &[&["up", "--data-dir", data], &free[..]].concat(), &log)?;
    let profile = format!("{data}/client.toml");
    let until = Instant::now() + Duration::from_secs(60);
    loop {
        let doctor = Command::new(binary()?).args(["--profile", &profile, "doctor"]).output()?;
        if doctor.status.success() {
            break;
        }
        up.check_alive()?;
        ensure!(
            Instant::now() < until,
            "{}\n{}",
            String::from_utf8_lossy(&doctor.stdout),
            up.tail()
        );
        std::thread::sleep(Duration::from_millis(100));
    }
    let code = |args: &[&str]| -> Result<Option<i32>> {
        Ok(Command::new(binary()?).args(["--profile", &profile]).args(args).output()?.status.code())
    };
    assert_eq!(code(&["record", "get", "urn:test:agent:none"])?, Some(5), "not found");
    let unknown = ["peer", "reputation", "https://none.example", "--explain"];
    assert_eq!(code(&unknown)?, Some(5), "not found");
    assert_eq!(code(&["agent", "search", "--min-reputation", "0.7"])?, Some(0), "none is found");
    assert_eq!(code(&["agent", "search", "--min-reputation", "0.75"])?, Some(1), "no such step");
    assert_eq!(code(&["record", "put", "/nonexistent"])?, Some(2), "usage");
    assert_eq!(
        code(&["--registry", "http://127.0.0.1:1", "peer", "list"])?,
        Some(3),
        "unreachable"
    );
    up.stop(Duration::from_secs(60))
}
