//! The verbs of `peer` and their flags. It decides names and defaults, and nothing else.

use std::path::PathBuf;

use clap::Subcommand;
use proto_types::{Digest, Kid, Origin};

use super::values;

#[derive(Debug, Subcommand)]
pub(crate) enum PeerVerb {
    /// Enrols a peer with its keys. Without --join-token and without being the operator it waits.
    Enrol(Enrolment),
    /// Prints what the peer's host must publish to vouch for its keys.
    DomainRecord {
        /// The peer's web origin.
        #[arg(value_parser = values::origin)]
        origin: Origin,
        /// A signing key file of the peer. May be given again.
        #[arg(long, required = true)]
        key: Vec<PathBuf>,
    },
    /// Lists peers.
    List,
    /// Shows a peer.
    Show {
        /// The peer's web origin.
        #[arg(value_parser = values::origin)]
        origin: Origin,
    },
    /// Shows what gateways have seen of a peer's conduct, and its score.
    Reputation {
        /// The peer's web origin.
        #[arg(value_parser = values::origin)]
        origin: Origin,
        /// Shows what each gateway has seen, and the arithmetic.
        #[arg(long)]
        explain: bool,
    },
    /// Prints a peer's log.
    Log {
        /// The peer's web origin.
        #[arg(value_parser = values::origin)]
        origin: Origin,
        /// Verifies every link and signature here, without trusting the registry.
        #[arg(long)]
        verify: bool,
    },
    /// Lists peers that wait to be let in.
    Requests,
    /// Lets in a peer that waits.
    Approve(Decision),
    /// Forgets a peer's request to be let in.
    Reject(Decision),
    /// Has a peer's host asked soon whether it vouches for the peer.
    ProveDomain {
        /// The peer's web origin.
        #[arg(value_parser = values::origin)]
        origin: Origin,
    },
    /// Gives a peer a new signing key, and the old one an end.
    Rotate {
        #[command(flatten)]
        owner: Owner,
        /// The new key file.
        #[arg(long)]
        new_key: PathBuf,
        /// How long the old key still counts.
        #[arg(long, default_value_t = 86_400)]
        overlap_seconds: u64,
    },
    /// Gives a peer a key that may sign cards and nothing else, of either algorithm.
    Delegate {
        #[command(flatten)]
        owner: Owner,
        /// The card key file.
        #[arg(long)]
        card_key: PathBuf,
    },
    /// Stops one key of a peer at once.
    RevokeKey {
        #[command(flatten)]
        owner: Owner,
        /// The name of the key.
        #[arg(long, value_parser = values::kid)]
        kid: Kid,
    },
    /// States a peer anew: where it answers, what it can do, its keys, for a time. What is not said stays as it was.
    Manifest(Box<Statement>),
    /// Says where a peer can be found from now on.
    Move {
        #[command(flatten)]
        owner: Owner,
        /// The new web origin.
        #[arg(long, value_parser = values::origin)]
        to: Origin,
    },
    /// Sets a peer's keys with a recovery key, and voids what signing keys did.
    Recover {
        /// The peer's web origin.
        #[arg(value_parser = values::origin)]
        origin: Origin,
        /// The recovery key file.
        #[arg(long)]
        recovery_key: PathBuf,
        /// A signing key file from now on. May be given again.
        #[arg(long, required = true)]
        key: Vec<PathBuf>,
        /// A recovery key file from now on; the one that recovers if absent. May be given again.
        #[arg(long)]
        new_recovery_key: Vec<PathBuf>,
        /// The digest of the last log entry that stands; the newest one if absent.
        #[arg(long, value_parser = values::digest)]
        after: Option<Digest>,
    },
    /// Lets a peer's tokens live longer than the 300 s of all others'.
    TokenLife {
        /// The peer's web origin.
        #[arg(value_parser = values::origin)]
        origin: Origin,
        /// 300 to 3600; 0 as all.
        seconds: u32,
    },
    /// Stops a peer for a while: as its owner with --key, else as the operator.
    Suspend(StatusChange),
    /// Lets a suspended peer act again.
    Resume(StatusChange),
    /// Revokes a peer for good.
    Revoke(StatusChange),
    /// Ends a peer; its name and history stay.
    Tombstone(StatusChange),
}

#[derive(Debug, clap::Args)]
pub(crate) struct Enrolment {
    /// The peer's web origin.
    #[arg(value_parser = values::origin)]
    pub(crate) origin: Origin,
    /// A signing key file of the peer; its possession is proven. May be given again.
    #[arg(long, required = true)]
    pub(crate) key: Vec<PathBuf>,
    /// A key file that may override the signing keys within 72 hours; keep it offline.
    #[arg(long)]
    pub(crate) recovery_key: Vec<PathBuf>,
    /// The token an operator handed out.
    #[arg(long)]
    pub(crate) join_token: Option<String>,
    /// Have the peer's host asked to vouch for it (see `domain-record`).
    #[arg(long)]
    pub(crate) domain: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Owner {
    /// The peer's web origin.
    #[arg(value_parser = values::origin)]
    pub(crate) origin: Origin,
    /// A signing key file of the peer.
    #[arg(long)]
    pub(crate) key: PathBuf,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Statement {
    #[command(flatten)]
    pub(crate) owner: Owner,
    /// How long it is to be believed.
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=90))]
    pub(crate) days: u64,
    /// The URL of its A2A endpoint (JSON-RPC); empty for none.
    #[arg(long, value_parser = values::url_or_none)]
    pub(crate) a2a: Option<String>,
    /// The URL at which it takes WAN envelopes; empty for none.
    #[arg(long, value_parser = values::url_or_none)]
    pub(crate) wan: Option<String>,
    /// The URL of its mesh descriptor; empty for none.
    #[arg(long, value_parser = values::url_or_none)]
    pub(crate) descriptor: Option<String>,
    /// What it can do, instead of what was said before. May be given again.
    #[arg(long)]
    pub(crate) capability: Vec<String>,
    /// Whom to write to; empty for nobody.
    #[arg(long)]
    pub(crate) contact: Option<String>,
    /// Takes nothing over from the manifest before, which then need not verify.
    #[arg(long)]
    pub(crate) anew: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Decision {
    /// The peer's web origin.
    #[arg(value_parser = values::origin)]
    pub(crate) origin: Origin,
    /// Of the request that you looked at (`peer requests`).
    #[arg(long, value_parser = values::digest)]
    pub(crate) id: Digest,
}

#[derive(Debug, clap::Args)]
pub(crate) struct StatusChange {
    /// The peer's web origin.
    #[arg(value_parser = values::origin)]
    pub(crate) origin: Origin,
    /// A signing key file of the peer, to do it as its owner.
    #[arg(long)]
    pub(crate) key: Option<PathBuf>,
    /// Why, for people; it stands in the peer's log.
    #[arg(long, default_value = "")]
    pub(crate) reason: String,
    /// Waits until each gateway acts on it, and tells what has ended there. This is the operator's to see.
    #[arg(long)]
    pub(crate) wait: bool,
    /// For how long that is waited for.
    #[arg(long, default_value_t = 90, requires = "wait")]
    pub(crate) wait_seconds: u64,
}
