//! The verbs of the client nouns, and their flags.

mod cluster;
mod key;

use std::path::PathBuf;

use clap::Subcommand;
use proto_types::{AgentKind, Origin};

use super::values;

pub(crate) use self::cluster::*;
pub(crate) use self::key::*;

#[derive(Debug, Subcommand)]
pub(crate) enum RecordVerb {
    /// Publishes a record.
    Put {
        /// The document; `-` reads stdin.
        file: PathBuf,
        /// Only if this digest is stored.
        #[arg(long, default_value = "")]
        if_match: String,
        /// Who may see it: public, redacted, federated, private.
        #[arg(long, default_value = "")]
        visibility: String,
    },
    /// Signs a record with a peer's key, and prints what to publish.
    Sign {
        /// The record; `-` reads stdin. A proof that it has is replaced.
        file: PathBuf,
        /// A signing key file of the peer.
        #[arg(long)]
        key: PathBuf,
        /// The peer's web origin.
        #[arg(long, value_parser = values::origin)]
        by: Origin,
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
        /// Who may see it: public, redacted, federated, private.
        #[arg(long, default_value = "")]
        visibility: String,
    },
    /// Signs a card (a JWS beside those that it has), and prints what to publish.
    Sign {
        /// The card; `-` reads stdin.
        file: PathBuf,
        /// A signing or card key file of the peer.
        #[arg(long)]
        key: PathBuf,
    },
    /// Prints a card byte for byte.
    Get {
        /// Its handle.
        handle: String,
    },
    /// Lists the cards that exist to the caller.
    List,
}

#[derive(Debug, Subcommand)]
pub(crate) enum NamespaceVerb {
    /// Sets the terms: owners, prefixes, visibility, trust, quotas, policy, grants.
    Put {
        /// The namespace.
        name: String,
        /// The terms in JSON; `-` reads stdin.
        file: PathBuf,
    },
    /// Shows the terms and what is kept.
    Get {
        /// The namespace.
        name: String,
    },
    /// Lists the namespaces that the caller administrates.
    List,
    /// Ends a namespace in which nothing lives.
    Delete {
        /// The namespace.
        name: String,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum AgentVerb {
    /// Uploads an artifact and deploys it under a handle.
    Deploy(DeployArgs),
    /// Lists hosted agents.
    List,
    /// Finds cards, hosted agents and records. What is asked for must all hold.
    Search(SearchArgs),
    /// Calls a hosted agent through the gateway, as a peer.
    Call(CallArgs),
}

#[derive(Debug, clap::Args)]
pub(crate) struct SearchArgs {
    /// Words of name, description and skills; with words the most relevant come first.
    pub(crate) words: Vec<String>,
    /// The id or name of a skill; may be given several times, as all of these.
    #[arg(long)]
    pub(crate) skill: Vec<String>,
    /// A tag of a skill.
    #[arg(long)]
    pub(crate) tag: Vec<String>,
    /// A capability.
    #[arg(long)]
    pub(crate) capability: Vec<String>,
    /// A media type, or a modality such as text.
    #[arg(long)]
    pub(crate) modality: Vec<String>,
    /// jsonrpc, grpc, http+json, or a URI.
    #[arg(long)]
    pub(crate) binding: Vec<String>,
    /// card, agent or record; one of these.
    #[arg(long)]
    pub(crate) kind: Vec<String>,
    /// unsigned, self-asserted, enrolled or domain-proven.
    #[arg(long, default_value = "")]
    pub(crate) min_assurance: String,
    /// The least score of the entry's owner, 0 to 1 in steps of 0.1.
    #[arg(long, default_value_t = 0.0)]
    pub(crate) min_reputation: f64,
    /// open, gated, not-speaking, wrong-transport, unreachable or unknown; one of these.
    #[arg(long)]
    pub(crate) liveness: Vec<String>,
    /// Hits of a page, 1 to 100.
    #[arg(long, default_value_t = 20)]
    pub(crate) limit: u32,
    /// Where the page before ended.
    #[arg(long, default_value = "")]
    pub(crate) cursor: String,
    /// Shows what each score is made of.
    #[arg(long)]
    pub(crate) explain: bool,
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
    /// Who may see it: public, redacted, federated, private.
    #[arg(long, default_value = "")]
    pub(crate) visibility: String,
    /// A component of our world, or a WASI command.
    #[arg(long, default_value = "component", value_parser = values::word::<AgentKind>(AgentKind::WORDS))]
    pub(crate) kind: AgentKind,
    /// WebAssembly fuel units a run may burn.
    #[arg(long, default_value_t = 20_000_000_000)]
    pub(crate) fuel: u64,
    /// Linear memory a run may use, MiB.
    #[arg(long, default_value_t = 64)]
    pub(crate) memory_mib: u64,
    /// Wall time a run may take, seconds.
    #[arg(long, default_value_t = 60)]
    pub(crate) wall_seconds: u64,
    /// Output a run may make, KiB: at most 1024.
    #[arg(long, default_value_t = 512)]
    pub(crate) output_kib: u64,
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
    /// Lists the tasks of one caller, the one that changed last first.
    List(TaskListArgs),
    /// Asks for a task's end.
    Cancel {
        /// Its id.
        id: String,
    },
}

#[derive(Debug, clap::Args)]
pub(crate) struct TaskListArgs {
    /// Whose tasks: a peer's origin, or `operator`.
    #[arg(long)]
    pub(crate) owner: String,
    /// Those of this conversation.
    #[arg(long, default_value = "")]
    pub(crate) context: String,
    /// Those of this agent.
    #[arg(long, default_value = "")]
    pub(crate) agent: String,
    /// pending, assigned, completed, failed, canceled, rejected or input-required; one of these.
    #[arg(long)]
    pub(crate) state: Vec<String>,
    /// Those that changed then or later, in ms since 1970.
    #[arg(long, default_value_t = 0)]
    pub(crate) changed_since_ms: u64,
    /// Tasks of a page, 1 to 100.
    #[arg(long, default_value_t = 50)]
    pub(crate) limit: u32,
    /// Where the page before ended.
    #[arg(long, default_value = "")]
    pub(crate) cursor: String,
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
        #[arg(long, default_value = "null", value_parser = values::json)]
        payload: serde_json::Value,
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
