//! A server beside ours: another project's program, or a part of this one, in a process of its own. It must never outlive the
//! process that started it.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use tokio::net::{TcpListener, TcpStream};

/// As long as a server may take until it listens.
const PATIENCE: Duration = Duration::from_secs(30);

/// Its process, which ends with its owner.
pub(crate) struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        // It may be gone already; then both calls fail, and that is as wished.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Server {
    /// Starts a program that needs no input and whose output nobody reads.
    ///
    /// # Errors
    /// It is not installed, or the system refuses.
    pub(super) fn start(command: &mut Command) -> Result<Self> {
        let program = command.get_program().to_string_lossy().into_owned();
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).spawn();
        let child = child.with_context(|| format!("{program} cannot be started"))?;
        Ok(Self(child))
    }

    /// Starts a part of this program, and reads the base URL that it prints.
    ///
    /// # Errors
    /// It does not start.
    pub(super) fn part(arguments: &[&str]) -> Result<(Self, String)> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut server = Self(command.spawn()?);
        let output = server.0.stdout.take().context("a part of this program has no output")?;
        let mut base = String::new();
        BufReader::new(output.take(100)).read_line(&mut base)?;
        ensure!(base.ends_with('\n'), "a part of this program does not say where it listens");
        Ok((server, base.trim_end().to_owned()))
    }

    /// Its process id.
    pub(crate) fn id(&self) -> u32 {
        self.0.id()
    }

    /// Waits until it takes connections on a port of loopback.
    ///
    /// # Errors
    /// It ends, or never does.
    pub(super) async fn listening(&mut self, port: u16) -> Result<()> {
        let until = Instant::now() + PATIENCE;
        while TcpStream::connect(("127.0.0.1", port)).await.is_err() {
            if let Some(status) = self.0.try_wait()? {
                bail!("it ended by itself with {status}");
            }
            ensure!(Instant::now() < until, "it does not listen within {PATIENCE:?}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Ok(())
    }
}

/// A port that was free a moment ago.
pub(super) fn free_port() -> Result<u16> {
    Ok(std::net::TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}

/// Listens on loopback, and prints where: for [`Server::part`].
pub(super) async fn listen() -> Result<TcpListener> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    println!("http://{}", listener.local_addr()?);
    Ok(listener)
}

/// Ends with standard input: then whoever started this process is gone.
pub(super) async fn orphaned() {
    // Nobody writes there, so that whatever comes of it is the end.
    let _ = tokio::task::spawn_blocking(|| std::io::stdin().read(&mut [0])).await;
}

/// Serves each connection by itself until this process is orphaned.
///
/// # Errors
/// It cannot listen.
pub(super) async fn serve<F>(connection: impl Fn(TcpStream) -> F) -> Result<()>
where
    F: Future<Output = ()> + Send + 'static,
{
    let listener = listen().await?;
    let mut orphaned = std::pin::pin!(orphaned());
    loop {
        tokio::select! {
            () = &mut orphaned => return Ok(()),
            accepted = listener.accept() => {
                let stream = accepted?.0;
                // Without its delay a client of a kept connection would wait for it; a failure is the client's leaving.
                let _ = stream.set_nodelay(true);
                tokio::spawn(connection(stream));
            }
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_program_that_ends_instead_of_listening_is_told_from_one_that_listens() {
        let closed = free_port().unwrap();
        let mut ended = Server::start(&mut Command::new("false")).unwrap();
        let told = ended.listening(closed).await.unwrap_err().to_string();
        assert!(told.contains("ended by itself"), "{told}");
        let open = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let port = open.local_addr().unwrap().port();
        assert!(ended.listening(port).await.is_ok());
        assert!(Server::start(&mut Command::new("/nowhere/program")).is_err());
    }
}
