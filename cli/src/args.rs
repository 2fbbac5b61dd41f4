//! The command line: nouns, then verbs. It decides names and defaults of flags, and nothing else.

use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};

/// Registry, gateway and nodes for agent platforms that federate.
#[derive(Debug, Parser)]
#[command(name = "ecumene", version, about, max_term_width = 100)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) globals: Globals,
    #[command(subcommand)]
    pub(crate) noun: Noun,
}

/// Flags that every client command takes.
#[derive(Debug, clap::Args)]
pub(crate) struct Globals {
    /// How data is printed on stdout.
    #[arg(long, global = true, value_enum, default_value_t = Format::Table)]
    pub(crate) output: Format,
    /// A file with registry, gateway and operator_token_file; `ecumene up` writes one.
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) profile: Option<PathBuf>,
    /// Registry members, in order of preference.
    #[arg(long, global = true, value_name = "URL", value_delimiter = ',')]
    pub(crate) registry: Vec<String>,
    /// The gateway.
    #[arg(long, global = true, value_name = "URL")]
    pub(crate) gateway: Option<String>,
    /// The file that holds the operator's token.
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) operator_token_file: Option<PathBuf>,
}

/// How data is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// Aligned columns.
    Table,
    /// One JSON document.
    Json,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Noun {
    /// Runs all three roles in one process on loopback, with generated keys.
    Up(UpArgs),
    /// A member of a registry cluster.
    #[command(subcommand)]
    Registry(RoleVerb),
    /// A gateway of the fleet.
    #[command(subcommand)]
    Gateway(RoleVerb),
    /// An execution node.
    #[command(subcommand)]
    Node(NodeVerb),
    /// The registry cluster.
    #[command(subcommand)]
    Cluster(ClusterVerb),
    /// Ed25519 keys and what they sign.
    #[command(subcommand)]
    Key(KeyVerb),
    /// Peers of this federation.
    #[command(subcommand)]
    Peer(PeerVerb),
    /// Directory records.
    #[command(subcommand)]
    Record(RecordVerb),
    /// A2A Agent Cards.
    #[command(subcommand)]
    Card(CardVerb),
    /// Hosted agents.
    #[command(subcommand)]
    Agent(AgentVerb),
    /// Tasks of hosted agents.
    #[command(subcommand)]
    Task(TaskVerb),
    /// WAN envelopes.
    #[command(subcommand)]
    Envelope(EnvelopeVerb),
    /// Looks at every part and says what is wrong.
    Doctor,
}

#[derive(Debug, clap::Args)]
pub(crate) struct UpArgs {
    /// Where keys and state are kept; made if absent.
    #[arg(long, default_value = "ecumene-data")]
    pub(crate) data_dir: PathBuf,
    /// Where the registry listens; port 0 picks a free one.
    #[arg(long, default_value = "127.0.0.1:7400")]
    pub(crate) registry_listen: std::net::SocketAddr,
    /// Where the gateway listens; port 0 picks a free one.
    #[arg(long, default_value = "127.0.0.1:7443")]
    pub(crate) gateway_listen: std::net::SocketAddr,
}

#[derive(Debug, Subcommand)]
pub(crate) enum RoleVerb {
    /// Runs until SIGTERM or SIGINT, then drains.
    Run(RunArgs),
}

#[derive(Debug, Subcommand)]
pub(crate) enum NodeVerb {
    /// Runs until SIGTERM or SIGINT, then drains.
    Run(RunArgs),
    /// Lists nodes.
    List,
}

#[derive(Debug, clap::Args)]
pub(crate) struct RunArgs {
    /// The TOML file of the role.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// A configuration key and its value; may be given again.
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = pair)]
    pub(crate) set: Vec<(String, String)>,
}

fn pair(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("expected KEY=VALUE")?;
    Ok((key.to_owned(), value.to_owned()))
}

#[derive(Debug, Subcommand)]
pub(crate) enum ClusterVerb {
    /// Where each member stands.
    Status,
    /// Makes a join token for a peer, gateway or node.
    Invite {
        /// What the token admits.
        role: InviteRole,
        /// How long it may be used.
        #[arg(long, default_value_t = 3600)]
        ttl_seconds: u64,
    },
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum InviteRole {
    Peer,
    Gateway,
    Node,
}

#[derive(Debug, Subcommand)]
pub(crate) enum KeyVerb {
    /// Makes a key file (a private JWK, mode 0600).
    New {
        /// Where it is written; an existing file is never replaced.
        #[arg(long)]
        out: PathBuf,
        /// The key's name.
        #[arg(long, default_value = "k1")]
        kid: String,
    },
    /// Shows the public half.
    Show {
        /// The key file.
        key: PathBuf,
    },
    /// Mints a federation token, good for one request.
    Token(TokenArgs),
}

#[derive(Debug, clap::Args)]
pub(crate) struct TokenArgs {
    /// The peer's key file.
    #[arg(long)]
    pub(crate) key: PathBuf,
    /// The peer's origin.
    #[arg(long)]
    pub(crate) issuer: String,
    /// Our origin; asked of the gateway when absent.
    #[arg(long)]
    pub(crate) audience: Option<String>,
    /// Life of the token, 1 to 300.
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=300))]
    pub(crate) life_seconds: u64,
}

#[derive(Debug, Subcommand)]
pub(crate) enum PeerVerb {
    /// Enrols a peer with a key. With --join-token no operator is needed.
    Enrol {
        /// The peer's web origin.
        origin: String,
        /// The peer's key file; its possession is proven.
        #[arg(long)]
        key: PathBuf,
        /// The token an operator handed out.
        #[arg(long)]
        join_token: Option<String>,
    },
    /// Lists peers.
    List,
    /// Revokes a peer for good.
    Revoke {
        /// The peer's web origin.
        origin: String,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum RecordVerb {
    /// Publishes a record.
    Put {
        /// The document; `-` reads stdin.
        file: PathBuf,
        /// Only if this digest is stored.
        #[arg(long, default_value = "")]
        if_match: String,
    },
    /// Prints a record byte for byte.
    Get {
        /// Its handle.
        handle: String,
        /// After every acknowledged write.
        #[arg(long)]
        strong: bool,
    },
    /// Lists handles.
    List,
    /// Deletes a record.
    Delete {
        /// Its handle.
        handle: String,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum CardVerb {
    /// Publishes a card.
    Put {
        /// Its handle.
        handle: String,
        /// The document; `-` reads stdin.
        file: PathBuf,
        /// The peer whose enrolled key signed it.
        #[arg(long, default_value = "")]
        owner: String,
    },
    /// Prints a card byte for byte.
    Get {
        /// Its handle.
        handle: String,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum AgentVerb {
    /// Uploads an artifact and deploys it under a handle.
    Deploy(DeployArgs),
    /// Lists hosted agents.
    List,
    /// Calls a hosted agent through the gateway, as a peer.
    Call(CallArgs),
}

#[derive(Debug, clap::Args)]
pub(crate) struct DeployArgs {
    /// Its handle.
    pub(crate) handle: String,
    /// The WebAssembly component.
    #[arg(long)]
    pub(crate) artifact: PathBuf,
    /// What its card says: JSON with name, description, version and skills.
    #[arg(long)]
    pub(crate) card: PathBuf,
    /// A component of our world, or a WASI command.
    #[arg(long, value_enum, default_value_t = Kind::Component)]
    pub(crate) kind: Kind,
    /// WebAssembly fuel units a run may burn.
    #[arg(long, default_value_t = 20_000_000_000)]
    pub(crate) fuel: u64,
    /// Linear memory a run may use, MiB.
    #[arg(long, default_value_t = 64)]
    pub(crate) memory_mib: u64,
    /// Wall time a run may take, seconds.
    #[arg(long, default_value_t = 60)]
    pub(crate) wall_seconds: u64,
    /// Output a run may make, KiB.
    #[arg(long, default_value_t = 512)]
    pub(crate) output_kib: u64,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Kind {
    Component,
    Command,
}

#[derive(Debug, clap::Args)]
pub(crate) struct CallArgs {
    /// The agent's handle.
    pub(crate) handle: String,
    /// The text of the message; `-` reads stdin.
    pub(crate) text: String,
    #[command(flatten)]
    pub(crate) token: TokenArgs,
    /// Prints events as they come.
    #[arg(long)]
    pub(crate) stream: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum TaskVerb {
    /// Shows a task.
    Get {
        /// Its id.
        id: String,
    },
    /// Asks for a task's end.
    Cancel {
        /// Its id.
        id: String,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum EnvelopeVerb {
    /// Sends a WAN envelope through the gateway, as a peer.
    Send {
        #[command(flatten)]
        token: TokenArgs,
        /// Target: a web origin or a handle.
        #[arg(long)]
        target: String,
        /// The payload (JSON).
        #[arg(long, default_value = "null")]
        payload: String,
        /// Generated when absent.
        #[arg(long)]
        correlation_id: Option<String>,
    },
    /// Takes envelopes out of a queue, as its local subscriber.
    Pull {
        /// The queue: a web origin or a handle.
        target: String,
        /// At most this many.
        #[arg(long, default_value_t = 10)]
        max: u32,
        /// How long to wait for the first.
        #[arg(long, default_value_t = 10)]
        wait_seconds: u64,
        /// Leave them leased instead of acknowledging.
        #[arg(long)]
        no_ack: bool,
    },
}
