//! The commands about agents. A command names artifact and card by their digests and never carries them.

use proto_types::{Digest, Handle, IsolationSet, Upstream};
use serde::{Deserialize, Serialize};

use crate::visibility::Visibility;

use super::entry::{AgentKind, Limits};

/// Deploys a hosted agent, or a new version of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PutAgent {
    /// Its name.
    pub handle: Handle,
    /// What to run.
    pub artifact: Digest,
    /// How large it is.
    pub artifact_bytes: u64,
    /// How it is run.
    pub kind: AgentKind,
    /// Within which bounds.
    pub limits: Limits,
    /// The isolation classes it accepts.
    pub isolation: IsolationSet,
    /// Its card, a body.
    pub card: Digest,
    /// Who may see it; `None` keeps what is stored, or takes the namespace's default.
    #[serde(default)]
    pub visibility: Option<Visibility>,
}

/// Puts an agent that runs elsewhere behind the gateways, or changes how they reach it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttachAgent {
    /// Its name; no hosted agent has it.
    pub handle: Handle,
    /// Where it is called.
    pub upstream: Upstream,
    /// Its card, a body.
    pub card: Digest,
    /// Who may see it; `None` keeps what is stored, or takes the namespace's default.
    #[serde(default)]
    pub visibility: Option<Visibility>,
}

/// Takes an agent away, hosted or attached.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RemoveAgent {
    /// Its name.
    pub handle: Handle,
}
