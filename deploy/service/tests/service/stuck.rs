//! Processes whose threads have stopped running. Each is a child: the test's own program, run again for one test.
//! They guard against a deadlock of all workers, under which SIGTERM once had no effect.

use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Barrier};
use std::time::{Duration, Instant};

use deploy_service::Shutdown;
use deploy_service::watchdog::{self, Patience};
use rustix::process::{Pid, Signal, kill_process};

const CHILD: &str = "ECUMENE_STUCK_CHILD";
const WORKERS: usize = 2;
/// Far beyond what a child takes.
const ENDED_MAX: Duration = Duration::from_secs(30);

#[test]
fn a_process_ends_after_sigterm_whatever_its_threads_do() {
    let name = "stuck::a_process_ends_after_sigterm_whatever_its_threads_do";
    if std::env::var_os(CHILD).is_some() {
        return live(|_| drop(Shutdown::on_signals(Duration::from_millis(300)).unwrap()));
    }
    let mut child = spawn(name);
    kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
    assert_eq!(ended(&mut child).signal(), Some(6), "aborted");
}

#[test]
fn a_process_without_a_running_thread_ends_itself() {
    let name = "stuck::a_process_without_a_running_thread_ends_itself";
    let patience =
        Patience { tick: Duration::from_millis(50), ticks_to_log: 2, ticks_to_abort: 10 };
    if std::env::var_os(CHILD).is_some() {
        return live(|runtime| watchdog::watch(runtime, patience).unwrap());
    }
    assert_eq!(ended(&mut spawn(name)).signal(), Some(6), "aborted");
}

/// The child's life: all workers wait for one another and for one more, which never comes.
fn live(begin: impl FnOnce(&tokio::runtime::Handle)) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(WORKERS)
        .enable_all()
        .build()
        .unwrap();
    begin(runtime.handle());
    let never = Arc::new(Barrier::new(WORKERS + 1));
    for _ in 0..WORKERS {
        let never = Arc::clone(&never);
        runtime.spawn(async move {
            never.wait();
        });
    }
    // What the parent reads: from here on the workers are taken.
    println!("{CHILD}");
    std::thread::sleep(ENDED_MAX);
}

fn spawn(test: &str) -> Child {
    use std::io::{BufRead as _, BufReader};
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env(CHILD, "1")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.as_mut().unwrap()).lines();
    assert!(lines.map_while(Result::ok).any(|line| line.contains(CHILD)), "it has begun");
    child
}

fn ended(child: &mut Child) -> ExitStatus {
    let until = Instant::now() + ENDED_MAX / 2;
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status;
        }
        if Instant::now() > until {
            child.kill().unwrap();
            panic!("it does not end");
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}
