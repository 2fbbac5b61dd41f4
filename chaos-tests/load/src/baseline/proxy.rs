//! Proxies before the same upstream as our gateway: the prototype on hyper, nginx, and Envoy with the checks that it has.
//! It decides how each is started and called: with fresh tokens of a peer that no registry knows. It must never count a call that
//! was not answered by the upstream.

mod envoy;

use std::fs::File;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use chaos_cluster::peer::Peer;

use super::prototype;
use super::rate::Rate;
use super::server::{Server, free_port};
use super::upstream::{self, Upstream};
use crate::cores;
use crate::drive::{self, Pace, Pool, Tally};
use crate::web::{self, Shot, Web};

/// For whom the tokens are.
const AUDIENCE: &str = "https://gateway.example";
/// Where a gateway has its agents; here every path is the upstream's.
const PATH: &str = "/agents/far-1";
/// Where its packages put nginx: only root's path leads there.
const NGINX: &str = "/usr/sbin/nginx";
/// Calls made beforehand for a turn: more than one core does in it.
const CALLS_A_SECOND: usize = 25_000;

/// A proxy's process, and clients of it.
pub(crate) struct Proxy {
    name: &'static str,
    base: String,
    peer: Peer,
    clients: Vec<Web>,
    // Last, so that the clients leave first.
    process: Server,
}

impl Proxy {
    /// The prototype.
    ///
    /// # Errors
    /// It does not start.
    pub(crate) fn prototype(upstream: &Upstream) -> Result<Self> {
        let (peer, to) = (issuer()?, upstream.address()?.to_string());
        let (issuer, key) = (peer.origin.to_string(), peer.key.public().to_hex());
        let (process, base) = Server::part(&[
            prototype::PART,
            "--upstream",
            &to,
            "--audience",
            AUDIENCE,
            "--issuer",
            &issuer,
            "--key",
            &key,
        ])?;
        let name = "the same call through a bare hyper prototype: Ed25519, replay set and rate in one \
                    process, no cluster";
        Ok(Self { name, base, peer, clients: Vec::new(), process })
    }

    /// nginx, which passes everything on.
    ///
    /// # Errors
    /// It is not installed, or does not start.
    pub(crate) async fn nginx(folder: &Path, upstream: &Upstream) -> Result<Self> {
        std::fs::create_dir_all(folder)?;
        let port = free_port()?;
        let conf = nginx_conf(port, &upstream.address()?.to_string());
        std::fs::write(folder.join("nginx.conf"), conf)?;
        let program = if Path::new(NGINX).exists() { NGINX } else { "nginx" };
        let mut command = Command::new(program);
        command.arg("-p").arg(folder).args(["-c", "nginx.conf", "-e", "stderr"]);
        let name = "the same call through nginx as a plain proxy: nothing is checked";
        Self::start(name, command, &folder.join("nginx.log"), port).await
    }

    /// Envoy, which checks signature, audience, times and a rate, and no replay.
    ///
    /// # Errors
    /// It is not installed, or does not start.
    pub(crate) async fn envoy(folder: &Path, upstream: &Upstream) -> Result<Self> {
        std::fs::create_dir_all(folder)?;
        let (port, peer, path) = (free_port()?, issuer()?, folder.join("envoy.json"));
        let config = envoy::config((port, upstream.address()?), &peer, AUDIENCE);
        std::fs::write(&path, config.to_string())?;
        let program = std::env::var_os("ECUMENE_ENVOY").unwrap_or_else(|| "envoy".into());
        let mut command = Command::new(program);
        command.arg("-c").arg(path).args(["--disable-hot-restart", "--concurrency", "1"]);
        command.args(["--log-level", "warning"]);
        let name = "the same call through Envoy with jwt_authn (Ed25519) and local_ratelimit: no replay \
                    check";
        let started = Self::start(name, command, &folder.join("envoy.log"), port).await?;
        Ok(Self { peer, ..started })
    }

    async fn start(
        name: &'static str,
        mut command: Command,
        log: &Path,
        port: u16,
    ) -> Result<Self> {
        let mut process = Server::start(command.stderr(File::create(log)?))?;
        process.listening(port).await.with_context(|| said(log))?;
        let (base, peer) = (format!("http://127.0.0.1:{port}"), issuer()?);
        Ok(Self { name, base, peer, clients: Vec::new(), process })
    }

    /// What it is, in words.
    pub(crate) fn name(&self) -> &'static str {
        self.name
    }

    /// One closed-loop turn of so many clients, each call with a token of its own.
    ///
    /// # Errors
    /// It is gone, or an answer is not the upstream's.
    pub(crate) async fn turn(
        &mut self,
        clients: usize,
        length: Duration,
        so_far: &mut Rate,
    ) -> Result<()> {
        if self.clients.len() != clients {
            self.clients = web::clients(&self.base, clients, upstream::is_answer).await?;
        }
        let (pool, before) = (self.pool(length)?, cores::used(self.process.id())?);
        let clients = std::mem::take(&mut self.clients);
        let (clients, turn) = drive::run(clients, pool, Pace::Closed, length).await?;
        self.clients = clients;
        ensure!(turn.tally.failed == 0, "{}: it fails: {:?}", self.name, turn.tally.why);
        let used = cores::used(self.process.id())?.saturating_sub(before);
        so_far.add(turn.tally.done(), turn.elapsed, used);
        so_far.latency.get_or_insert_with(Tally::new).add(turn.tally);
        Ok(())
    }

    fn pool(&self, length: Duration) -> Result<Pool<Shot>> {
        let count = CALLS_A_SECOND * usize::try_from(length.as_secs().max(1))?;
        let call = |_| upstream::call(&self.base, PATH, Some(&self.peer.token(AUDIENCE)?));
        (0..count).map(call).collect::<Result<_>>().map(Pool::once)
    }
}

/// Whose tokens a proxy takes.
fn issuer() -> Result<Peer> {
    Peer::new("https://bench.example")
}

/// The end of a log.
fn said(log: &Path) -> String {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(3)..].join(" / ")
}

/// One process, which keeps its connections on both sides for as long as a run lasts. Its files are in the folder that it is
/// started in.
fn nginx_conf(port: u16, upstream: &str) -> String {
    format!(
        "daemon off;\nmaster_process off;\nworker_processes 1;\npid nginx.pid;\nerror_log stderr warn;\n\
         events {{ worker_connections 4096; }}\n\
         http {{\n\
         access_log off;\nkeepalive_requests 1000000000;\nkeepalive_timeout 3600s;\n\
         client_body_temp_path body;\nproxy_temp_path proxy;\nfastcgi_temp_path fastcgi;\n\
         uwsgi_temp_path uwsgi;\nscgi_temp_path scgi;\n\
         upstream agent {{ server {upstream}; keepalive 512; keepalive_requests 1000000000; }}\n\
         server {{ listen 127.0.0.1:{port};\n\
         location / {{ proxy_pass http://agent; proxy_http_version 1.1; proxy_set_header Connection \"\"; }} }}\n\
         }}\n"
    )
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn nginx_is_told_where_it_listens_and_where_calls_go_and_its_braces_are_closed() {
        let conf = nginx_conf(7_001, "127.0.0.1:7002");
        assert!(conf.contains("listen 127.0.0.1:7001;") && conf.contains("server 127.0.0.1:7002;"));
        let count = |brace| conf.chars().filter(|char| *char == brace).count();
        assert_eq!((count('{'), count('}')), (5, 5));
    }

    #[test]
    fn of_a_log_its_end_is_told() {
        let folder = std::env::temp_dir().join(format!("ecumene-log-{}", std::process::id()));
        std::fs::write(&folder, "one\ntwo\nthree\nfour\n").unwrap();
        assert_eq!(said(&folder), "two / three / four");
        std::fs::remove_file(&folder).unwrap();
        assert_eq!(said(&folder), "");
    }
}
