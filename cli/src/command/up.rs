//! `up`: registry, gateway and node in one process on loopback, with generated keys.
//! It decides the order of start and stop and where things lie; the roles themselves are the same as anywhere.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write};
use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use deploy_service::{Limits, Shutdown, telemetry};
use proto_wire::registry::v1 as wire;
use tokio::task::JoinHandle;

use crate::args::UpArgs;
use crate::client::Profile;
use crate::failure::Failure;

use super::role::{FILTER_DEFAULT, supervised};

/// How long a role may take to come up before `up` gives up.
const PATIENCE: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(50);

/// Runs the three roles until a signal, then stops them in the order node, gateway, registry.
pub(crate) async fn run(args: UpArgs) -> Result<(), Failure> {
    telemetry::init(telemetry::Format::Text, FILTER_DEFAULT)
        .map_err(|error| Failure::internal(telemetry::chain(&error)))?;
    // The roles stop one after the other.
    let wish = supervised(3 * Limits::default().stop_timeout())?;
    let home = Home::open(&args.data_dir)?;
    let mut registry =
        Role::start(registry_config(&home, args.registry_listen), registry_server::run);
    let registry_url = registry.url(&home.path("registry.addr")).await?;
    let mut profile = Profile {
        registry: vec![registry_url.clone()],
        gateway: None,
        operator_token_file: Some(home.path("operator")),
        ..Profile::default()
    };
    invite(&home, &profile, "gateway", &mut registry).await?;
    invite(&home, &profile, "node", &mut registry).await?;
    let gateway = gateway_config(&home, args.gateway_listen, &registry_url);
    let mut gateway = Role::start(gateway, gateway_server::run);
    profile.gateway = Some(gateway.url(&home.path("gateway.addr")).await?);
    let node = Role::start(node_config(&home, &registry_url), node_agent::run);
    announce(&home, &profile)?;
    wish.triggered().await;
    for role in [node, gateway, registry] {
        role.stop().await?;
    }
    Ok(())
}

/// Says where things are, on stdout and in the profile that client commands read.
fn announce(home: &Home, profile: &Profile) -> Result<(), Failure> {
    let path = home.path("client.toml");
    let text = toml::to_string(profile).map_err(Failure::internal)?;
    std::fs::write(&path, text)?;
    println!("registry  {}", profile.registry.join(","));
    println!("gateway   {}", profile.gateway());
    println!("data      {}", home.folder.display());
    println!("profile   {}   (client commands: ecumene --profile {0} ...)", path.display());
    Ok(())
}

fn registry_config(home: &Home, listen: SocketAddr) -> registry_server::Config {
    registry_server::Config {
        listen,
        data_dir: home.path("registry"),
        artifacts: Some(home.path("artifacts")),
        plain_loopback: true,
        cluster_secret_file: home.path("cluster"),
        operator_token_file: home.path("operator"),
        signing_key_file: home.path("signing"),
        addr_file: Some(home.path("registry.addr")),
        ..registry_server::Config::default()
    }
}

fn gateway_config(home: &Home, listen: SocketAddr, registry: &str) -> gateway_server::Config {
    gateway_server::Config {
        id: "gateway".to_owned(),
        listen,
        registry: vec![registry.to_owned()],
        join_token_file: Some(home.path("gateway-join")),
        state_dir: home.path("gateway"),
        operator_token_file: Some(home.path("operator")),
        federation_key_file: Some(home.path("federation-key")),
        addr_file: Some(home.path("gateway.addr")),
        ..gateway_server::Config::default()
    }
}

fn node_config(home: &Home, registry: &str) -> node_agent::Config {
    node_agent::Config {
        id: "node".to_owned(),
        registry: vec![registry.to_owned()],
        join_token_file: Some(home.path("node-join")),
        state_dir: home.path("node"),
        ..node_agent::Config::default()
    }
}

/// Writes a join token, once: a role that was admitted does not need another.
async fn invite(
    home: &Home,
    profile: &Profile,
    role: &str,
    registry: &mut Role,
) -> Result<(), Failure> {
    let path = home.path(&format!("{role}-join"));
    if path.exists() {
        return Ok(());
    }
    let until = tokio::time::Instant::now() + PATIENCE;
    let request = wire::IssueJoinTokenRequest { role: role.to_owned(), ttl_seconds: 0 };
    loop {
        let asked = async {
            let mut directory = profile.directory().await?;
            Ok::<_, Failure>(directory.issue_join_token(request.clone()).await?.into_inner())
        };
        match asked.await {
            Ok(issued) => return write_secret(&path, &issued.token),
            Err(failure) if tokio::time::Instant::now() > until => return Err(failure),
            Err(_) => registry.check().await?,
        }
        tokio::time::sleep(POLL).await;
    }
}

/// The folder of everything, with its generated secrets.
struct Home {
    folder: PathBuf,
}

impl Home {
    fn open(folder: &Path) -> Result<Self, Failure> {
        let cannot = |error| Failure::internal(format!("{}: {error}", folder.display()));
        std::fs::create_dir_all(folder).map_err(cannot)?;
        let home = Self { folder: folder.canonicalize().map_err(cannot)? };
        for name in ["cluster", "operator", "signing", "federation-key"] {
            write_secret(&home.path(name), &hex::encode(rand::random::<[u8; 32]>()))?;
        }
        // Addresses of a former run must not be taken for this one's.
        for name in ["registry.addr", "gateway.addr"] {
            match std::fs::remove_file(home.path(name)) {
                Err(error) if error.kind() != ErrorKind::NotFound => return Err(cannot(error)),
                _ => {}
            }
        }
        Ok(home)
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

/// One role as a task of this process.
struct Role {
    shutdown: Shutdown,
    ended: JoinHandle<Result<(), Failure>>,
}

impl Role {
    fn start<C, S, E, F>(config: C, run: impl FnOnce(C, Shutdown) -> F) -> Self
    where
        F: Future<Output = Result<S, E>> + Send + 'static,
        E: std::error::Error,
    {
        let shutdown = Shutdown::new();
        let running = run(config, shutdown.clone());
        let ended = tokio::spawn(async move {
            running.await.map(drop).map_err(|error| Failure::internal(telemetry::chain(&error)))
        });
        Self { shutdown, ended }
    }

    /// The URL under which the role listens, as soon as it does.
    async fn url(&mut self, addr_file: &Path) -> Result<String, Failure> {
        let until = tokio::time::Instant::now() + PATIENCE;
        loop {
            if let Ok(address) = std::fs::read_to_string(addr_file) {
                return Ok(format!("http://{}", address.trim_end()));
            }
            self.check().await?;
            if tokio::time::Instant::now() > until {
                return Err(Failure::internal(format!(
                    "nothing listens: no {}",
                    addr_file.display()
                )));
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// Fails if the role has ended by itself.
    async fn check(&mut self) -> Result<(), Failure> {
        if !self.ended.is_finished() {
            return Ok(());
        }
        match (&mut self.ended).await {
            Ok(Ok(())) => Err(Failure::internal("a role ended before it was asked to")),
            Ok(Err(failure)) => Err(failure),
            Err(error) => Err(Failure::internal(error)),
        }
    }

    async fn stop(self) -> Result<(), Failure> {
        self.shutdown.trigger();
        self.ended.await.map_err(Failure::internal)?
    }
}
