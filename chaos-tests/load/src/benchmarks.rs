//! The benchmarks, in their order, each against its baseline.
//! It decides the order, and which servers are started. It must never run one whose environment is not up.

mod call;
mod commits;
mod envelope;
mod gateway;
mod million;
mod mixed;
mod read;
mod records;
mod run;
mod search;
mod sequential;
mod sizes;
mod write;

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, Result};
use clap::ValueEnum;

use self::run::Run;
use crate::baseline::Baseline;
use crate::baseline::etcd::Etcd;
use crate::baseline::hello::{Hello, Kind};
use crate::cores;
use crate::environment::{Environment, MEMBERS};

/// A benchmark's name on the command line. They run in this order: those beside etcd come early, so that it is gone when
/// the others are measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Name {
    /// One client's writes at one member, one after the other.
    Sequential,
    /// Memory of a gateway with idle and with streaming connections.
    Connections,
    /// Federated calls of an attached agent, beside other proxies.
    Federated,
    /// The same with tokens that are bound to the gateway.
    Bound,
    /// What a gateway adds to the time of such a call.
    Latency,
    /// How costs grow with sizes.
    Sizes,
    /// Durable signed record writes.
    Write,
    /// Federated calls of a hosted agent.
    Call,
    /// Publishing of envelopes.
    Envelope,
    /// Hot reads of one record.
    Read,
    /// Writes, strong reads and stale reads at every member at once.
    Mixed,
    /// Searches over many cards.
    Search,
    /// Memory, disk and restart with many records; only by name or with `--records`.
    Records,
}

impl Name {
    fn is_beside_etcd(self) -> bool {
        matches!(self, Self::Write | Self::Call | Self::Envelope)
    }

    fn is_beside_bare_servers(self) -> bool {
        matches!(self, Self::Read | Self::Search)
    }

    /// Before an attached agent, in an environment of their own.
    fn is_of_a_gateway(self) -> bool {
        matches!(self, Self::Connections | Self::Federated | Self::Bound | Self::Latency)
    }

    fn calls(self) -> bool {
        matches!(self, Self::Call | Self::Envelope)
    }
}

/// How large the large benchmarks are.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sizes {
    /// Cards that are searched.
    pub(crate) cards: usize,
    /// Records of the last benchmark; none leaves it out.
    pub(crate) records: usize,
}

/// Servers that are no members of ours; benchmarks borrow them.
#[derive(Default)]
struct BaselineServers {
    web: Vec<Baseline>,
    etcd: Option<Baseline>,
}

/// Runs the named benchmarks, or all; the code says whether every answer, but a few, was good.
///
/// # Errors
/// The servers do not come up, or a benchmark does not run at all.
pub(crate) async fn run(
    length: Duration,
    only: &[Name],
    shared: bool,
    sizes: Sizes,
) -> Result<ExitCode> {
    let wanted = |name: &Name| only.is_empty() || only.contains(name);
    let mut names: Vec<_> = Name::value_variants().iter().copied().filter(wanted).collect();
    let mut steady = true;
    if names.contains(&Name::Sequential) {
        steady &= sequential::run(length, shared).await?;
        cores::join_servers(shared)?;
    }
    names.retain(|name| *name != Name::Sequential);
    let (of_a_gateway, names): (Vec<_>, Vec<_>) =
        names.into_iter().partition(|name| name.is_of_a_gateway());
    if !of_a_gateway.is_empty() {
        steady &= gateway::run(length, &of_a_gateway, shared).await?;
        cores::join_servers(shared)?;
    }
    if !names.is_empty() {
        steady &= run_together(length, &names, shared, sizes).await?;
    }
    Ok(if steady { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Runs those that share one environment; the answer says whether they were steady.
async fn run_together(
    length: Duration,
    names: &[Name],
    shared: bool,
    sizes: Sizes,
) -> Result<bool> {
    // Before the generator leaves the servers' cores, so that all servers have them.
    let mut servers = BaselineServers::default();
    servers.start_web(names).await?;
    let calls = names.iter().any(|name| name.calls());
    let environment = Environment::set(MEMBERS, calls).await?;
    servers.start_etcd(names, &environment).await?;
    let mut run = Run::begin(environment, length, shared)?;
    for (at, name) in names.iter().enumerate() {
        perform(&mut run, *name, &mut servers, sizes).await?;
        if !names[at + 1..].iter().any(|next| next.is_beside_etcd()) {
            servers.etcd = None;
        }
    }
    run.end()
}

async fn perform(
    run: &mut Run,
    name: Name,
    servers: &mut BaselineServers,
    sizes: Sizes,
) -> Result<()> {
    match name {
        Name::Sizes => sizes::run(run).await,
        Name::Write => write::run(run, servers.etcd()?).await,
        Name::Call => call::run(run, servers.etcd()?).await,
        Name::Envelope => envelope::run(run, servers.etcd()?).await,
        Name::Read => read::run(run, &mut servers.web()).await,
        Name::Mixed => mixed::run(run).await,
        Name::Search => search::run(run, sizes.cards, &mut servers.web()).await,
        Name::Records if sizes.records > 0 => million::run(run, sizes.records).await,
        // Without records there is nothing to do; the others have environments of their own.
        Name::Records
        | Name::Sequential
        | Name::Connections
        | Name::Federated
        | Name::Bound
        | Name::Latency => Ok(()),
    }
}

impl BaselineServers {
    async fn start_web(&mut self, names: &[Name]) -> Result<()> {
        if names.iter().any(|name| name.is_beside_bare_servers()) {
            for kind in [Kind::Hyper, Kind::Axum] {
                self.web.push(Baseline::Hello(Hello::start(kind, read::CLIENTS).await?));
            }
        }
        Ok(())
    }

    async fn start_etcd(&mut self, names: &[Name], environment: &Environment) -> Result<()> {
        if names.iter().any(|name| name.is_beside_etcd()) {
            let etcd = Etcd::start(&environment.world.path("etcd")).await?;
            self.etcd = Some(Baseline::Etcd(etcd));
        }
        Ok(())
    }

    fn web(&mut self) -> Vec<&mut Baseline> {
        self.web.iter_mut().collect()
    }

    fn etcd(&mut self) -> Result<&mut Baseline> {
        self.etcd.as_mut().context("etcd is not started for this benchmark")
    }
}
