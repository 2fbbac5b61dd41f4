//! The verbs of the noun `policy`, and their flags.
//! It decides words and defaults only.

use std::path::PathBuf;

use clap::Subcommand;
use clap::builder::PossibleValuesParser;
use policy_core::OPERATIONS;
use proto_types::WallMs;
use proto_types::visibility::Visibility;

use super::values;

#[derive(Debug, Subcommand)]
pub(crate) enum PolicyVerb {
    /// Keeps a policy, in Cedar, and has every gateway hold calls against it. What is not valid is refused.
    Put {
        /// Its name: lower-case letters, digits and hyphens.
        name: String,
        /// The policy; `-` reads stdin.
        file: PathBuf,
        /// Only if the text of this digest is stored.
        #[arg(long, default_value = "")]
        if_match: String,
    },
    /// Lists the policies that are stored.
    List,
    /// Prints a policy as it was put.
    Show {
        /// Its name.
        name: String,
    },
    /// Forgets a policy. Where none is left, calls are decided without policies.
    Remove {
        /// Its name.
        name: String,
        /// Only if the text of this digest is stored.
        #[arg(long, default_value = "")]
        if_match: String,
    },
    /// Prints what policies may speak of: Cedar's schema of calls.
    Schema,
    /// Checks policies in files, and says what they would decide about a call if they were all that is stored. Nothing is asked.
    Test(PolicyTestArgs),
    /// Says what the policies that are stored decide about a call, and which of them do.
    Explain(PolicyCallArgs),
}

#[derive(Debug, clap::Args)]
pub(crate) struct PolicyTestArgs {
    /// The policies; `-` reads stdin.
    #[arg(required = true)]
    pub(crate) files: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) call: PolicyCallArgs,
    /// A tag of a skill of the agent; may be given again.
    #[arg(long = "tag")]
    pub(crate) tags: Vec<String>,
    /// The id of a skill of the agent; may be given again.
    #[arg(long = "agent-skill")]
    pub(crate) skills: Vec<String>,
    /// The namespace that the agent is in.
    #[arg(long, default_value = "default")]
    pub(crate) namespace: String,
    /// Who may see the agent.
    #[arg(long, default_value = "public", value_parser = values::word::<Visibility>(Visibility::WORDS))]
    pub(crate) visibility: Visibility,
    /// The agent runs elsewhere.
    #[arg(long)]
    pub(crate) attached: bool,
}

/// A call that is to be decided.
#[derive(Debug, clap::Args)]
pub(crate) struct PolicyCallArgs {
    /// Who calls: peer:ORIGIN, api-key:NAME, user:ISSUER#SUBJECT, certificate:URI or public:NAME.
    #[arg(long, value_parser = values::caller)]
    pub(crate) principal: (CallerKind, String),
    /// The handle of the agent; without it the call names none.
    #[arg(long, default_value = "")]
    pub(crate) agent: String,
    /// The operation, by its name in A2A 1.0.
    #[arg(long, value_parser = PossibleValuesParser::new(OPERATIONS))]
    pub(crate) method: String,
    /// How long the body is.
    #[arg(long, default_value_t = 1_000)]
    pub(crate) bytes: u64,
    /// The share of its limits that the caller has earned, in percent.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u64).range(0..=100))]
    pub(crate) share: u64,
    /// The skill that the message asks for.
    #[arg(long)]
    pub(crate) skill: Option<String>,
    /// A media type that a part of the message states; may be given again.
    #[arg(long = "part", value_name = "MEDIA_TYPE")]
    pub(crate) parts: Vec<String>,
    /// When, such as 2026-12-24T18:00:00Z; now without it.
    #[arg(long, value_parser = values::time)]
    pub(crate) at: Option<WallMs>,
}

/// What kind of caller it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CallerKind {
    Peer,
    ApiKey,
    User,
    Certificate,
    Public,
}
