//! `registry|gateway|node run`: one role in this process, until a signal. It decides nothing about the role.

use deploy_service::{Shutdown, config, telemetry};
use serde::de::DeserializeOwned;

use crate::args::RunArgs;
use crate::failure::Failure;

/// What a process logs unless it is told otherwise: consensus tells every step of an election at `info`, in terms that
/// help its authors only.
pub(super) const FILTER_DEFAULT: &str = "info,openraft=warn";

/// A member of a registry cluster.
pub(crate) async fn registry(args: RunArgs) -> Result<(), Failure> {
    let (config, shutdown) = prepare::<registry_server::Config>("registry", &args)?;
    let summary = registry_server::run(config, shutdown).await;
    summary
        .map(|summary| tracing::info!(?summary, "stopped"))
        .map_err(|error| Failure::internal(telemetry::chain(&error)))
}

/// A gateway.
pub(crate) async fn gateway(args: RunArgs) -> Result<(), Failure> {
    let (config, shutdown) = prepare::<gateway_server::Config>("gateway", &args)?;
    let summary = gateway_server::run(config, shutdown).await;
    summary
        .map(|summary| tracing::info!(?summary, "stopped"))
        .map_err(|error| Failure::internal(telemetry::chain(&error)))
}

/// An execution node.
pub(crate) async fn node(args: RunArgs) -> Result<(), Failure> {
    let (config, shutdown) = prepare::<node_agent::Config>("node", &args)?;
    let summary = node_agent::run(config, shutdown).await;
    summary
        .map(|summary| tracing::info!(?summary, "stopped"))
        .map_err(|error| Failure::internal(telemetry::chain(&error)))
}

fn prepare<C: DeserializeOwned>(role: &str, args: &RunArgs) -> Result<(C, Shutdown), Failure> {
    let config = config::load(role, args.config.as_deref(), &args.set);
    let config = config.map_err(|error| Failure::usage(telemetry::chain(&error)))?;
    let filter = std::env::var("ECUMENE_LOG");
    let filter = filter.unwrap_or_else(|_| FILTER_DEFAULT.to_owned());
    telemetry::init(telemetry::Format::Text, &filter)
        .map_err(|error| Failure::internal(telemetry::chain(&error)))?;
    Ok((config, Shutdown::on_signals()?))
}
