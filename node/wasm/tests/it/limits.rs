//! Case 41: a guest that uses too much, or does not end, is ended, and the outcome says why.

use std::sync::Arc;
use std::time::Duration;

use node_core::{LimitKind, Outcome};
use node_wasm::{Event, Io, Limits};
use tokio::sync::{mpsc, watch};

use crate::support::{Tier, agent, command, message};

const ENDLESS: &str = "(loop br 0) unreachable";

/// Fuel that no test can use up before a deadline.
const UNLIMITED: u64 = u64::MAX / 2;

fn limit(limit: LimitKind) -> Outcome {
    Outcome::Limit { limit }
}

fn endless() -> Limits {
    Limits { fuel: UNLIMITED, wall_ms: 60_000, ..Limits::default() }
}

#[tokio::test]
async fn an_endless_loop_ends_by_fuel() {
    let limits = Limits { fuel: 10_000_000, ..Limits::default() };
    let (outcome, _) = Tier::new().run(command("", ENDLESS), limits).await;
    assert_eq!(outcome, limit(LimitKind::Cpu));
}

#[tokio::test]
async fn an_endless_loop_ends_by_time() {
    let limits = Limits { fuel: UNLIMITED, wall_ms: 50, ..Limits::default() };
    let (outcome, _) = Tier::new().run(command("", ENDLESS), limits).await;
    assert_eq!(outcome, limit(LimitKind::Wall));
}

#[tokio::test]
async fn memory_that_grows_for_ever_ends_by_memory() {
    let grow = "(loop (drop (memory.grow (i32.const 1))) br 0) unreachable";
    let (outcome, _) = Tier::new().run(command("(memory 1)", grow), Limits::default()).await;
    assert_eq!(outcome, limit(LimitKind::Memory));
}

#[tokio::test]
async fn memory_asked_for_at_the_start_or_in_two_memories_counts_too() {
    let limits = Limits { memory_bytes: 1 << 20, ..Limits::default() };
    let tier = Tier::new();
    for fields in ["(memory 17)", "(memory 9) (memory 9)"] {
        let (outcome, _) = tier.run(command(fields, "i32.const 0"), limits).await;
        assert_eq!(outcome, limit(LimitKind::Memory), "{fields}");
    }
    let (outcome, _) = tier.run(command("(memory 8) (memory 8)", "i32.const 0"), limits).await;
    assert_eq!(outcome, Outcome::Completed { parts: Vec::new() });
}

#[tokio::test]
async fn a_recursion_without_end_is_a_trap() {
    let fields = "(func $deep (param i64) (result i64)
        (i64.add (call $deep (i64.add (local.get 0) (i64.const 1))) (i64.const 1)))";
    let body = "(drop (call $deep (i64.const 0))) i32.const 0";
    let (outcome, _) = Tier::new().run(command(fields, body), Limits::default()).await;
    let Outcome::Failed { code, message } = outcome else { panic!("{outcome:?}") };
    assert_eq!(code, "trap");
    assert!(message.contains("call stack exhausted"), "{message}");
}

#[tokio::test]
async fn a_flood_of_events_ends_by_output() {
    let flood = "(loop (call $status (i32.const 0) (i32.const 0) (i32.const 0)) br 0) unreachable";
    let limits = Limits { events_max: 100, ..Limits::default() };
    let (outcome, events) = Tier::new().run(agent("", flood), limits).await;
    assert_eq!(outcome, limit(LimitKind::Output));
    assert_eq!(events, vec![Event::Status { text: None }; 100]);
}

#[tokio::test]
async fn a_flood_of_host_calls_ends_by_fuel() {
    let flood = "(loop (drop (call $cancelled)) br 0) unreachable";
    let limits = Limits { fuel: 1_000_000, ..Limits::default() };
    let (outcome, _) = Tier::new().run(agent("", flood), limits).await;
    assert_eq!(outcome, limit(LimitKind::Cpu));
}

#[tokio::test]
async fn output_over_its_limit_is_not_delivered() {
    let say = "(call $status (i32.const 1) (i32.const 0) (i32.const 1000)) i32.const 0";
    let run = async |output_bytes| {
        let limits = Limits { output_bytes, ..Limits::default() };
        Tier::new().run(agent("", say), limits).await
    };
    assert_eq!(run(1_000).await, (limit(LimitKind::Output), Vec::new()));
    let (outcome, events) = run(2_000).await;
    assert_eq!(outcome, Outcome::Completed { parts: Vec::new() });
    assert_eq!(events, [Event::Status { text: Some("\0".repeat(1_000)) }]);
}

/// 500 parts, each a text of 60,000 bytes at the same address: 24 kB in the guest, 30 MB in the host.
#[tokio::test]
async fn a_buffer_named_many_times_in_one_event_ends_by_output() {
    let body = "(loop $l
        (i32.store (i32.add (i32.const 66000) (i32.mul (local.get $n) (i32.const 48))) (i32.const 0))
        (i32.store (i32.add (i32.const 66008) (i32.mul (local.get $n) (i32.const 48))) (i32.const 60000))
        (local.set $n (i32.add (local.get $n) (i32.const 1)))
        (br_if $l (i32.lt_u (local.get $n) (i32.const 500))))
        (call $artifact (i32.const 66000) (i32.const 500))
        i32.const 0";
    let (outcome, events) = Tier::new().run(agent("", body), Limits::default()).await;
    assert_eq!((outcome, events), (limit(LimitKind::Output), Vec::new()));
}

#[tokio::test]
async fn a_guest_that_ignores_a_cancel_is_ended_after_its_grace() {
    let tier = Tier::new();
    let prepared = tier.prepare(command("", ENDLESS)).await;
    let (events, _received) = mpsc::channel(1);
    let (switch, cancel) = watch::channel(false);
    let limits = Limits { cancel_grace_ms: 20, ..endless() };
    let run = tier.runtime.run(prepared, message([]), limits, Io { events, cancel });
    let press = async {
        tokio::time::sleep(Duration::from_millis(30)).await;
        switch.send(true).unwrap();
    };
    assert_eq!(tokio::join!(run, press).0, Outcome::Cancelled);
}

#[tokio::test]
async fn a_guest_that_asks_learns_of_the_cancel_and_ends_by_itself() {
    let body = "(call $status (i32.const 0) (i32.const 0) (i32.const 0))
        (loop (br_if 0 (i32.eqz (call $cancelled))))
        (call $status (i32.const 0) (i32.const 0) (i32.const 0))
        i32.const 0";
    let tier = Tier::new();
    let prepared = tier.prepare(agent("", body)).await;
    let (events, mut received) = mpsc::channel(4);
    let (switch, cancel) = watch::channel(false);
    let limits = Limits { cancel_grace_ms: 60_000, ..endless() };
    let run = tier.runtime.run(prepared, message([]), limits, Io { events, cancel });
    let press = async {
        assert!(received.recv().await.is_some(), "it has begun");
        switch.send(true).unwrap();
        received.recv().await
    };
    let (outcome, after) = tokio::join!(run, press);
    assert_eq!(outcome, Outcome::Cancelled);
    assert_eq!(after, Some(Event::Status { text: None }), "it came out of its loop");
}

#[tokio::test]
async fn a_guest_that_waits_in_a_host_call_ends_by_time() {
    let body = "(loop (call $status (i32.const 0) (i32.const 0) (i32.const 0)) br 0) unreachable";
    let tier = Tier::new();
    let prepared = tier.prepare(agent("", body)).await;
    let (events, received) = mpsc::channel(1);
    let (_switch, cancel) = watch::channel(false);
    let limits = Limits { wall_ms: 50, ..endless() };
    let outcome = tier.runtime.run(prepared, message([]), limits, Io { events, cancel }).await;
    assert_eq!(outcome, limit(LimitKind::Wall));
    drop(received);
}

#[tokio::test]
async fn a_run_without_listeners_is_a_fault_of_the_node() {
    let body = "(call $status (i32.const 0) (i32.const 0) (i32.const 0)) i32.const 0";
    let tier = Tier::new();
    let prepared = tier.prepare(agent("", body)).await;
    let (events, received) = mpsc::channel(1);
    drop(received);
    let (_switch, cancel) = watch::channel(false);
    let outcome = tier.runtime.run(prepared, message([]), endless(), Io { events, cancel }).await;
    assert!(matches!(outcome, Outcome::Fault { retryable: true, side_effects: true, .. }));
}

#[tokio::test]
async fn one_run_too_many_is_refused_and_a_dropped_run_gives_its_slot_back() {
    let tier = Tier::with(|config| config.slots = 1);
    let body = "(call $status (i32.const 0) (i32.const 0) (i32.const 0)) (loop br 0) unreachable";
    let loops = tier.prepare(agent("", body)).await;
    let quick = tier.prepare(command("", "i32.const 0")).await;
    let once = || async { tier.ask(Arc::clone(&quick), message([]), Limits::default()).await.0 };
    let (events, mut received) = mpsc::channel(1);
    let (_switch, cancel) = watch::channel(false);
    let first = tier.runtime.run(loops, message([]), endless(), Io { events, cancel });
    tokio::select! {
        outcome = first => panic!("{outcome:?}"),
        begun = received.recv() => {
            assert!(begun.is_some());
            let refused = once().await;
            let expected = matches!(refused, Outcome::Fault { retryable: true, side_effects: false, .. });
            assert!(expected, "{refused:?}");
        }
    }
    // The first run is dropped now, and its slot comes back when its thread has seen that.
    let back = async {
        while !matches!(once().await, Outcome::Completed { .. }) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), back).await.unwrap();
}

#[tokio::test]
async fn a_busy_guest_does_not_keep_another_from_its_end() {
    let tier = Tier::with(|config| config.workers = 1);
    let loops = tier.prepare(command("", ENDLESS)).await;
    let quick = tier.prepare(command("", "i32.const 0")).await;
    let (switch, cancel) = watch::channel(false);
    let (events, _received) = mpsc::channel(1);
    let busy = tier.runtime.run(loops, message([]), endless(), Io { events, cancel });
    let others = async {
        for _ in 0..5 {
            let run = tier.ask(Arc::clone(&quick), message([]), Limits::default());
            assert_eq!(run.await.0, Outcome::Completed { parts: Vec::new() });
        }
        switch.send(true).unwrap();
    };
    assert_eq!(tokio::join!(busy, others).0, Outcome::Cancelled);
}

/// Set in the process that has little address space.
const SMALL: &str = "ECUMENE_SMALL_HOST";

/// Runs this test again with so much address space, in KiB, and tells what it printed.
fn within(kib: u32, test: &str) -> std::process::Output {
    let limited = format!("ulimit -v {kib}; exec \"$0\" \"$@\"");
    std::process::Command::new("sh")
        .args(["-c", &limited])
        .arg(std::env::current_exe().unwrap())
        .args([test, "--exact", "--nocapture"])
        .env(SMALL, "1")
        .output()
        .unwrap()
}

#[tokio::test]
async fn the_pool_shrinks_to_the_address_space_that_the_host_grants() {
    if std::env::var_os(SMALL).is_some() {
        let tier = Tier::with(|config| config.slots = 64);
        let (outcome, _) = tier.run(command("", "i32.const 0"), Limits::default()).await;
        assert_eq!(outcome, Outcome::Completed { parts: Vec::new() });
        println!("slots granted: {}", tier.runtime.slots());
        return;
    }
    assert_eq!(Tier::with(|config| config.slots = 8).runtime.slots(), 8);
    let test = "limits::the_pool_shrinks_to_the_address_space_that_the_host_grants";
    let output = within(4_000_000, test);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    let granted = said.lines().find_map(|line| line.split_once("slots granted: "));
    let granted: u32 = granted.unwrap().1.trim().parse().unwrap();
    assert!((1..64).contains(&granted), "{granted}");
}

#[test]
fn a_host_too_small_for_one_slot_is_told_which_setting_to_lower() {
    if std::env::var_os(SMALL).is_some() {
        let folder = tempfile::tempdir().unwrap();
        let config = node_wasm::Config {
            memory_bytes_max: 4 << 30,
            ..node_wasm::Config::new(folder.path().to_owned(), 1)
        };
        println!("refused: {}", node_wasm::Runtime::new(config).unwrap_err());
        return;
    }
    let test = "limits::a_host_too_small_for_one_slot_is_told_which_setting_to_lower";
    let output = within(2_000_000, test);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(said.contains("`memory`") && said.contains("ulimit -v"), "{said}");
}
