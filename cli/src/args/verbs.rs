//! The verbs of the client nouns, and their flags.

mod agent;
mod cluster;
mod key;

use std::path::PathBuf;

use clap::Subcommand;
use proto_types::Origin;

use super::values;

pub(crate) use self::agent::*;
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
    /// Dead letters: what nobody tries to deliver any more.
    #[command(subcommand)]
    Dead(DeadVerb),
}

#[derive(Debug, Subcommand)]
pub(crate) enum DeadVerb {
    /// Lists them with the reason of the last attempt.
    List {
        /// Only those of this queue: a web origin or a handle.
        #[arg(long, default_value = "")]
        target: String,
        /// At most this many.
        #[arg(long, default_value_t = 100)]
        limit: u32,
        /// Where the page before said that there is more.
        #[arg(long, default_value = "")]
        cursor: String,
    },
    /// Shows one with its document, and when and why each attempt failed.
    Show(DeadLetterArgs),
    /// Puts one back into its queue, to be tried anew for a day at least.
    Replay(DeadLetterArgs),
    /// Forgets one. Its sender may send it again.
    Drop(DeadLetterArgs),
}

/// Which dead letter.
#[derive(Debug, clap::Args)]
pub(crate) struct DeadLetterArgs {
    /// Who sent it: a web origin.
    pub(crate) source: String,
    /// Its id.
    pub(crate) id: String,
}
