//! One child process: started with its output in a file, ended with a signal or with the world.
//! It must never leave a child behind, nor signal a process that is not its own.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
pub use rustix::process::Signal;
use rustix::process::{Pid, kill_process};

/// A running child.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts `ecumene` with these arguments; stdout and stderr go to `log`, after what is there.
    ///
    /// # Errors
    /// The binary is not built, or the system refuses.
    pub fn start(name: &str, args: &[&str], log: &Path) -> Result<Self> {
        Self::start_on(&[], name, args, log)
    }

    /// As [`Process::start`], on a host or by a clock: `on` is the program that sees to that and becomes the one that it
    /// is given.
    ///
    /// # Errors
    /// As [`Process::start`].
    pub fn start_on(on: &[String], name: &str, args: &[&str], log: &Path) -> Result<Self> {
        let binary = binary()?;
        let output = File::options()
            .create(true)
            .append(true)
            .open(log)
            .context("the log cannot be opened")?;
        // A bound on the size of files, which can stand in for a full disk, is to be an error and not a signal.
        let shell = ["sh", "-c", "trap '' XFSZ; exec \"$0\" \"$@\""];
        let mut words = on.iter().map(String::as_str).chain(shell);
        let child = Command::new(words.next().unwrap_or("sh"))
            .args(words)
            .arg(&binary)
            .args(args)
            .env("RUST_BACKTRACE", "1")
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            .spawn()
            .with_context(|| format!("{} cannot be started", binary.display()))?;
        Ok(Self { name: name.to_owned(), child, log: log.to_owned() })
    }

    /// Its process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Ends it at once, as a power cut would, and waits until it is gone.
    ///
    /// # Errors
    /// The system refuses.
    pub fn kill_9(mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// Asks it to stop, and waits; a process that does not stop in time is a failure, and is killed.
    ///
    /// # Errors
    /// It did not stop, or not cleanly.
    pub fn stop(mut self, patience: Duration) -> Result<()> {
        self.signal(Signal::TERM)?;
        let status = self.wait(patience)?;
        match status {
            Some(status) if status.success() => Ok(()),
            Some(status) => bail!("{} ended with {status}: {}", self.name, self.tail()),
            None => bail!("{} did not stop within {patience:?}: {}", self.name, self.tail()),
        }
    }

    /// Sends it a signal.
    ///
    /// # Errors
    /// The system refuses.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        kill_process(Pid::from_child(&self.child), signal)
            .with_context(|| format!("{} cannot be signalled", self.name))
    }

    /// Fails if the process has ended by itself.
    ///
    /// # Errors
    /// It has; with the end of its log.
    pub fn check_alive(&mut self) -> Result<()> {
        match self.child.try_wait()? {
            None => Ok(()),
            Some(status) => bail!("{} ended by itself with {status}: {}", self.name, self.tail()),
        }
    }

    /// The last lines it wrote.
    #[must_use]
    pub fn tail(&self) -> String {
        let text = std::fs::read(&self.log).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(25)..].join("\n")
    }

    /// Waits until it ends by itself; nothing if it does not in time.
    ///
    /// # Errors
    /// The system refuses.
    pub fn wait(&mut self, patience: Duration) -> Result<Option<ExitStatus>> {
        let until = Instant::now() + patience;
        while Instant::now() < until {
            if let Some(status) = self.child.try_wait()? {
                return Ok(Some(status));
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(None)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may be gone already; then both calls fail, and that is as wished.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The binary under test: `ECUMENE_BIN`, or the one beside this test's own.
///
/// # Errors
/// It is not there.
pub fn binary() -> Result<PathBuf> {
    if let Some(path) = std::env::var_os("ECUMENE_BIN") {
        return Ok(path.into());
    }
    let own = std::env::current_exe()?;
    let found = own
        .ancestors()
        .skip(1)
        .take(2)
        .map(|folder| folder.join("ecumene"))
        .find(|path| path.is_file());
    found.context(
        "the binary `ecumene` is not built: run `cargo build --bin ecumene`, or set ECUMENE_BIN",
    )
}
