//! A server of NATS with JetStream, for these tests: Debian's `nats-server`, which `deploy/deps test` installs.

use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tokio::net::TcpStream;
use tokio::time::sleep;

use crate::world::PATIENCE;

/// A server, which ends with this.
pub(crate) struct Nats {
    pub(crate) addr: SocketAddr,
    folder: tempfile::TempDir,
    running: Child,
}

impl Nats {
    /// A server on loopback with these further lines in its configuration.
    pub(crate) async fn start(lines: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        // A port that is free again.
        let addr = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let store = folder.path().join("store");
        let config = format!(
            "listen: \"{addr}\"\nmax_payload: 2MB\njetstream {{ store_dir: {store:?} }}\n{lines}\n"
        );
        fs::write(folder.path().join("nats.conf"), config).unwrap();
        let running = run(folder.path());
        let nats = Self { addr, folder, running };
        nats.listening().await;
        nats
    }

    /// Kills the server, and starts it again where it was.
    pub(crate) async fn restart(&mut self) {
        self.stop();
        self.running = run(self.folder.path());
        self.listening().await;
    }

    fn stop(&mut self) {
        // It may have ended.
        let _ = self.running.kill();
        self.running.wait().unwrap();
    }

    async fn listening(&self) {
        let since = Instant::now();
        while TcpStream::connect(self.addr).await.is_err() {
            assert!(since.elapsed() < PATIENCE, "nats-server does not listen on {}", self.addr);
            sleep(Duration::from_millis(20)).await;
        }
    }
}

impl Drop for Nats {
    fn drop(&mut self) {
        self.stop();
    }
}

fn run(folder: &Path) -> Child {
    let log = fs::File::create(folder.join("log")).unwrap();
    let started = Command::new(program())
        .arg("-c")
        .arg(folder.join("nats.conf"))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log)
        .spawn();
    started
        .unwrap_or_else(|error| panic!("nats-server, which `deploy/deps test` installs: {error}"))
}

/// Only root's path leads to where Debian has it.
fn program() -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders =
        std::env::split_paths(&path).chain(["/usr/sbin".into(), "/usr/local/sbin".into()]);
    let found = folders.map(|folder| folder.join("nats-server")).find(|file| file.is_file());
    found.unwrap_or_else(|| "nats-server".into())
}

/// A certificate for 127.0.0.1 and its key, signed by an authority: the files of all three.
pub(crate) fn certificate(folder: &Path) -> (PathBuf, PathBuf, PathBuf) {
    let file = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    let (ca, ca_key, cert, key) =
        (file("ca.pem"), file("ca.key"), file("cert.pem"), file("key.pem"));
    let (request, names) = (file("request.pem"), file("names"));
    fs::write(&names, "subjectAltName=IP:127.0.0.1\n").unwrap();
    let curve: &[&str] = &["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
    let of_ca: &[&str] =
        &["req", "-x509", "-days", "2", "-subj", "/CN=ca", "-keyout", &ca_key, "-out", &ca];
    openssl(&[of_ca, curve].concat());
    let of_server: &[&str] = &["req", "-subj", "/CN=nats", "-keyout", &key, "-out", &request];
    openssl(&[of_server, curve].concat());
    openssl(&[
        "x509",
        "-req",
        "-in",
        &request,
        "-CA",
        &ca,
        "-CAkey",
        &ca_key,
        "-CAcreateserial",
        "-days",
        "2",
        "-extfile",
        &names,
        "-out",
        &cert,
    ]);
    (ca.into(), cert.into(), key.into())
}

fn openssl(arguments: &[&str]) {
    let done = Command::new("openssl").args(arguments).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}
