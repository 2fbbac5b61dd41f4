//! From the parsed command line to the command that carries it out. It must hold no command itself.

mod agent;
mod audit;
mod card;
mod cert;
mod cluster;
mod config;
mod doctor;
mod envelope;
mod gateway;
mod key;
mod log;
mod namespace;
mod pages;
mod partner;
mod peer;
mod policy;
mod record;
mod role;
mod task;
mod token;
mod up;

use std::io::{Read, Write};
use std::path::Path;

use crate::args::{Args, Format, GatewayVerb, NodeVerb, Noun, RoleVerb};
use crate::client::Profile;
use crate::failure::Failure;
use crate::output::Output;

/// A document larger than this is refused before it is sent: no document may be larger.
const DOCUMENT_BYTES_MAX: u64 = 1 << 20;

/// Carries out the command.
pub(crate) async fn run(args: Args) -> Result<(), Failure> {
    let format = args.globals.output;
    let profile = || Profile::load(&args.globals);
    let output = match args.noun {
        Noun::Up(up) => return up::run(up).await,
        Noun::Registry(RoleVerb::Run(run)) => return role::registry(run).await,
        Noun::Gateway(GatewayVerb::Run(run)) => return role::gateway(run).await,
        Noun::Gateway(GatewayVerb::List) => gateway::list(&profile()?).await?,
        Noun::Node(NodeVerb::Run(run)) => return role::node(run).await,
        Noun::Node(NodeVerb::List) => cluster::nodes(&profile()?).await?,
        Noun::Config(verb) => return config::run(verb, format),
        Noun::Cluster(verb) => return cluster::run(&profile()?, verb, format).await,
        Noun::Cert(verb) => cert::run(verb)?,
        Noun::Key(verb) => key::run(&args.globals, verb).await?,
        Noun::Peer(verb) => peer::run(&profile()?, verb).await?,
        Noun::Partner(verb) => partner::run(&profile()?, verb).await?,
        Noun::Record(verb) => return record::run(&profile()?, verb, format).await,
        Noun::Card(verb) => return card::run(&profile()?, verb, format).await,
        Noun::Agent(verb) => return agent::run(&profile()?, verb, format).await,
        Noun::Namespace(verb) => namespace::run(&profile()?, verb).await?,
        Noun::Policy(verb) => return policy::run(profile, verb, format).await,
        Noun::Task(verb) => task::run(&profile()?, verb, format).await?,
        Noun::Envelope(verb) => return envelope::run(&profile()?, verb, format).await,
        Noun::Log(verb) => log::run(&profile()?, verb).await?,
        Noun::Audit(verb) => return printed(audit::run(&profile()?, verb).await?, format),
        Noun::Doctor { members } => return doctor::run(&profile()?, members, format).await,
    };
    Ok(output.print(format)?)
}

/// Some commands have said all on their way.
fn printed(output: Option<Output>, format: Format) -> Result<(), Failure> {
    output.map_or(Ok(()), |output| Ok(output.print(format)?))
}

/// The document in a file, or on stdin for `-`.
pub(crate) fn document(path: &Path) -> Result<Vec<u8>, Failure> {
    let wrong = |error: std::io::Error| Failure::usage(format!("{}: {error}", path.display()));
    let mut bytes = Vec::new();
    if path == Path::new("-") {
        std::io::stdin().take(DOCUMENT_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(wrong)?;
    } else {
        let file = std::fs::File::open(path).map_err(wrong)?;
        file.take(DOCUMENT_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(wrong)?;
    }
    if bytes.len() as u64 > DOCUMENT_BYTES_MAX {
        return Err(Failure::usage(format!("{} is larger than 1 MiB", path.display())));
    }
    Ok(bytes)
}

/// Prints a stored document byte for byte.
pub(crate) fn print_raw(bytes: &[u8]) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    out.write_all(bytes)?;
    Ok(out.flush()?)
}
