//! Which member a command asks, and when it asks another one.

use std::time::{Duration, Instant};

use registry_api::Code;

use crate::ecumene;
use crate::member::{Manner, Member};

/// Where nobody listens.
const NOBODY: &str = "http://127.0.0.1:1";

/// Runs a command that knows these members, in this order: its exit code, and what it says.
fn run(members: &[&str], args: &[&str]) -> (Option<i32>, String) {
    let folder = tempfile::tempdir().unwrap();
    let members = members.join(",");
    let output = ecumene(folder.path(), &[&["--registry", &members], args].concat());
    let said = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8(said).unwrap())
}

const READS: [&[&str]; 2] = [&["peer", "list"], &["audit", "export"]];
const WRITES: [&[&str]; 2] =
    [&["record", "delete", "urn:test:agent:one"], &["audit", "truncate", "--through", "1"]];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_read_goes_on_to_the_next_member_where_one_does_not_answer() {
    for manner in [
        Manner::Refuses(Code::NoLeader),
        Manner::Refuses(Code::ReadUnconfirmed),
        Manner::Breaks,
        Manner::Hangs,
    ] {
        let (first, second) = (Member::start(manner).await, Member::start(Manner::Answers).await);
        for (number, read) in (1..).zip(READS) {
            let (code, said) = run(&[NOBODY, &first.url, &second.url], read);
            assert_eq!(code, Some(0), "{manner:?}, {read:?}: {said}");
            assert_eq!(second.calls(), number, "{manner:?}, {read:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_goes_on_to_the_next_member_where_one_has_certainly_not_begun_it() {
    for code in [Code::NoLeader, Code::Stopping] {
        let first = Member::start(Manner::Refuses(code)).await;
        let second = Member::start(Manner::Answers).await;
        for (number, write) in (1..).zip(WRITES) {
            let (exit, said) = run(&[NOBODY, &first.url, &second.url], write);
            assert_eq!(exit, Some(0), "{code}, {write:?}: {said}");
            assert_eq!((first.calls(), second.calls()), (number, number), "{code}, {write:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_whose_outcome_is_in_doubt_is_not_made_again_and_says_so() {
    for manner in [
        Manner::Breaks,
        Manner::Refuses(Code::InDoubt),
        Manner::Refuses(Code::DiskFailed),
        Manner::Hangs,
    ] {
        let (first, second) = (Member::start(manner).await, Member::start(Manner::Answers).await);
        for write in WRITES {
            let (code, said) = run(&[&first.url, &second.url], write);
            assert_eq!(code, Some(3), "{manner:?}, {write:?}: {said}");
            let told = said.contains(&first.url) && said.trim_end().ends_with("[in-doubt]");
            assert!(told, "{manner:?}, {write:?}: {said}");
            assert_eq!(second.calls(), 0, "{manner:?}, {write:?}");
        }
    }
}

/// Two questions of 3 s, and the time of two starts.
const HUNG: Duration = Duration::from_secs(12);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gateway_that_hangs_is_named_within_seconds() {
    let gateway = Member::start(Manner::Hangs).await;
    let folder = tempfile::tempdir().unwrap();
    assert!(ecumene(folder.path(), &["key", "new", "--out", "key.json"]).status.success());
    let call = ["--gateway", &gateway.url, "agent", "call", "echo", "hi"];
    let token = ["--key", "key.json", "--issuer", "https://peer.example"];
    let (asked, known): (&[&str], &[&str]) = (&[], &["--audience", "https://gateway.example"]);
    for (audience, path) in [(asked, "/.well-known/pilox-mesh.json"), (known, "/agents/echo")] {
        let began = Instant::now();
        let output = ecumene(folder.path(), &[&call[..], &token[..], audience].concat());
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(began.elapsed() < HUNG, "{:?}: {said}", began.elapsed());
        assert_eq!(output.status.code(), Some(3), "{said}");
        assert!(said.contains(&format!("{}{path} does not answer", gateway.url)), "{said}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_call_is_waited_for_as_long_as_the_server_gives_a_sign_of_life() {
    let busy = Member::start(Manner::Works).await;
    let (code, said) = run(&[&busy.url], WRITES[1]);
    assert_eq!(code, Some(0), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_snapshot_is_asked_of_the_next_member_where_the_first_one_hangs() {
    let (first, second) =
        (Member::start(Manner::Hangs).await, Member::start(Manner::Answers).await);
    let (code, said) = run(&[&first.url, &second.url], &["cluster", "snapshot"]);
    assert_eq!((code, second.calls()), (Some(0), 1), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_member_is_defragmented_and_the_first_failure_is_the_exit_code() {
    let first = Member::start(Manner::Refuses(Code::NotFound)).await;
    let last = Member::start(Manner::Answers).await;
    let (code, said) = run(&[&first.url, NOBODY, &last.url], &["cluster", "defrag"]);
    assert_eq!((code, last.calls()), (Some(5), 1), "{said}");
    let line = |url: &str| said.lines().find(|line| line.starts_with(url)).unwrap_or_default();
    assert!(line(&first.url).contains("[not-found]"), "{said}");
    assert!(line(NOBODY).contains("does not answer"), "{said}");
    assert!(line(&last.url).ends_with("ok"), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refusal_is_an_answer_and_no_other_member_is_asked() {
    let first = Member::start(Manner::Refuses(Code::NotFound)).await;
    let second = Member::start(Manner::Answers).await;
    for args in READS.into_iter().chain(WRITES) {
        let (code, said) = run(&[&first.url, &second.url], args);
        assert_eq!(code, Some(5), "{args:?}: {said}");
    }
    assert_eq!((first.calls(), second.calls()), (4, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_member_that_does_not_answer_is_named() {
    let leaderless = Member::start(Manner::Refuses(Code::NoLeader)).await;
    for args in READS.into_iter().chain(WRITES) {
        let (code, said) = run(&[NOBODY, &leaderless.url], args);
        assert_eq!(code, Some(3), "{args:?}: {said}");
        for word in [NOBODY, &leaderless.url, "does not answer", "no-leader"] {
            assert!(said.contains(word), "{args:?}: {said}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_leader_is_looked_for_beyond_a_member_that_hangs() {
    let (first, second) =
        (Member::start(Manner::Hangs).await, Member::start(Manner::Answers).await);
    let (code, said) = run(&[&first.url, &second.url], &["cluster", "members"]);
    assert_eq!(code, Some(0), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_that_no_member_can_have_confirmed_is_refused_and_leaves_no_file() {
    let unconfirmed = Member::start(Manner::Refuses(Code::ReadUnconfirmed)).await;
    let folder = tempfile::tempdir().unwrap();
    let backup = ["--registry", &unconfirmed.url, "cluster", "backup", "copy"];
    let refused = ecumene(folder.path(), &backup);
    assert_eq!(refused.status.code(), Some(3));
    assert!(String::from_utf8(refused.stderr).unwrap().contains("[read-unconfirmed]"));
    assert!(!folder.path().join("copy").exists());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_that_is_not_whole_leaves_no_file_and_one_that_is_there_is_not_touched() {
    let member = Member::start(Manner::Answers).await;
    let folder = tempfile::tempdir().unwrap();
    let backup = ["--registry", &member.url, "cluster", "backup", "copy"];
    assert_eq!(ecumene(folder.path(), &backup).status.code(), Some(1));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    std::fs::write(folder.path().join("copy"), "").unwrap();
    let refused = ecumene(folder.path(), &backup);
    let said = String::from_utf8(refused.stderr).unwrap();
    assert!(said.trim_end().ends_with("copy exists already"), "{said}");
    assert_eq!(member.calls(), 1, "nobody is asked for what cannot be kept");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_doctor_names_members_that_hang_and_waits_for_all_of_them_at_once() {
    let mut members = vec![Member::start(Manner::Answers).await];
    for _ in 0..3 {
        members.push(Member::start(Manner::Hangs).await);
    }
    let urls: Vec<&str> = members.iter().map(|member| member.url.as_str()).collect();
    let began = Instant::now();
    let (code, said) = run(&urls, &["doctor"]);
    // 5 s each.
    assert!(began.elapsed() < Duration::from_secs(12), "{:?}: {said}", began.elapsed());
    assert_eq!(code, Some(1), "{said}");
    let line = |part: &str| said.lines().find(|line| line.starts_with(part)).unwrap_or_default();
    for hung in &urls[1..] {
        let line = line(hung);
        assert!(line.contains("SICK") && line.contains("no answer within 5 s"), "{said}");
    }
    assert!(line(urls[0]).contains("knows no leader"), "{said}");
    assert!(line("agents").contains("0 deployed"), "the one that answers is asked: {said}");
}
