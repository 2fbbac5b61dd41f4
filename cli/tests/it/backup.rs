//! `cluster backup` of a registry that runs.

use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::ecumene;

/// Far more than a start takes.
const PATIENCE: Duration = Duration::from_secs(60);

/// `ecumene up` in a folder of its own.
struct Up {
    folder: tempfile::TempDir,
    process: Child,
}

impl Up {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let free = ["--registry-listen", "127.0.0.1:0", "--gateway-listen", "127.0.0.1:0"];
        let mut command = Command::new(env!("CARGO_BIN_EXE_ecumene"));
        command.current_dir(folder.path()).args(["up", "--data-dir", "data"]).args(free);
        let process = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let up = Self { folder, process };
        let until = Instant::now() + PATIENCE;
        while !up.run(&["peer", "list"]).status.success() {
            assert!(Instant::now() < until, "it does not come up");
            sleep(Duration::from_millis(100));
        }
        up
    }

    fn run(&self, args: &[&str]) -> std::process::Output {
        let profile = ["--profile", "data/client.toml", "--output", "json"];
        ecumene(self.folder.path(), &[&profile, args].concat())
    }

    /// Whether the copy is said to be confirmed, and what is said beside.
    fn backup(&self, args: &[&str]) -> (Value, String) {
        let output = self.run(&[&["cluster", "backup"], args].concat());
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success(), "{said}");
        let told: Value = serde_json::from_slice(&output.stdout).unwrap();
        (told["confirmed"].clone(), said)
    }
}

impl Drop for Up {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn a_copy_is_confirmed_unless_one_is_asked_for_that_may_miss_writes_and_is_said_to() {
    let up = Up::start();
    assert_eq!(up.backup(&["first"]), (Value::Bool(true), String::new()));
    let (confirmed, said) = up.backup(&["second", "--unconfirmed"]);
    assert_eq!(confirmed, Value::Bool(false));
    assert!(said.contains("may miss the last acknowledged writes"), "{said}");
    for copy in ["first", "second"] {
        assert!(up.run(&["cluster", "verify", copy]).status.success(), "{copy}");
    }
}
