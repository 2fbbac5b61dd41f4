//! What an operator says about a node. It decides defaults; it must never hold a secret, only files of them.

use std::path::PathBuf;

use deploy_service::config::{self, mismatch};
use deploy_service::credential::lacks_join_token;
use deploy_service::settings::Setting;
use deploy_service::telemetry::{self, Otlp};
use deploy_service::tls::{ClientFiles, Connector};
use deploy_service::units::{Bytes, Duration};
use proto_types::{NodeId, Slots};
use serde::Deserialize;

use crate::Error;

/// The section `node` of a configuration.
#[derive(Clone, Debug, Deserialize, Setting)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The node's name, unique in the registry: 1 to 64 of `a-z 0-9 . _ -`.
    pub id: String,
    /// Registry members, `https://host:port`, or `http://` on loopback.
    pub registry: Vec<String>,
    /// How members and gateways are verified, and the certificate shown to them (`.../node/<id>`):
    /// `{ ca = "..", cert = "..", key = ".." }`.
    pub tls: Option<ClientFiles>,
    /// Where the join token lies; needed until the node is admitted.
    pub join_token_file: Option<PathBuf>,
    /// Where the credential, the journal, artifacts and compiled code are kept.
    pub state_dir: PathBuf,
    /// Tasks at the same time, at most 4,096; 0 takes four for each core.
    pub slots: u32,
    /// Memory for all tasks together.
    pub memory: Bytes,
    /// How long running tasks may go on after the wish to stop.
    pub drain: Duration,
    /// What is logged, such as `info,registry_raft=debug`, unless `ECUMENE_LOG` says it; by default `info,openraft=warn`.
    pub log_filter: Option<String>,
    /// Where traces and the log go besides.
    pub telemetry: Otlp,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            id: String::new(),
            registry: Vec::new(),
            tls: None,
            join_token_file: None,
            state_dir: PathBuf::new(),
            slots: 0,
            memory: Bytes::new(1 << 30),
            drain: Duration::from_secs(20),
            log_filter: None,
            telemetry: Otlp::default(),
        }
    }
}

impl config::Role for Config {
    const NAME: &'static str = "node";
    const CHOSEN: &'static [(&'static str, &'static str)] = &[
        ("id", "\"node-1\""),
        ("registry", "[\"http://127.0.0.1:7400\"]"),
        ("join_token_file", "\"secrets/node-1-join\""),
        ("state_dir", "\"data/node-1\""),
    ];

    fn stop_timeout(&self) -> std::time::Duration {
        Self::stop_timeout(self)
    }

    fn log_filter(&self) -> Option<&str> {
        self.log_filter.as_deref()
    }

    fn telemetry(&self) -> Option<&Otlp> {
        Some(&self.telemetry)
    }

    fn instance(&self) -> String {
        self.id.clone()
    }

    fn contradiction(&self) -> Option<String> {
        // The files of `tls` are told one by one, with the others.
        match (Self { tls: None, ..self.clone() }).checked() {
            Ok(_) => lacks_join_token(&self.state_dir, self.join_token_file.as_deref()),
            Err(Error::Config(why)) => Some(why),
            Err(other) => Some(other.to_string()),
        }
    }

    fn mismatches(&self) -> Vec<String> {
        mismatch("tls", Connector::maybe(self.tls.clone())).into_iter().collect()
    }
}

/// A configuration without contradictions.
#[derive(Clone, Debug)]
pub(crate) struct Checked {
    pub(crate) id: NodeId,
    pub(crate) registry: Vec<String>,
    pub(crate) connector: Connector,
    pub(crate) join_token_file: Option<PathBuf>,
    pub(crate) state_dir: PathBuf,
    pub(crate) slots: u32,
    pub(crate) memory_bytes: u64,
    pub(crate) drain: std::time::Duration,
}

impl Config {
    /// From the wish to stop until the process must have ended.
    #[must_use]
    pub fn stop_timeout(&self) -> std::time::Duration {
        self.drain.std() + deploy_service::shutdown::CLOSING_MAX
    }

    /// Refuses contradictions by name.
    pub(crate) fn checked(self) -> Result<Checked, Error> {
        let id = NodeId::parse(&self.id).map_err(|error| Error::Config(format!("id: {error}")))?;
        if self.registry.is_empty() {
            return Err(Error::Config("registry: at least one member is needed".to_owned()));
        }
        if self.state_dir.as_os_str().is_empty() {
            return Err(Error::Config("state_dir: a folder is needed".to_owned()));
        }
        let slots = slots(self.slots)?;
        let connector = Connector::maybe(self.tls)
            .map_err(|error| Error::Config(format!("tls: {}", telemetry::chain(&error))))?;
        Ok(Checked {
            id,
            registry: self.registry,
            connector,
            join_token_file: self.join_token_file,
            state_dir: self.state_dir,
            slots,
            memory_bytes: self.memory.count(),
            drain: self.drain.std(),
        })
    }
}

/// As many as were asked for, or what the machine is good for; the registry takes no more than [`Slots::MAX`].
fn slots(asked: u32) -> Result<u32, Error> {
    if asked > 0 {
        let slots = Slots::new(asked).map_err(|error| Error::Config(format!("slots: {error}")))?;
        return Ok(slots.get());
    }
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    Ok(u32::try_from(cores).unwrap_or(u32::MAX).saturating_mul(4).min(Slots::MAX))
}

impl Checked {
    /// The error for a state folder of which the system says this.
    pub(crate) fn no_state(&self) -> impl FnOnce(std::io::Error) -> Error {
        let path = self.state_dir.clone();
        move |source| Error::State { path, source }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn each_lack_is_named() {
        let full = Config {
            id: "n1".to_owned(),
            registry: vec!["http://127.0.0.1:1".to_owned()],
            state_dir: PathBuf::from("x"),
            ..Config::default()
        };
        assert!(full.clone().checked().is_ok());
        let most = Config { slots: Slots::MAX, ..full.clone() };
        assert_eq!(most.checked().unwrap().slots, 4_096);
        for (config, name) in [
            (Config { id: "N 1".to_owned(), ..full.clone() }, "id"),
            (Config { registry: Vec::new(), ..full.clone() }, "registry"),
            (Config { slots: Slots::MAX + 1, ..full.clone() }, "slots: at most 4096"),
            (Config { state_dir: PathBuf::new(), ..full }, "state_dir"),
        ] {
            assert!(config.checked().unwrap_err().to_string().contains(name));
        }
    }
}
