//! The verbs of `config`, and their flags.

use std::path::PathBuf;

use clap::{Subcommand, ValueEnum};

use super::values;

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigVerb {
    /// Prints a file for a role: every setting with its meaning and default.
    Example {
        /// Whose.
        role: ConfigRole,
    },
    /// Prints the reference of all settings, in Markdown.
    Reference {
        /// Whose; all roles' if absent.
        role: Option<ConfigRole>,
    },
    /// Says what would keep a role from starting with a file: unknown settings, contradictions, unusable files.
    Check {
        /// Whose.
        role: ConfigRole,
        /// The TOML file.
        file: PathBuf,
        /// A setting and its value, as `run` takes it; may be given again.
        #[arg(long = "set", value_name = "KEY=VALUE", value_parser = values::pair)]
        set: Vec<(String, String)>,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ConfigRole {
    Registry,
    Gateway,
    Node,
}
