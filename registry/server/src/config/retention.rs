//! How a member comes into a cluster, and how long a cluster keeps what is over. A task is never forgotten while its
//! caller still asks for it.

use std::path::PathBuf;

use deploy_service::settings::Setting;
use deploy_service::units::Duration;
use serde::Deserialize;

use super::Contradiction;

/// How an empty member gets into a cluster that exists.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Setting)]
#[serde(deny_unknown_fields)]
pub struct Join {
    /// A join token of the role `registry`.
    pub token_file: PathBuf,
    /// Base URLs of members that may be asked.
    pub seeds: Vec<String>,
    /// Whether it asks for a vote, once it has caught up.
    #[serde(default)]
    pub promote: bool,
}

/// How long what is past is kept. The leader has it forgotten; all members forget the same.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Setting)]
#[serde(default, deny_unknown_fields)]
pub struct Retention {
    /// Lines of the total order: a cursor that is older must start anew.
    pub changes: Duration,
    /// Tasks that have ended. What is kept for tasks and envelopes may come to 12 GiB for all callers, of which one alone has
    /// half: at 4 KiB a task, with its outcome, and 30 days, some 1.2 tasks a second for all, and 0.6 for one. See
    /// `ecumene_registry_kept_bytes`.
    pub tasks: Duration,
    /// How often the leader looks.
    pub every: Duration,
}

impl Default for Retention {
    fn default() -> Self {
        // A month is longer than any watcher stays away. Arbitrary.
        let month = Duration::from_secs(30 * 86_400);
        Self { changes: month, tasks: month, every: Duration::from_secs(60) }
    }
}

impl Retention {
    pub(super) fn validate(&self) -> Result<(), Contradiction> {
        // A caller polls for its task's end; an hour is longer than any of them waits between two looks.
        let hour = Duration::from_secs(3_600);
        let least = [
            ("retention.changes", self.changes, Duration::from_secs(60)),
            ("retention.tasks", self.tasks, hour),
            ("retention.every", self.every, Duration::from_millis(100)),
        ];
        match least.into_iter().find(|(_, value, least)| value < least) {
            Some((name, value, least)) => Err(Contradiction::Retention { name, value, least }),
            None => Ok(()),
        }
    }
}
