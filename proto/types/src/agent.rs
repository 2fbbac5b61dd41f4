//! What a hosted agent is made of.

use serde::{Deserialize, Serialize};

/// How an artifact is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AgentKind {
    /// A component of the world `ecumene:agent/agent`.
    Component,
    /// A WASI 0.2 command: message on stdin, text on stdout.
    Command,
}

crate::words!(AgentKind { Component = "component", Command = "command" });
