//! Which artifacts are run, and which code on disk is believed.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use node_core::Outcome;
use node_wasm::{Kind, Limits, PrepareError};
use proto_types::Digest;

use crate::support::{Tier, command, message, start, wat};

fn quick() -> Vec<u8> {
    command("", "i32.const 0")
}

fn compiled(dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    entries.filter(|path| path.extension().is_some_and(|name| name == "cwasm")).collect()
}

#[tokio::test]
async fn bytes_of_another_digest_are_refused() {
    let tier = Tier::new();
    let other = Digest::of(b"other");
    let refused = tier.runtime.prepare(&other, quick().into(), None).await;
    assert!(matches!(refused, Err(PrepareError::Digest { expected, .. }) if expected == other));
    assert_eq!(compiled(tier.dir.path()), Vec::<PathBuf>::new());
    // A refusal is not remembered against the digest.
    assert!(matches!(tier.runtime.prepared(&other).await, Err(PrepareError::Absent)));
}

#[tokio::test]
async fn what_is_no_hosted_agent_is_refused_with_its_reason() {
    let tier = Tier::with(|config| config.artifact_bytes_max = 1_000);
    let unknown = r#"(component
        (import "example:net/raw@1.0.0" (instance (export "open" (func))))
        (core module $m (func (export "run") (result i32) i32.const 0))
        (core instance $i (instantiate $m))
        (func $run (result (result)) (canon lift (core func $i "run")))
        (instance $c (export "run" (func $run)))
        (export "wasi:cli/run@0.2.0" (instance $c)))"#;
    let other_handle = r#"(component
        (core module $m (func (export "h")))
        (core instance $i (instantiate $m))
        (func $h (canon lift (core func $i "h")))
        (export "handle" (func $h)))"#;
    for (bytes, reason) in [
        (wat("(module)"), "core WASM module"),
        (b"(component)".to_vec(), "not a WASM component"),
        (b"\0asm\x0d\0\x01\0garbage".to_vec(), "not valid here"),
        (wat("(component)"), "exports neither"),
        (wat(unknown), "example:net/raw@1.0.0"),
        (wat(other_handle), "does not fit a component of ecumene:agent"),
        (command("(memory 65536)", "i32.const 0"), "not valid here"),
        (vec![0; 1_001], "1001 bytes"),
    ] {
        let digest = Digest::of(&bytes);
        let error = tier.runtime.prepare(&digest, bytes.into(), None).await.unwrap_err();
        assert!(error.to_string().contains(reason), "{reason}: {error}");
        let outcome = error.outcome();
        assert!(matches!(outcome, Outcome::Failed { .. }), "{reason}: {outcome:?}");
    }
    let bytes = quick();
    let agent = tier.runtime.prepare(&Digest::of(&bytes), bytes.into(), Some(Kind::Agent)).await;
    assert!(matches!(agent, Err(PrepareError::WrongKind { found: Kind::Command, .. })));
}

#[tokio::test]
async fn code_compiled_once_serves_a_restart_without_the_bytes() {
    let tier = Tier::new();
    let digest = *tier.prepare(quick()).await.digest();
    let Tier { dir, .. } = tier;
    let restarted = Tier { runtime: start(dir.path(), |_| {}), dir };
    assert_eq!(restarted.runtime.cached(), []);
    let prepared = restarted.runtime.prepared(&digest).await.unwrap();
    assert_eq!(restarted.runtime.cached(), [digest]);
    let (outcome, _) = restarted.ask(prepared, message([]), Limits::default()).await;
    assert_eq!(outcome, Outcome::Completed { parts: Vec::new() });
}

#[tokio::test]
async fn an_artifact_asked_for_twice_at_once_is_compiled_once() {
    let tier = Tier::with(|config| config.compiles_max = 2);
    let (first, second) = tokio::join!(tier.prepare(quick()), tier.prepare(quick()));
    assert!(Arc::ptr_eq(&first, &second));
}

/// Changes the compiled file, starts anew, and sees that the file is neither loaded nor kept, and
/// that the artifact is compiled again from its bytes.
async fn refused_and_recompiled(change: impl FnOnce(&Path)) {
    let tier = Tier::new();
    let digest = *tier.prepare(quick()).await.digest();
    let [file] = &compiled(tier.dir.path())[..] else { panic!("one compiled file") };
    change(file);
    let restarted = start(tier.dir.path(), |_| {});
    assert!(matches!(restarted.prepared(&digest).await, Err(PrepareError::Absent)));
    assert!(!file.exists(), "what is not ours is deleted");
    restarted.prepare(&digest, Bytes::from(quick()), None).await.unwrap();
    assert!(file.exists());
    let again = start(tier.dir.path(), |_| {});
    again.prepared(&digest).await.unwrap();
}

#[tokio::test]
async fn a_compiled_file_with_a_changed_byte_is_refused_and_compiled_again() {
    for at in [0, 31, 32, 5_000] {
        refused_and_recompiled(|file| {
            let mut bytes = fs::read(file).unwrap();
            let at = at.min(bytes.len() - 1);
            bytes[at] ^= 1;
            fs::write(file, bytes).unwrap();
        })
        .await;
    }
}

#[tokio::test]
async fn a_torn_compiled_file_is_refused_and_compiled_again() {
    for len in [0, 10, 40] {
        refused_and_recompiled(|file| {
            let bytes = fs::read(file).unwrap();
            fs::write(file, &bytes[..len]).unwrap();
        })
        .await;
    }
}

#[tokio::test]
async fn code_compiled_by_another_node_is_refused() {
    let other = Tier::new();
    other.prepare(quick()).await;
    let theirs = compiled(other.dir.path()).remove(0);
    refused_and_recompiled(|file| {
        fs::copy(theirs, file).unwrap();
    })
    .await;
}

#[tokio::test]
async fn code_of_another_artifact_is_refused() {
    let tier = Tier::new();
    tier.prepare(quick()).await;
    let ours = compiled(tier.dir.path()).remove(0);
    let victim = Digest::of(b"another artifact");
    let name = ours.file_name().unwrap().to_str().unwrap();
    let engine = name.split_once('.').unwrap().1;
    fs::copy(&ours, tier.dir.path().join(format!("{}.{engine}", victim.hex()))).unwrap();
    assert!(matches!(tier.runtime.prepared(&victim).await, Err(PrepareError::Absent)));
}

#[tokio::test]
async fn capacity_is_measured_by_running() {
    let tier = Tier::new();
    let capacity = tier.runtime.measure().await.unwrap();
    assert_eq!(capacity.slots, 4);
    assert!(capacity.runs_per_second > 0);
    assert!(capacity.memory_bytes > 0 && capacity.memory_bytes <= 4 * (256 << 20));
}
