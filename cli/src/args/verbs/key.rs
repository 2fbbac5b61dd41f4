//! The verbs about keys, and their flags.

use std::path::PathBuf;

use clap::{Subcommand, ValueEnum};
use proto_types::{Kid, Origin};

use crate::args::values;

#[derive(Debug, Subcommand)]
pub(crate) enum KeyVerb {
    /// Makes a key file (a private JWK, mode 0600).
    New {
        /// Where it is written; an existing file is never replaced.
        #[arg(long)]
        out: PathBuf,
        /// The key's name.
        #[arg(long, default_value = "k1", value_parser = values::kid)]
        kid: Kid,
        /// Its algorithm.
        #[arg(long, value_enum, default_value = "ed25519")]
        algorithm: KeyAlgorithm,
    },
    /// Shows the public half.
    Show {
        /// The key file.
        key: PathBuf,
    },
    /// Makes an API key of a gateway, for a caller that is no peer: the key, which is shown this once, and its entry in the file
    /// that `clients.api_keys_file` names.
    Api(ApiKeyArgs),
    /// Mints a federation token, good for one request.
    Token(TokenArgs),
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum KeyAlgorithm {
    /// For everything that a peer signs.
    Ed25519,
    /// For cards alone: ECDSA with P-256 and SHA-256.
    Es256,
}

#[derive(Debug, clap::Args)]
pub(crate) struct ApiKeyArgs {
    /// The name of the key: 1 to 64 of `A-Z a-z 0-9 . _ -`. Its bearer's tasks are `key:NAME`'s.
    pub(crate) name: String,
    /// The handle of an agent that its bearer sees and calls, whatever the agent's visibility; may be given again. `*` is all;
    /// without any it is those that anybody sees.
    #[arg(long = "agent", value_name = "HANDLE")]
    pub(crate) agents: Vec<String>,
    /// A method that its bearer may call, by its name of A2A 1.0; may be given again. Without any it is all.
    #[arg(long = "method", value_name = "METHOD")]
    pub(crate) methods: Vec<String>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct TokenArgs {
    /// The peer's key file.
    #[arg(long)]
    pub(crate) key: PathBuf,
    /// The peer's origin.
    #[arg(long, value_parser = values::origin)]
    pub(crate) issuer: Origin,
    /// Our origin; asked of the gateway when absent.
    #[arg(long, value_parser = values::origin)]
    pub(crate) audience: Option<Origin>,
    /// Life of the token, 1 to 300.
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=300))]
    pub(crate) life_seconds: u64,
}
