//! The laws of a task on a node, under random histories: whatever happens, in whatever order.
//!
//! Each law was seen to fail once: by running without the check for the phase in `prepared`, by
//! reporting in `ran` after a lost lease, and by leaving the timer out of `handle`.

#![expect(clippy::unwrap_used, reason = "tests")]

use node_core::{
    Assignment, Because, Event, IsolationClass, Lease, LimitKind, Outcome, Output, Refusal,
    ReportRefusal, Reservation, Task,
};
use proptest::prelude::*;
use proto_types::{Digest, Handle, LeaseEpoch, MonoUs, TaskId};

const EPOCH: LeaseEpoch = LeaseEpoch(7);
const LENGTH_US: u64 = 4_000_000;

fn lease() -> Lease {
    Lease::granted(MonoUs(0), LENGTH_US)
}

fn assignment() -> Assignment {
    Assignment {
        task: TaskId::parse("task-1").unwrap(),
        agent: Handle::parse("urn:hive:agent:textkit").unwrap(),
        artifact: Digest::of(b"artifact"),
        reservation: Reservation { class: IsolationClass::WasmProc, memory_bytes: 1 << 20 },
        epoch: EPOCH,
        lease: lease(),
    }
}

fn polled(task: &mut Task) -> Vec<Output> {
    std::iter::from_fn(|| task.poll_output()).collect()
}

/// A task that has come so far by the events, at time 0, with what it gave on the way thrown away.
fn after(events: impl IntoIterator<Item = Event>) -> Task {
    let mut task = Task::new(assignment());
    for event in events {
        task.handle(MonoUs(0), event);
    }
    polled(&mut task);
    task
}

fn given(task: &mut Task, event: Event) -> Vec<Output> {
    task.handle(MonoUs(0), event);
    polled(task)
}

fn report(outcome: Outcome) -> Output {
    Output::Report { epoch: EPOCH, outcome }
}

fn done() -> Outcome {
    Outcome::Completed { parts: Vec::new() }
}

fn handed_back(side_effects: bool) -> impl Fn(&Output) -> bool {
    move |output| {
        matches!(output, Output::Report { outcome: Outcome::Fault { retryable: true, side_effects: done, .. }, .. }
            if *done == side_effects)
    }
}

#[test]
fn a_task_is_persisted_then_accepted_then_run_then_reported_then_forgotten() {
    let mut task = Task::new(assignment());
    let timer = Output::SetTimer(MonoUs(3_000_000));
    assert_eq!(polled(&mut task), [Output::Persist, timer]);
    assert_eq!(given(&mut task, Event::Persisted), [Output::Accept, Output::Prepare]);
    assert_eq!(given(&mut task, Event::Prepared), [Output::Run]);
    assert!(!task.is_idle());
    assert_eq!(given(&mut task, Event::Ran(done())), [report(done())]);
    assert!(task.is_idle() && task.wants_lease());
    assert_eq!(given(&mut task, Event::Reported), [Output::Forget]);
    assert!(task.is_done() && !task.wants_lease());
}

#[test]
fn a_task_that_cannot_be_written_down_is_refused() {
    let mut task = after([]);
    let refused = given(&mut task, Event::PersistFailed { reason: "no space".to_owned() });
    assert_eq!(refused, [Output::Refuse(Refusal::Storage { reason: "no space".to_owned() })]);
}

#[test]
fn cancel_is_honoured_wherever_the_task_stands() {
    let cancel = Event::CancelRequested;
    assert_eq!(given(&mut after([]), cancel.clone()), [Output::Refuse(Refusal::Cancelled)]);
    let mut preparing = after([Event::Persisted]);
    assert_eq!(given(&mut preparing, cancel.clone()), [report(Outcome::Cancelled)]);
    assert_eq!(given(&mut preparing, Event::Prepared), []);
    let mut running = after([Event::Persisted, Event::Prepared]);
    assert_eq!(given(&mut running, cancel.clone()), [Output::Kill(Because::Cancelled)]);
    assert_eq!(given(&mut running, cancel), []);
    let ran = Event::Ran(Outcome::Cancelled);
    assert_eq!(given(&mut running, ran), [report(Outcome::Cancelled)]);
}

#[test]
fn a_run_on_a_lost_lease_is_killed_and_never_reported() {
    for lost in [Event::LeaseLost, Event::LeaseRenewed { epoch: LeaseEpoch(8), lease: lease() }] {
        let mut task = after([Event::Persisted, Event::Prepared]);
        assert_eq!(given(&mut task, lost), [Output::Kill(Because::LeaseLost)]);
        assert!(!task.wants_lease());
        assert_eq!(given(&mut task, Event::Ran(done())), [Output::Forget]);
    }
    let mut reporting = after([Event::Persisted, Event::Prepared, Event::Ran(done())]);
    assert_eq!(given(&mut reporting, Event::LeaseLost), [Output::Forget]);
}

#[test]
fn a_lease_that_is_not_renewed_ends_the_run_before_it_ends_itself() {
    let mut task = after([Event::Persisted, Event::Prepared]);
    let stop = 3_000_000;
    task.handle_timeout(MonoUs(stop - 1));
    assert_eq!(polled(&mut task), []);
    let renewed = Event::LeaseRenewed { epoch: EPOCH, lease: Lease::granted(MonoUs(5), LENGTH_US) };
    assert_eq!(given(&mut task, renewed), [Output::SetTimer(MonoUs(stop + 5))]);
    task.handle_timeout(MonoUs(stop + 4));
    assert_eq!(polled(&mut task), []);
    task.handle_timeout(MonoUs(stop + 5));
    assert_eq!(polled(&mut task), [Output::Kill(Because::LeaseLost)]);
}

#[test]
fn a_report_refused_for_a_newer_epoch_is_not_repeated() {
    let mut task = after([Event::Persisted, Event::Prepared, Event::Ran(done())]);
    let superseded = Event::ReportRefused(ReportRefusal::Superseded);
    assert_eq!(given(&mut task, superseded.clone()), [Output::Forget]);
    assert_eq!(given(&mut task, superseded), []);
}

#[test]
fn an_outcome_that_cannot_be_kept_fails_its_task_at_once_with_the_reason() {
    let mut task = after([Event::Persisted, Event::Prepared, Event::Ran(done())]);
    let unacceptable =
        || Event::ReportRefused(ReportRefusal::Unacceptable { why: "too large".to_owned() });
    let failed =
        Outcome::Failed { code: "outcome-refused".to_owned(), message: "too large".to_owned() };
    assert_eq!(given(&mut task, unacceptable()), [report(failed)]);
    let back = given(&mut task, unacceptable());
    assert!(back.len() == 1 && back.iter().all(handed_back(true)), "{back:?}");
    assert_eq!(given(&mut task, unacceptable()), [Output::Forget]);
}

#[test]
fn a_drain_hands_back_what_has_not_begun_and_waits_for_what_has() {
    let drain = Event::Drain { by: MonoUs(1_000) };
    assert_eq!(given(&mut after([]), drain.clone()), [Output::Refuse(Refusal::Draining)]);
    let back = given(&mut after([Event::Persisted]), drain.clone());
    assert!(back.iter().any(handed_back(false)), "{back:?}");

    let mut running = after([Event::Persisted, Event::Prepared]);
    assert_eq!(given(&mut running, drain), [Output::SetTimer(MonoUs(1_000))]);
    running.handle_timeout(MonoUs(1_000));
    assert_eq!(polled(&mut running)[0], Output::Kill(Because::Drained));
    let back = given(&mut running, Event::Ran(Outcome::Cancelled));
    assert!(back.iter().any(handed_back(true)), "{back:?}");
}

#[test]
fn a_task_found_after_a_restart_is_handed_back_and_not_run() {
    let mut task = Task::recovered(assignment());
    let back = polled(&mut task);
    assert!(back.len() == 1 && back.iter().all(handed_back(true)), "{back:?}");
    assert_eq!(given(&mut task, Event::Prepared), []);
    assert_eq!(given(&mut task, Event::Reported), [Output::Forget]);
}

fn any_event() -> impl Strategy<Value = Event> {
    let outcome = prop_oneof![
        Just(done()),
        Just(Outcome::Cancelled),
        Just(Outcome::Limit { limit: LimitKind::Cpu }),
    ];
    prop_oneof![
        3 => Just(Event::Persisted),
        1 => Just(Event::PersistFailed { reason: "disk".to_owned() }),
        3 => Just(Event::Prepared),
        1 => outcome.clone().prop_map(Event::PrepareFailed),
        3 => outcome.prop_map(Event::Ran),
        2 => (6_u64..9, 0_u64..30_000_000, 1_u64..20_000_000).prop_map(|(epoch, sent, length)| {
            let lease = Lease::granted(MonoUs(sent), length);
            Event::LeaseRenewed { epoch: LeaseEpoch(epoch), lease }
        }),
        1 => Just(Event::LeaseLost),
        1 => Just(Event::CancelRequested),
        1 => Just(Event::Reported),
        1 => Just(Event::ReportRefused(ReportRefusal::Superseded)),
        1 => Just(Event::ReportRefused(ReportRefusal::Unacceptable { why: "why".to_owned() })),
        1 => (0_u64..30_000_000).prop_map(|by| Event::Drain { by: MonoUs(by) }),
    ]
}

/// What the laws need to know of a history.
#[derive(Default)]
struct Seen {
    persisted: bool,
    accepted: bool,
    runs: u32,
    reports: u32,
    terminals: u32,
    lease_lost: bool,
    running: bool,
}

impl Seen {
    fn event(&mut self, event: &Event) {
        match event {
            Event::Persisted => self.persisted = true,
            Event::LeaseLost => self.lease_lost = true,
            Event::LeaseRenewed { epoch, .. } if *epoch > EPOCH => self.lease_lost = true,
            _ => {}
        }
    }

    fn output(&mut self, output: &Output) -> Result<(), TestCaseError> {
        prop_assert_eq!(self.terminals, 0, "something follows the end: {:?}", output);
        match output {
            Output::Accept => {
                prop_assert!(self.persisted, "accepted before it was persisted");
                self.accepted = true;
            }
            Output::Run => {
                prop_assert!(self.accepted, "run before it was accepted");
                prop_assert!(!self.lease_lost, "run on a lost lease");
                self.runs += 1;
                self.running = true;
            }
            Output::Kill(_) => {
                prop_assert!(self.running, "killed what does not run");
            }
            Output::Report { epoch, .. } => {
                prop_assert_eq!(*epoch, EPOCH);
                prop_assert!(!self.lease_lost, "reported on a lost lease");
                prop_assert!(self.accepted, "reported before it was accepted");
                self.reports += 1;
            }
            Output::Refuse(_) => {
                prop_assert!(!self.accepted, "refused after it was accepted");
                self.terminals += 1;
            }
            Output::Forget => self.terminals += 1,
            Output::Persist | Output::Prepare | Output::SetTimer(_) => {}
        }
        // The outcome, that it was refused, and that the task is handed back.
        prop_assert!(self.runs <= 1 && self.reports <= 3 && self.terminals <= 1);
        Ok(())
    }
}

proptest! {
    #[test]
    fn the_laws_hold_under_every_history(
        steps in prop::collection::vec((0_u64..1_000_000, prop::option::of(any_event())), 0..60)
    ) {
        let mut task = Task::new(assignment());
        let (mut seen, mut now, mut held) = (Seen::default(), MonoUs(0), lease());
        for (elapsed_us, event) in steps {
            now = now.plus_us(elapsed_us);
            match event {
                None => task.handle_timeout(now),
                Some(event) => {
                    seen.event(&event);
                    if let Event::LeaseRenewed { epoch: EPOCH, lease } = event {
                        held = held.or_longer(lease);
                    }
                    task.handle(now, event);
                }
            }
            let outputs = polled(&mut task);
            for output in &outputs {
                seen.output(output)?;
            }
            if now >= held.kill_at() {
                prop_assert!(!outputs.contains(&Output::Run), "run too late");
                let runs = task.wants_lease() && !task.is_idle();
                prop_assert!(!runs, "neither killed nor given up in time");
            }
            prop_assert_eq!(task.is_done(), seen.terminals == 1);
        }
    }

    #[test]
    fn every_task_comes_to_an_end(
        events in prop::collection::vec(any_event(), 0..40)
    ) {
        let mut task = Task::new(assignment());
        for event in events {
            task.handle(MonoUs(0), event);
        }
        task.handle_timeout(MonoUs(u64::MAX));
        task.handle(MonoUs(u64::MAX), Event::Ran(done()));
        task.handle(MonoUs(u64::MAX), Event::Reported);
        prop_assert!(task.is_done());
    }
}
