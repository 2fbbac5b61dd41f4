//! `registry|gateway|node run`: one role in this process, until a signal.

use std::sync::Arc;
use std::time::Duration;

use deploy_service::config::{self, Role};
use deploy_service::watchdog::{self, Patience};
use deploy_service::{Reload, Shutdown, telemetry};
use tokio::runtime::Handle;

use crate::args::RunArgs;
use crate::failure::Failure;

/// A member of a registry cluster.
pub(crate) async fn registry(args: RunArgs) -> Result<(), Failure> {
    let (config, reload, shutdown) = prepare::<registry_server::Config>(&args)?;
    follow(reload, &config);
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
    let (config, reload, shutdown) = prepare::<gateway_server::Config>(&args)?;
    let summary = gateway_server::run_reloading(config, Some(reload), shutdown).await;
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
    let (config, reload, shutdown) = prepare::<node_agent::Config>(&args)?;
    follow(reload, &config);
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

/// Has a role that takes over no settings but the filter of its log say which of those that have changed need a restart.
fn follow<C: Role + Clone + Send + 'static>(reload: Reload, config: &C) {
    tokio::spawn(reload.run(config.clone(), Arc::default(), |_| false, |_: &C| Ok(())));
}

fn prepare<C: Role>(args: &RunArgs) -> Result<(C, Reload, Shutdown), Failure> {
    let reload = Reload::on_signals(args.config.as_deref(), &args.set)?;
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
    start_log(config.log_filter())?;
    let shutdown = supervised(config.stop_timeout())?;
    Ok((config, reload, shutdown))
}

/// The wish to stop of a process that serves, under a watchdog.
pub(super) fn supervised(stop_timeout: Duration) -> Result<Shutdown, Failure> {
    watchdog::watch(&Handle::current(), Patience::default())?;
    Ok(Shutdown::on_signals(stop_timeout)?)
}

/// Starts logging to stderr, filtered as `ECUMENE_LOG` says, or else a configuration.
pub(super) fn start_log(configured: Option<&str>) -> Result<(), Failure> {
    let filter = telemetry::filter(configured);
    telemetry::init(telemetry::Format::Text, &filter).map_err(|error| match error {
        // That of a configuration was checked with it.
        telemetry::Error::Filter { .. } => {
            Failure::usage(format!("{}: {error}", telemetry::VARIABLE))
        }
        telemetry::Error::Started => Failure::internal(error),
    })
}
