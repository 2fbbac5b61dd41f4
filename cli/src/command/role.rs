//! `registry|gateway|node run`: one role in this process, until a signal.

use std::sync::Arc;
use std::time::Duration;

use deploy_service::config::{self, Role};
use deploy_service::telemetry::{self, Exporters};
use deploy_service::watchdog::{self, Patience};
use deploy_service::{Reload, Shutdown};
use tokio::runtime::Handle;

use crate::args::RunArgs;
use crate::failure::Failure;

/// A member of a registry cluster.
pub(crate) async fn registry(args: RunArgs) -> Result<(), Failure> {
    let (config, reload, shutdown, exporters) = prepare::<registry_server::Config>(&args)?;
    follow(reload, &config);
    let summary = registry_server::run(config, shutdown).await;
    let ended = summary.map(|summary| tracing::info!(?summary, "stopped")).map_err(|error| {
        use registry_server::Error::{Admission, Config, Secret, SigningKey, SigningKid, Tls};
        let said = telemetry::chain(&error);
        match error {
            Admission(_) | Config(_) | Secret(_) | SigningKey(_) | SigningKid(_) | Tls(_) => {
                Failure::usage(said)
            }
            _ => Failure::internal(said),
        }
    });
    closed(exporters, ended).await
}

/// A gateway.
pub(crate) async fn gateway(args: RunArgs) -> Result<(), Failure> {
    let (config, reload, shutdown, exporters) = prepare::<gateway_server::Config>(&args)?;
    let summary = gateway_server::run_reloading(config, Some(reload), shutdown).await;
    let ended = summary.map(|summary| tracing::info!(?summary, "stopped")).map_err(|error| {
        let said = telemetry::chain(&error);
        match error {
            gateway_server::Error::JoinToken(_)
            | gateway_server::Error::Config(_)
            | gateway_server::Error::Secret(_)
            | gateway_server::Error::Key(_)
            | gateway_server::Error::Tls(_) => Failure::usage(said),
            _ => Failure::internal(said),
        }
    });
    closed(exporters, ended).await
}

/// An execution node.
pub(crate) async fn node(args: RunArgs) -> Result<(), Failure> {
    let (config, reload, shutdown, exporters) = prepare::<node_agent::Config>(&args)?;
    follow(reload, &config);
    let summary = node_agent::run(config, shutdown).await;
    let ended = summary.map(|summary| tracing::info!(?summary, "stopped")).map_err(|error| {
        let said = telemetry::chain(&error);
        match error {
            node_agent::Error::JoinToken(_) | node_agent::Error::Config(_) => Failure::usage(said),
            node_agent::Error::Replaced { .. } => Failure::conflict(said),
            _ => Failure::internal(said),
        }
    });
    closed(exporters, ended).await
}

/// Has a role that takes over no settings but the filter of its log say which of those that have changed need a restart.
fn follow<C: Role + Clone + Send + 'static>(reload: Reload, config: &C) {
    tokio::spawn(reload.run(config.clone(), Arc::default(), |_| false, |_: &C| Ok(())));
}

/// What a role ended with, once what it has said of itself is sent.
async fn closed<T>(exporters: Option<Exporters>, ended: T) -> T {
    if let Some(exporters) = exporters {
        exporters.close().await;
    }
    ended
}

/// What a role runs with.
type Prepared<C> = (C, Reload, Shutdown, Option<Exporters>);

fn prepare<C: Role>(args: &RunArgs) -> Result<Prepared<C>, Failure> {
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
    let exporters = exporters(&config)?;
    start_log(config.log_filter(), exporters.as_ref())?;
    let shutdown = supervised(config.stop_timeout())?;
    Ok((config, reload, shutdown, exporters))
}

/// The wish to stop of a process that serves, under a watchdog.
pub(super) fn supervised(stop_timeout: Duration) -> Result<Shutdown, Failure> {
    watchdog::watch(&Handle::current(), Patience::default())?;
    Ok(Shutdown::on_signals(stop_timeout)?)
}

/// What sends traces and the log to a collector, where the configuration names one.
fn exporters<C: Role>(config: &C) -> Result<Option<Exporters>, Failure> {
    let Some(settings) = config.telemetry() else { return Ok(None) };
    let opened = Exporters::open(settings, C::NAME, config.instance());
    opened.map_err(|error| Failure::usage(telemetry::chain(&error)))
}

/// Starts logging to stderr, filtered as `ECUMENE_LOG` says, or else a configuration.
pub(super) fn start_log(
    configured: Option<&str>,
    exporters: Option<&Exporters>,
) -> Result<(), Failure> {
    let filter = telemetry::filter(configured);
    telemetry::init(telemetry::Format::Text, &filter, exporters).map_err(|error| match error {
        // That of a configuration was checked with it.
        telemetry::Error::Filter { .. } => {
            Failure::usage(format!("{}: {error}", telemetry::VARIABLE))
        }
        telemetry::Error::Started => Failure::internal(error),
    })
}
