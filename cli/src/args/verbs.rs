//! The verbs of the client nouns, and their flags.

use std::path::PathBuf;

use clap::{Subcommand, ValueEnum};

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
pub(crate) enum PartnerVerb {
    /// Agrees with a registry, changes the terms, or ends its quarantine.
    Add(PartnerTerms),
    /// Lists partners.
    List,
    /// Shows the terms and how far the pull has come.
    Status {
        /// The partner's name.
        name: String,
    },
    /// Ends the agreement and forgets every entry that came from the partner.
    Remove {
        /// The partner's name.
        name: String,
    },
}

#[derive(Debug, clap::Args)]
pub(crate) struct PartnerTerms {
    /// Its name here; its entries are in the namespace of this name.
    pub(crate) name: String,
    /// Its origin, such as https://registry.example.org.
    pub(crate) url: String,
    /// What it speaks.
    #[arg(long, value_enum, default_value = "ecumene")]
    pub(crate) kind: PartnerKind,
    /// The key that signs its catalog, 64 hexadecimal digits; a Pilox registry must have one.
    #[arg(long, default_value = "")]
    pub(crate) catalog_key: String,
    /// The most registries an entry may be away from its home; 1 passes none on.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=4))]
    pub(crate) hops: u32,
    /// A namespace of the partner's that is taken; repeatable; all without it.
    #[arg(long = "namespace")]
    pub(crate) namespaces: Vec<String>,
    /// The most entries that are taken.
    #[arg(long, default_value_t = 10_000)]
    pub(crate) quota: u64,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum PartnerKind {
    Ecumene,
    Pilox,
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
