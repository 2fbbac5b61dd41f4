//! `registry|gateway|node run`: one role in this process, until a signal.

use std::time::Duration;

use deploy_service::config::{self, Role};
use deploy_service::watchdog::{self, Patience};
use deploy_service::{Shutdown, telemetry};
use tokio::runtime::Handle;

use crate::args::RunArgs;
use crate::failure::Failure;

/// What a process logs unless it is told otherwise: consensus tells every step of an election at `info`, in terms that
/// help its authors only.
const FILTER_DEFAULT: &str = "info,openraft=warn";

/// A member of a registry cluster.
pub(crate) async fn registry(args: RunArgs) -> Result<(), Failure> {
    let (config, shutdown) = prepare::<registry_server::Config>(&args)?;
    let summary = registry_server::run(config, shutdown).await;
    summary.map(|summary| tracing::info!(?summary, "stopped")).map_err(|error| {
        use registry_server::Error::{Admission, Config, Secret, SigningKey, SigningKid, Tls};
        let said = telemetry::chain(&error);
        match error {
            Admission(_) | Config(_) | Secret(_) | SigningKey(_) | SigningKid(_) | Tls(_) => {
                Failure::usage(said)
            }
            _ => Failure::internal(said),
        }
    })
}

/// A gateway.
pub(crate) async fn gateway(args: RunArgs) -> Result<(), Failure> {
    let (config, shutdown) = prepare::<gateway_server::Config>(&args)?;
    let summary = gateway_server::run(config, shutdown).await;
    summary.map(|summary| tracing::info!(?summary, "stopped")).map_err(|error| {
        let said = telemetry::chain(&error);
        match error {
            gateway_server::Error::JoinToken(_)
            | gateway_server::Error::Config(_)
            | gateway_server::Error::Secret(_)
            | gateway_server::Error::Key(_)
            | gateway_server::Error::Tls(_) => Failure::usage(said),
            _ => Failure::internal(said),
        }
    })
}

/// An execution node.
pub(crate) async fn node(args: RunArgs) -> Result<(), Failure> {
    let (config, shutdown) = prepare::<node_agent::Config>(&args)?;
    let summary = node_agent::run(config, shutdown).await;
    summary.map(|summary| tracing::info!(?summary, "stopped")).map_err(|error| {
        let said = telemetry::chain(&error);
        match error {
            node_agent::Error::JoinToken(_) | node_agent::Error::Config(_) => Failure::usage(said),
            node_agent::Error::Replaced { .. } => Failure::conflict(said),
            _ => Failure::internal(said),
        }
    })
}

fn prepare<C: Role>(args: &RunArgs) -> Result<(C, Shutdown), Failure> {
    let config: C = config::load_role(args.config.as_deref(), &args.set).map_err(|error| {
        let said = telemetry::chain(&error);
        Failure::usage(match args.config {
            Some(_) => said,
            None => format!(
                "{said}; --config FILE names its file, and `ecumene config example {}` prints one",
                C::NAME
            ),
        })
    })?;
    start_log()?;
    let shutdown = supervised(config.stop_timeout())?;
    Ok((config, shutdown))
}

/// The wish to stop of a process that serves, under a watchdog.
pub(super) fn supervised(stop_timeout: Duration) -> Result<Shutdown, Failure> {
    watchdog::watch(&Handle::current(), Patience::default())?;
    Ok(Shutdown::on_signals(stop_timeout)?)
}

/// Starts logging to stderr, filtered as `ECUMENE_LOG` says.
pub(super) fn start_log() -> Result<(), Failure> {
    let filter = std::env::var("ECUMENE_LOG");
    let filter = filter.unwrap_or_else(|_| FILTER_DEFAULT.to_owned());
    telemetry::init(telemetry::Format::Text, &filter).map_err(|error| match error {
        telemetry::Error::Filter { .. } => Failure::usage(format!("ECUMENE_LOG: {error}")),
        telemetry::Error::Started => Failure::internal(error),
    })
}
