//! The verbs about agents, and their flags.

use std::path::PathBuf;

use clap::{Subcommand, ValueEnum};
use proto_types::AgentKind;
use proto_types::upstream::{UpstreamBinding, UpstreamUrls};

use crate::args::{TokenArgs, values};

#[derive(Debug, Subcommand)]
pub(crate) enum AgentVerb {
    /// Uploads an artifact and deploys it under a handle.
    Deploy(DeployArgs),
    /// Has the gateways call an A2A server that runs elsewhere, under a handle.
    Attach(AttachArgs),
    /// Shows an agent.
    Get {
        /// Its handle.
        handle: String,
    },
    /// Lists agents.
    List,
    /// Takes an agent away, hosted or attached: it is listed and called no more.
    Remove {
        /// Its handle.
        handle: String,
    },
    /// Finds cards, agents and records. What is asked for must all hold.
    Search(SearchArgs),
    /// Calls an agent through the gateway, as a peer.
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
pub(crate) struct AttachArgs {
    /// Its handle.
    pub(crate) handle: String,
    /// The server's base URL, or that of its card. Several are replicas of one agent: each is asked for its card, and
    /// the card says where it is called.
    #[arg(required = true, num_args = 1..=UpstreamUrls::LEN_MAX, value_name = "URL", value_parser = values::url)]
    pub(crate) urls: Vec<String>,
    /// The card, if no server is to be asked for it; `-` reads stdin. The agent is called at the URLs as they stand then.
    #[arg(long, value_name = "FILE", conflicts_with = "card_url")]
    pub(crate) card: Option<PathBuf>,
    /// Where the card is, if not at the URLs. The agent is called at the URLs as they stand then.
    #[arg(long, value_name = "URL", value_parser = values::url)]
    pub(crate) card_url: Option<String>,
    /// Which of the card's interfaces is called; by default the first, and of A2A 1.0 if there is one.
    #[arg(long, value_enum)]
    pub(crate) binding: Option<Binding>,
    /// Who may see it: public, redacted, federated, private.
    #[arg(long, default_value = "")]
    pub(crate) visibility: String,
}

/// What carries calls to an attached agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Binding {
    /// JSON-RPC.
    #[value(name = "jsonrpc")]
    JsonRpc,
    /// HTTP+JSON, also called REST.
    HttpJson,
    /// gRPC, of A2A 1.0.
    Grpc,
}

impl From<Binding> for UpstreamBinding {
    fn from(binding: Binding) -> Self {
        match binding {
            Binding::JsonRpc => Self::JsonRpc,
            Binding::HttpJson => Self::HttpJson,
            Binding::Grpc => Self::Grpc,
        }
    }
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

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use clap::Parser as _;

    use crate::args::{Args, Noun};

    use super::*;

    fn attach(line: &[&str]) -> Result<AttachArgs, String> {
        let words = ["ecumene", "agent", "attach"].iter().chain(line);
        let args = Args::try_parse_from(words).map_err(|error| error.to_string())?;
        match args.noun {
            Noun::Agent(AgentVerb::Attach(args)) => Ok(args),
            other => Err(format!("{other:?}")),
        }
    }

    #[test]
    fn an_agent_is_attached_by_its_handle_and_urls_alone() {
        let args = attach(&["echo", "http://127.0.0.1:9999", "https://a.example/a2a/"]).unwrap();
        assert_eq!((args.handle.as_str(), args.visibility.as_str()), ("echo", ""));
        // A slash at the end may be part of the place that is called.
        assert_eq!(args.urls, ["http://127.0.0.1:9999", "https://a.example/a2a/"]);
        assert_eq!((args.card, args.card_url, args.binding), (None, None, None));
    }

    #[test]
    fn the_binding_is_named_by_its_word() {
        for (word, binding) in [
            ("jsonrpc", Binding::JsonRpc),
            ("http-json", Binding::HttpJson),
            ("grpc", Binding::Grpc),
        ] {
            let args = attach(&["echo", "http://127.0.0.1:1", "--binding", word]).unwrap();
            assert_eq!(args.binding, Some(binding));
        }
        assert!(attach(&["echo", "http://127.0.0.1:1", "--binding", "soap"]).is_err());
    }

    #[test]
    fn what_is_no_url_none_at_all_too_many_or_two_cards_are_refused() {
        assert!(attach(&["echo"]).is_err());
        assert!(attach(&["echo", "127.0.0.1:9999"]).unwrap_err().contains("http://127.0.0.1:9999"));
        let mut many = vec!["echo"];
        many.extend(["http://127.0.0.1:1"; 9]);
        assert!(attach(&many[..9]).is_ok(), "eight");
        assert!(attach(&many).is_err(), "nine");
        let url = "http://127.0.0.1:1";
        assert!(attach(&["echo", url, "--card", "card.json", "--card-url", url]).is_err());
    }
}
