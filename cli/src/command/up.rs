//! `up`: registry, gateway and node in one process on loopback, with generated keys.
//! It decides the order of start and stop and where things lie; the roles themselves are the same as anywhere.

use std::convert::Infallible;
use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use deploy_service::{Limits, Network, Shutdown, credential, private, telemetry};
use proto_wire::registry::v1 as wire;
use tokio::sync::mpsc;

use crate::args::UpArgs;
use crate::client::Profile;
use crate::failure::Failure;

use super::role::{start_log, supervised};

/// How long a role may take to come up before `up` gives up.
const PATIENCE: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(50);

/// Where servers may be that are attached as agents: on this machine.
const LOOPBACK: [&str; 2] = ["127.0.0.0/8", "::1/128"];

/// Roles of one process.
const ROLES: usize = 3;
/// How long the others may take to stop after one has failed: whoever waits for the error has waited long enough.
const FAREWELL: Duration = Duration::from_secs(5);

/// Runs the three roles until a signal, then stops them in the order node, gateway, registry. A role that fails or ends
/// by itself ends all.
pub(crate) async fn run(args: UpArgs) -> Result<(), Failure> {
    start_log(None, None)?;
    // The roles stop one after the other.
    let stop = supervised(3 * Limits::default().stop_timeout())?;
    let (told, mut ends) = mpsc::channel(ROLES);
    let mut roles = Roles { running: Vec::new(), told };
    let fallen = tokio::select! {
        () = stop.triggered() => None,
        Err(failure) = start(&args, &mut roles) => Some(failure),
        Some(end) = ends.recv() => Some(end.fallen()),
    };
    let Some(failure) = fallen else { return roles.stop(&mut ends).await };
    tracing::error!(%failure, "stopping");
    roles.abandon(ends).await;
    Err(failure)
}

/// Starts the roles in the order in which they need each other. Returns on failure only.
async fn start(args: &UpArgs, roles: &mut Roles) -> Result<Infallible, Failure> {
    let data = DataDir::open(&args.data_dir)?;
    roles.start("registry", registry_config(&data, args.registry_listen), registry_server::run);
    let registry_url = url(&data.path("registry.addr")).await?;
    let mut profile = Profile {
        registry: vec![registry_url.clone()],
        gateway: None,
        operator_token_file: Some(data.path("operator")),
        ..Profile::default()
    };
    invite(&data, &profile, "gateway").await?;
    invite(&data, &profile, "node").await?;
    let gateway = gateway_config(&data, args.gateway_listen, &registry_url);
    roles.start("gateway", gateway, gateway_server::run);
    profile.gateway = Some(url(&data.path("gateway.addr")).await?);
    roles.start("node", node_config(&data, &registry_url), node_agent::run);
    announce(&data, &profile)?;
    std::future::pending().await
}

/// Says where things are, on stdout and in the profile that client commands read.
fn announce(data: &DataDir, profile: &Profile) -> Result<(), Failure> {
    let path = data.path("client.toml");
    let text = toml::to_string(profile).map_err(Failure::internal)?;
    let written = std::fs::write(&path, text);
    written.map_err(|error| Failure::internal(format!("{}: {error}", path.display())))?;
    let said = format!(
        "registry  {}\ngateway   {}\ndata      {}\nprofile   {}   (client commands: ecumene --profile {3} ...)\n",
        profile.registry.join(","),
        profile.gateway(),
        data.folder.display(),
        path.display()
    );
    // The roles serve all the same.
    if let Err(error) = std::io::stdout().write_all(said.as_bytes()) {
        tracing::warn!(%error, "stdout takes nothing: the profile says where things are");
    }
    Ok(())
}

fn registry_config(data: &DataDir, listen: SocketAddr) -> registry_server::Config {
    registry_server::Config {
        listen,
        data_dir: data.path("registry"),
        artifacts: Some(data.path("artifacts")),
        plain_loopback: true,
        cluster_secret_file: data.path("cluster"),
        operator_token_file: data.path("operator"),
        signing_key_file: data.path("signing"),
        addr_file: Some(data.path("registry.addr")),
        ..registry_server::Config::default()
    }
}

fn gateway_config(data: &DataDir, listen: SocketAddr, registry: &str) -> gateway_server::Config {
    let mut config = gateway_server::Config {
        id: "gateway".to_owned(),
        listen,
        registry: vec![registry.to_owned()],
        join_token_file: Some(data.path("gateway-join")),
        state_dir: data.path("gateway"),
        operator_token_file: Some(data.path("operator")),
        federation_key_file: Some(data.path("federation-key")),
        addr_file: Some(data.path("gateway.addr")),
        ..gateway_server::Config::default()
    };
    // Ids of tasks at attached agents outlive a restart.
    config.upstreams.id_key_file = Some(data.path("upstream-ids"));
    let loopback = LOOPBACK.map(|network| network.parse::<Network>().expect("see LOOPBACK"));
    config.upstreams.private_networks = loopback.to_vec();
    config
}

fn node_config(data: &DataDir, registry: &str) -> node_agent::Config {
    node_agent::Config {
        id: "node".to_owned(),
        registry: vec![registry.to_owned()],
        join_token_file: Some(data.path("node-join")),
        state_dir: data.path("node"),
        ..node_agent::Config::default()
    }
}

/// Writes a join token, once: a role that was admitted does not need another.
async fn invite(data: &DataDir, profile: &Profile, role: &str) -> Result<(), Failure> {
    let path = data.path(&format!("{role}-join"));
    if path.exists() {
        return Ok(());
    }
    let until = tokio::time::Instant::now() + PATIENCE;
    let request = wire::IssueJoinTokenRequest { role: role.to_owned(), ttl_seconds: 0 };
    loop {
        let asked = async {
            let mut directory = profile.directory()?;
            Ok::<_, Failure>(directory.issue_join_token(request.clone()).await?.into_inner())
        };
        match asked.await {
            Ok(issued) => return write_secret(&path, &issued.token),
            Err(failure) if tokio::time::Instant::now() > until => return Err(failure),
            Err(_) => {}
        }
        tokio::time::sleep(POLL).await;
    }
}

/// The folder of everything, with its generated secrets.
struct DataDir {
    folder: PathBuf,
    _lock: File,
}

impl DataDir {
    fn open(folder: &Path) -> Result<Self, Failure> {
        let cannot = |error| Failure::internal(format!("{}: {error}", folder.display()));
        private::folder(folder).map_err(cannot)?;
        // Before anything in it is touched: it may be another process's.
        let lock = credential::lock(folder).map_err(cannot)?;
        let data = Self { folder: folder.canonicalize().map_err(cannot)?, _lock: lock };
        for name in ["cluster", "operator", "signing", "federation-key", "upstream-ids"] {
            write_secret(&data.path(name), &hex::encode(rand::random::<[u8; 32]>()))?;
        }
        // Addresses of a former run must not be taken for this one's.
        for name in ["registry.addr", "gateway.addr"] {
            match std::fs::remove_file(data.path(name)) {
                Err(error) if error.kind() != ErrorKind::NotFound => return Err(cannot(error)),
                _ => {}
            }
        }
        Ok(data)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }
}

/// Writes a secret that does not exist yet; one that does is kept.
fn write_secret(path: &Path, text: &str) -> Result<(), Failure> {
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Ok(mut file) => Ok(writeln!(file, "{text}")?),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(Failure::internal(format!("{}: {error}", path.display()))),
    }
}

/// The URL under which a role listens, as soon as it does.
async fn url(addr_file: &Path) -> Result<String, Failure> {
    let until = tokio::time::Instant::now() + PATIENCE;
    loop {
        if let Ok(address) = std::fs::read_to_string(addr_file) {
            return Ok(format!("http://{}", address.trim_end()));
        }
        if tokio::time::Instant::now() > until {
            return Err(Failure::internal(format!("nothing listens: no {}", addr_file.display())));
        }
        tokio::time::sleep(POLL).await;
    }
}

/// How a role ended.
struct End {
    role: &'static str,
    result: Result<(), Failure>,
}

impl End {
    /// What is told of a role that ended although nobody asked it to.
    fn fallen(self) -> Failure {
        match self.result {
            Ok(()) => Failure::internal(format!("{} ended before it was asked to", self.role)),
            Err(failure) => failure,
        }
    }
}

/// The roles as tasks of this process, in the order of their start.
struct Roles {
    running: Vec<(&'static str, Shutdown)>,
    told: mpsc::Sender<End>,
}

impl Roles {
    fn start<C, S, E, F>(
        &mut self,
        role: &'static str,
        config: C,
        run: impl FnOnce(C, Shutdown) -> F,
    ) where
        F: Future<Output = Result<S, E>> + Send + 'static,
        S: Send + 'static,
        E: std::error::Error + Send + 'static,
    {
        let shutdown = Shutdown::new();
        let (running, told) = (tokio::spawn(run(config, shutdown.clone())), self.told.clone());
        self.running.push((role, shutdown));
        tokio::spawn(async move {
            let failed = |why: String| Failure::internal(format!("{role}: {why}"));
            let result = match running.await {
                Ok(Ok(_)) => Ok(()),
                Ok(Err(error)) => Err(failed(telemetry::chain(&error))),
                Err(error) => Err(failed(error.to_string())),
            };
            // Nobody listens once another role has ended the process.
            let _ = told.send(End { role, result }).await;
        });
    }

    /// Stops one after the other, the last that was started first; the first failure is told.
    async fn stop(self, ends: &mut mpsc::Receiver<End>) -> Result<(), Failure> {
        let mut result = Ok(());
        let mut ended = Vec::new();
        for (role, shutdown) in self.running.into_iter().rev() {
            shutdown.trigger();
            while !ended.contains(&role) {
                let Some(end) = ends.recv().await else { break };
                ended.push(end.role);
                result = result.and(end.result);
            }
        }
        result
    }

    /// Asks all to stop and waits for a short while.
    async fn abandon(self, mut ends: mpsc::Receiver<End>) {
        let Self { running, told } = self;
        drop(told);
        running.iter().for_each(|(_, shutdown)| shutdown.trigger());
        let all = async { while ends.recv().await.is_some() {} };
        if tokio::time::timeout(FAREWELL, all).await.is_err() {
            tracing::warn!("not every role has stopped in time");
        }
    }
}
