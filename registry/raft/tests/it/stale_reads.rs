//! Reads of what a member knows by itself, beside writes. Such a read once held the lock of consensus's metrics while it
//! asked for the same lock again; a writer in between blocked all of them for ever.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use registry_raft::Registry;

use crate::cluster::{Cluster, until};

const WRITES: u32 = 300;
/// At each member.
const READERS: usize = 2;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn members_that_are_asked_for_their_age_beside_writes_go_on() {
    let cluster = Cluster::start(3).await;
    let stop = Arc::new(AtomicBool::new(false));
    let readers: Vec<_> = cluster
        .ids()
        .into_iter()
        .flat_map(|id| std::iter::repeat_n(cluster.registry(id).clone(), READERS))
        .map(|member| {
            thread::spawn({
                let stop = Arc::clone(&stop);
                move || read(&member, &stop)
            })
        })
        .collect();
    for write in 0..WRITES {
        cluster.put(&write.to_be_bytes()).await;
    }
    stop.store(true, Ordering::Relaxed);
    until("the readers' end", || async {
        readers.iter().all(thread::JoinHandle::is_finished).then_some(())
    })
    .await;
}

fn read(member: &Registry, stop: &AtomicBool) {
    while !stop.load(Ordering::Relaxed) {
        let _ = (member.age(), member.status(), member.leader());
        thread::yield_now();
    }
}
