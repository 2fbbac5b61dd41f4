//! `registry|gateway|node run`: one role in this process, until a signal. It decides nothing about the role.

use std::time::Duration;

use deploy_service::watchdog::{self, Patience};
use deploy_service::{Shutdown, config, telemetry};
use serde::de::DeserializeOwned;
use tokio::runtime::Handle;

use crate::args::RunArgs;
use crate::failure::Failure;

/// What a process logs unless it is told otherwise: consensus tells every step of an election at `info`, in terms that
/// help its authors only.
pub(super) const FILTER_DEFAULT: &str = "info,openraft=warn";

/// A member of a registry cluster.
pub(crate) async fn registry(args: RunArgs) -> Result<(), Failure> {
    let (config, shutdown) = prepare("registry", &args, |config: &registry_server::Config| {
        config.limits.stop_timeout()
    })?;
    let summary = registry_server::run(config, shutdown).await;
    summary
        .map(|summary| tracing::info!(?summary, "stopped"))
        .map_err(|error| Failure::internal(telemetry::chain(&error)))
}

/// A gateway.
pub(crate) async fn gateway(args: RunArgs) -> Result<(), Failure> {
    let (config, shutdown) =
        prepare("gateway", &args, |config: &gateway_server::Config| config.limits.stop_timeout())?;
    let summary = gateway_server::run(config, shutdown).await;
    summary
        .map(|summary| tracing::info!(?summary, "stopped"))
        .map_err(|error| Failure::internal(telemetry::chain(&error)))
}

/// An execution node.
pub(crate) async fn node(args: RunArgs) -> Result<(), Failure> {
    let (config, shutdown) = prepare("node", &args, node_agent::Config::stop_timeout)?;
    let summary = node_agent::run(config, shutdown).await;
    summary
        .map(|summary| tracing::info!(?summary, "stopped"))
        .map_err(|error| Failure::internal(telemetry::chain(&error)))
}

fn prepare<C: DeserializeOwned>(
    role: &str,
    args: &RunArgs,
    stop_timeout: impl FnOnce(&C) -> Duration,
) -> Result<(C, Shutdown), Failure> {
    let config = config::load(role, args.config.as_deref(), &args.set);
    let config = config.map_err(|error| Failure::usage(telemetry::chain(&error)))?;
    let filter = std::env::var("ECUMENE_LOG");
    let filter = filter.unwrap_or_else(|_| FILTER_DEFAULT.to_owned());
    telemetry::init(telemetry::Format::Text, &filter)
        .map_err(|error| Failure::internal(telemetry::chain(&error)))?;
    let shutdown = supervised(stop_timeout(&config))?;
    Ok((config, shutdown))
}

/// The wish to stop of a process that serves, under a watchdog.
pub(super) fn supervised(stop_timeout: Duration) -> Result<Shutdown, Failure> {
    watchdog::watch(&Handle::current(), Patience::default())?;
    Ok(Shutdown::on_signals(stop_timeout)?)
}
