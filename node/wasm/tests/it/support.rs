//! A runtime in a folder of its own, and one run with all its events.

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use node_core::{Message, Outcome, Part, Role};
use node_wasm::{Config, Event, Input, Io, Limits, Prepared, Runtime};
use proto_types::Digest;
use tokio::sync::{mpsc, watch};

/// A runtime and the folder that it keeps its code in.
pub(crate) struct Tier {
    pub(crate) runtime: Arc<Runtime>,
    pub(crate) dir: tempfile::TempDir,
}

impl Tier {
    pub(crate) fn new() -> Self {
        Self::with(|_| {})
    }

    pub(crate) fn with(change: impl FnOnce(&mut Config)) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let runtime = start(dir.path(), change);
        Self { runtime, dir }
    }

    pub(crate) async fn prepare(&self, bytes: Vec<u8>) -> Arc<Prepared> {
        let digest = Digest::of(&bytes);
        self.runtime.prepare(&digest, Bytes::from(bytes), None).await.unwrap()
    }

    /// Runs a guest to its end, taking its events as they come.
    pub(crate) async fn run(&self, guest: Vec<u8>, limits: Limits) -> (Outcome, Vec<Event>) {
        let prepared = self.prepare(guest).await;
        self.ask(prepared, message([]), limits).await
    }

    pub(crate) async fn ask(
        &self,
        prepared: Arc<Prepared>,
        message: impl Into<Input>,
        limits: Limits,
    ) -> (Outcome, Vec<Event>) {
        let (events, mut received) = mpsc::channel(4);
        let (_switch, cancel) = watch::channel(false);
        let run = self.runtime.run(prepared, message, limits, Io { events, cancel });
        let collect = async {
            let mut all = Vec::new();
            while let Some(event) = received.recv().await {
                all.push(event);
            }
            all
        };
        tokio::join!(run, collect)
    }
}

/// A small runtime, so that tests side by side leave each other room.
pub(crate) fn start(dir: &Path, change: impl FnOnce(&mut Config)) -> Arc<Runtime> {
    let mut config = Config { slots: 4, ..Config::new(dir.to_owned(), 1) };
    change(&mut config);
    Runtime::new(config).unwrap()
}

pub(crate) fn message(parts: impl IntoIterator<Item = Part>) -> Message {
    Message {
        context_id: Some("c-1".to_owned()),
        task_id: Some("t-1".to_owned()),
        ..Message::new("m-1", Role::User, parts.into_iter().collect())
    }
}

pub(crate) fn wat(text: &str) -> Vec<u8> {
    wat::parse_str(text).unwrap()
}

/// A WASI command whose `run` has this body, beside these other fields of its module.
pub(crate) fn command(fields: &str, body: &str) -> Vec<u8> {
    wat(&format!(
        r#"(component
          (core module $m {fields} (func (export "run") (result i32) {body}))
          (core instance $i (instantiate $m))
          (func $run (result (result)) (canon lift (core func $i "run")))
          (instance $c (export "run" (func $run)))
          (export "wasi:cli/run@0.2.0" (instance $c)))"#
    ))
}

/// A component of our world whose `handle` has this body. It may call `$emit` (an event, flattened
/// to 13 numbers) and `$cancelled`. Memory is zero below 4088 but for `data`, and zeros at an
/// address that it returns are an outcome: completed, with no parts. It was built against 1.0 of the world.
pub(crate) fn agent(data: &str, body: &str) -> Vec<u8> {
    let world = include_str!("agent.wat");
    wat(&world.replace(";; DATA", data).replace(";; BODY", body))
}

/// The same built against 1.1: it may call `$as_message`, and `$history`, which writes a list at an address.
pub(crate) fn newer_agent(data: &str, body: &str) -> Vec<u8> {
    let world = include_str!("agent.wat").replace("@1.0.0", "@1.1.0");
    let world = world
        .replace(
            ";; NEWER EXPORTS",
            r#"(export "message" (type $m (eq $message)))
               (export "history" (func (result (list $m))))
               (export "answer-as-message" (func))"#,
        )
        .replace(
            ";; NEWER FUNCTIONS",
            r#"(core func $as_message (canon lower (func $events "answer-as-message")))
               (core func $history (canon lower (func $events "history")
                 (memory (core memory $libc "memory")) (realloc (core func $libc "realloc")) string-encoding=utf8))"#,
        )
        .replace(
            ";; NEWER IMPORTS",
            r#"(import "host" "history" (func $history (param i32)))
               (import "host" "as-message" (func $as_message))"#,
        )
        .replace(
            ";; NEWER ARGUMENTS",
            r#"(export "history" (func $history)) (export "as-message" (func $as_message))"#,
        );
    wat(&world.replace(";; DATA", data).replace(";; BODY", body))
}
