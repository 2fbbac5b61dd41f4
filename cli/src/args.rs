//! The command line: nouns, then verbs. It decides names and defaults of flags, and nothing else.

mod cert;
mod config;
mod log;
mod partner;
mod peer;
mod policy;
mod values;
mod verbs;

use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};

pub(crate) use self::cert::*;
pub(crate) use self::config::*;
pub(crate) use self::log::*;
pub(crate) use self::partner::*;
pub(crate) use self::peer::*;
pub(crate) use self::policy::*;
pub(crate) use self::values::base_url;
pub(crate) use self::verbs::*;

/// Registry, gateway and nodes for agent platforms that federate.
#[derive(Debug, Parser)]
#[command(name = "ecumene", version, about, max_term_width = 100)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) globals: Globals,
    #[command(subcommand)]
    pub(crate) noun: Noun,
}

/// Flags that every client command takes; each can be said in the environment too.
#[derive(Debug, clap::Args)]
pub(crate) struct Globals {
    /// How data is printed on stdout.
    #[arg(long, global = true, value_enum, default_value_t = Format::Table)]
    pub(crate) output: Format,
    /// A file with registry, gateway and operator_token_file; `ecumene up` writes one.
    #[arg(long, global = true, value_name = "FILE", env = "ECUMENE_PROFILE")]
    pub(crate) profile: Option<PathBuf>,
    /// Registry members, in order of preference: where one does not answer, the next is asked.
    #[arg(
        long,
        global = true,
        value_name = "URL",
        value_delimiter = ',',
        value_parser = values::base_url,
        env = "ECUMENE_REGISTRY"
    )]
    pub(crate) registry: Vec<String>,
    /// The gateway.
    #[arg(long, global = true, value_name = "URL", value_parser = values::base_url, env = "ECUMENE_GATEWAY")]
    pub(crate) gateway: Option<String>,
    /// The file that holds the operator's token.
    #[arg(long, global = true, value_name = "FILE", env = "ECUMENE_OPERATOR_TOKEN_FILE")]
    pub(crate) operator_token_file: Option<PathBuf>,
    /// The authority of https endpoints, in PEM.
    #[arg(long, global = true, value_name = "FILE", env = "ECUMENE_CA")]
    pub(crate) ca: Option<PathBuf>,
    /// A certificate to show them, in PEM.
    #[arg(long, global = true, value_name = "FILE", env = "ECUMENE_CERT")]
    pub(crate) cert: Option<PathBuf>,
    /// The certificate's private key, in PEM.
    #[arg(long, global = true, value_name = "FILE", env = "ECUMENE_CERT_KEY")]
    pub(crate) cert_key: Option<PathBuf>,
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
    Gateway(GatewayVerb),
    /// An execution node.
    #[command(subcommand)]
    Node(NodeVerb),
    /// Configuration files: an example, every setting, and whether one is right.
    #[command(subcommand)]
    Config(ConfigVerb),
    /// The registry cluster.
    #[command(subcommand)]
    Cluster(ClusterVerb),
    /// Keys and what they sign.
    #[command(subcommand)]
    Key(KeyVerb),
    /// Certificates of processes and operators, and the authority that signs them.
    #[command(subcommand)]
    Cert(CertVerb),
    /// Peers of this federation.
    #[command(subcommand)]
    Peer(PeerVerb),
    /// Registries whose entries this one takes in.
    #[command(subcommand)]
    Partner(PartnerVerb),
    /// Directory records.
    #[command(subcommand)]
    Record(RecordVerb),
    /// A2A Agent Cards.
    #[command(subcommand)]
    Card(CardVerb),
    /// Namespaces: tenants, their quotas, and what may be written in them.
    #[command(subcommand)]
    Namespace(NamespaceVerb),
    /// Policies of calls: who may call which agent, when and how.
    #[command(subcommand)]
    Policy(PolicyVerb),
    /// Agents: hosted on nodes, or attached from where they run.
    #[command(subcommand)]
    Agent(AgentVerb),
    /// Tasks of hosted agents.
    #[command(subcommand)]
    Task(TaskVerb),
    /// WAN envelopes.
    #[command(subcommand)]
    Envelope(EnvelopeVerb),
    /// The transparency log: proofs, and whether it was ever rewritten.
    #[command(subcommand)]
    Log(LogVerb),
    /// The audit: who did what.
    #[command(subcommand)]
    Audit(AuditVerb),
    /// Looks at every part and says what is wrong. A part that takes longer than 5 s to answer is named.
    Doctor {
        /// The members of the registry alone: gateways and nodes may be down.
        #[arg(long)]
        members: bool,
    },
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
pub(crate) enum GatewayVerb {
    /// Runs until SIGTERM or SIGINT, then drains.
    Run(RunArgs),
    /// Lists gateways, and how far each knows what the registry holds.
    List,
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
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = values::pair)]
    pub(crate) set: Vec<(String, String)>,
}
