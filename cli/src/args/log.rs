//! `log` and `audit`: what can be checked without trusting the registry.
//! It decides names and defaults of flags, and nothing else.

use std::path::PathBuf;

use clap::Subcommand;
use proto_types::tlog::NoteKey;

use super::values;

#[derive(Debug, Subcommand)]
pub(crate) enum LogVerb {
    /// Prints the published checkpoint, a signed note.
    Checkpoint,
    /// Fetches a record or card with its proof, verifies it, and prints the proof.
    Proof {
        /// Its handle.
        handle: String,
        /// The card under this handle, and not the record.
        #[arg(long)]
        card: bool,
        #[command(flatten)]
        trust: TrustArgs,
    },
    /// Prints the newest entries: what is a fact, blinded, and what an anchor of the audit.
    Tail {
        /// How many.
        #[arg(long, default_value_t = 20)]
        count: u64,
        #[command(flatten)]
        trust: TrustArgs,
    },
    /// Verifies that the log only grew since the saved checkpoint, and says exactly what is wrong.
    Verify {
        #[command(flatten)]
        trust: TrustArgs,
        /// The saved checkpoint; written on success only, made if it does not exist.
        #[arg(long, value_name = "FILE")]
        checkpoint: PathBuf,
        /// Also reads every entry and makes the tree anew.
        #[arg(long)]
        entries: bool,
        /// Also demands the proof of this record's document.
        #[arg(long)]
        handle: Option<String>,
        /// Also demands the proof of this card's document.
        #[arg(long)]
        card: Option<String>,
        /// A registry, or a folder with `checkpoint` and `tile/`.
        source: String,
    },
}

#[derive(Debug, clap::Args)]
pub(crate) struct TrustArgs {
    /// The log's key, `<origin>+<id>+<key>`, from the operator and not from the log.
    #[arg(long, value_name = "KEY", value_parser = values::note_key)]
    pub(crate) key: NoteKey,
    /// The key of a witness; may be given again.
    #[arg(long = "witness", value_name = "KEY", value_parser = values::note_key)]
    pub(crate) witnesses: Vec<NoteKey>,
    /// How many of the witnesses must have signed; by default all.
    #[arg(long)]
    pub(crate) quorum: Option<usize>,
}

#[derive(Debug, Subcommand)]
#[expect(clippy::large_enum_variant, reason = "one is made in the life of the process")]
pub(crate) enum AuditVerb {
    /// Prints the audit, one JSON object a line.
    Export {
        /// Exported lines; those after the last of them are printed. `-` reads stdin.
        #[arg(long, value_name = "FILE")]
        after: Option<PathBuf>,
    },
    /// Checks exported lines without asking anybody.
    Verify {
        /// The exported lines; `-` reads stdin.
        file: PathBuf,
        /// A checkpoint whose anchor the lines must lead to.
        #[arg(long, value_name = "FILE", requires = "key")]
        checkpoint: Option<PathBuf>,
        /// The key of the checkpoint's log.
        #[arg(long, value_name = "KEY", value_parser = values::note_key)]
        key: Option<NoteKey>,
    },
    /// Forgets lines that were exported.
    Truncate {
        /// The last line that goes.
        #[arg(long)]
        through: u64,
    },
}
