//! The verbs of `cluster`, and their flags.

use std::path::PathBuf;

use clap::{Subcommand, ValueEnum};

use crate::args::values;

#[derive(Debug, Subcommand)]
pub(crate) enum ClusterVerb {
    /// Where each member stands.
    Status,
    /// Makes a join token for a peer, gateway, node or registry member.
    Invite {
        /// What the token admits.
        role: InviteRole,
        /// How long it may be used.
        #[arg(long, default_value_t = 3600)]
        ttl_seconds: u64,
    },
    /// Voters and learners as the leader knows them, and how far each is.
    Members,
    /// Adds a running, empty member without a vote.
    Add {
        /// Its number, never used before.
        id: u64,
        /// Its base URL.
        #[arg(value_parser = values::base_url)]
        address: String,
    },
    /// Gives members a vote, all at once.
    Promote {
        /// Their numbers.
        #[arg(required = true)]
        ids: Vec<u64>,
        #[command(flatten)]
        force: Force,
    },
    /// Makes exactly these members voters, by joint consensus.
    Voters {
        /// Their numbers.
        #[arg(required = true)]
        ids: Vec<u64>,
        #[command(flatten)]
        force: Force,
    },
    /// Takes members out for good; their numbers are never used again.
    Remove {
        /// Their numbers.
        #[arg(required = true)]
        ids: Vec<u64>,
        #[command(flatten)]
        force: Force,
    },
    /// Hands leadership to another voter.
    Transfer {
        /// Its number; the one that has most of the log when absent.
        to: Option<u64>,
    },
    /// Brings the state's time back to the clocks of a majority, where an older version has carried it ahead.
    ResetTime,
    /// Has the first member that answers make a snapshot.
    Snapshot,
    /// Has each configured member compact its databases, one after the other.
    Defrag,
    /// Writes a consistent copy of the state, with every write acknowledged before, of the first member that can have
    /// this confirmed by the leader.
    Backup {
        /// Where to; must not exist.
        file: PathBuf,
        /// Of the first member that answers, confirmed by nobody: the last acknowledged writes may be missing.
        #[arg(long)]
        unconfirmed: bool,
    },
    /// Makes a data directory of a new cluster from a copy. No member may run on it.
    Restore {
        /// The copy.
        file: PathBuf,
        /// The data directory; must be empty or absent.
        dir: PathBuf,
        /// A voter of the new cluster; may be given again.
        #[arg(long = "member", value_name = "ID=URL", required = true, value_parser = member)]
        members: Vec<(u64, String)>,
        /// The cluster epoch; by default the one after the copy's. A copy that was restored before needs one above every
        /// epoch that a cluster made of it has had.
        #[arg(long)]
        epoch: Option<u64>,
    },
    /// Checks a copy, or the data directory of a member that does not run.
    Verify {
        /// A file made by `backup`, or a data directory.
        path: PathBuf,
    },
}

#[derive(Clone, Copy, Debug, clap::Args)]
pub(crate) struct Force {
    /// Also where too few voters seem to answer or keep up.
    #[arg(long)]
    pub(crate) force: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum InviteRole {
    Peer,
    Gateway,
    Node,
    Registry,
}

fn member(text: &str) -> Result<(u64, String), String> {
    let (id, url) = text.split_once('=').ok_or("expected ID=URL")?;
    Ok((id.parse().map_err(|_| format!("`{id}` is no number"))?, values::base_url(url)?))
}
