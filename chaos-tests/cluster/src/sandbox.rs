//! A test that runs itself again where it may build a network: in namespaces of its own, which end with it.
//!
//! It decides with which rights: those of a user namespace, or root's where there may be none. It must never let a test
//! pass that has not run, nor leave a process behind when the test is ended from outside.

use std::io::Read as _;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail, ensure};

/// Names the file that a test inside writes when it has passed.
const INSIDE: &str = "ECUMENE_SANDBOX";

/// What a network of hosts needs; with a process namespace too, whose end is the end of all in it.
const NAMESPACES: &[&str] = &["--net", "--mount", "--pid", "--fork", "--kill-child"];

/// To have the rights in them without being root.
const OWN_USER: &[&str] = &["--user", "--map-root-user"];

/// Runs the body of the test called `test` (its path, as the test harness prints it) in namespaces of its own.
///
/// # Errors
/// The body failed, or this machine allows no namespaces.
pub fn run<F: Future<Output = Result<()>>>(test: &str, body: impl FnOnce() -> F) -> Result<()> {
    match std::env::var_os(INSIDE) {
        Some(passed) => {
            end_with_the_caller();
            let threads = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
            threads.block_on(Box::pin(body()))?;
            Ok(std::fs::write(passed, "")?)
        }
        None => again(test),
    }
}

/// Whether this process runs the body of such a test.
#[must_use]
pub fn is_inside() -> bool {
    std::env::var_os(INSIDE).is_some()
}

fn again(test: &str) -> Result<()> {
    // The harness leaves out the name of the crate.
    let (_, test) = test.split_once("::").context("the path of a test")?;
    let folder = tempfile::Builder::new().prefix("ecumene-sandbox-").tempdir()?;
    let passed = folder.path().join("passed");
    let mut inside = Command::new("unshare")
        .args(rights()?)
        .args(NAMESPACES)
        .arg(std::env::current_exe()?)
        .args([test, "--exact", "--include-ignored", "--nocapture"])
        .env(INSIDE, &passed)
        .env("PATH", path())
        .stdin(Stdio::piped())
        .spawn()?;
    // Kept open as long as we live; waiting would close it.
    let leash = inside.stdin.take();
    let status = inside.wait()?;
    drop(leash);
    ensure!(status.success(), "{test} failed in its sandbox: {status}");
    ensure!(Path::new(&passed).is_file(), "no test in the sandbox is called {test}");
    Ok(())
}

/// Where the system's own programs are found too: on some systems only root's path leads to `ip`.
fn path() -> std::ffi::OsString {
    let mut path = std::env::var_os("PATH").unwrap_or_default();
    path.push(":/usr/sbin:/sbin");
    path
}

/// The arguments with which namespaces may be made here.
fn rights() -> Result<&'static [&'static str]> {
    let mut refusals = Vec::new();
    for rights in [OWN_USER, &[]] {
        let tried = Command::new("unshare").args(rights).args(NAMESPACES).arg("true").output();
        let tried = tried.context("unshare (util-linux) is not there; `make deps` installs it")?;
        if tried.status.success() {
            return Ok(rights);
        }
        refusals.push(String::from_utf8_lossy(&tried.stderr).trim().to_owned());
    }
    bail!(
        "this machine lets nobody make a network namespace: {refusals:?}. Partitions are tested on a network of their \
         own: run the tests as root, or allow user namespaces (sysctl kernel.unprivileged_userns_clone=1, \
         kernel.apparmor_restrict_unprivileged_userns=0, user.max_user_namespaces above 0)"
    )
}

/// The caller holds the other end of stdin. When it has gone, so does this process, which is the first of its process
/// namespace, and with it everything in there.
fn end_with_the_caller() {
    std::thread::spawn(|| {
        // An error is an end too.
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        #[expect(clippy::disallowed_methods, reason = "nobody is left who would take an ExitCode")]
        std::process::exit(1);
    });
}
