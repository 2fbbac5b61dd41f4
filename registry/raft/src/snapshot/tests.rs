//! Security case 45: a corrupt snapshot is refused, nothing is deleted for it, and the right one is taken afterwards.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{Stream, StreamExt as _, stream};
use proto_wire::raft::v1::Frame;
use registry_core::change::Write;
use registry_core::view::Space;
use tokio::sync::oneshot;
use tonic::Status;

use super::build::checkpoint;
use super::{Incoming, Manifest, Refused, Snapshots, Stored, Want, receive_and_install};
use crate::codec::encode;
use crate::store_handle::{APPLIED, StoreHandle};
use crate::types::LogId;

struct Place {
    dir: tempfile::TempDir,
    handle: Arc<StoreHandle>,
    snapshots: Arc<Snapshots>,
}

impl Place {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let handle = StoreHandle::open(dir.path(), 1, registry_store::Options::default()).unwrap();
        let handle = Arc::new(handle);
        let snapshots = Arc::new(Snapshots::open(dir.path()).unwrap());
        Self { dir, handle, snapshots }
    }

    fn apply(&self, index: u64) {
        let key = index.to_be_bytes().to_vec();
        let write = Write::Put { space: Space::Bodies, key, value: vec![7; 9_000] };
        let applied = encode(&LogId::new_term_index(1, index)).unwrap();
        self.handle.store.commit(&[write], &[(APPLIED, &applied)]).unwrap();
    }

    fn build(&self) -> Arc<Stored> {
        let stored = checkpoint(&self.handle, &self.snapshots).unwrap();
        self.snapshots.adopt(Arc::clone(&stored));
        stored
    }

    fn receive(&self, manifest: Manifest, content: &[u8]) -> Result<Arc<Stored>, Refused> {
        let mut incoming = self.begin(&manifest)?;
        let wanted = self.snapshots.wanted(&manifest)?;
        let content = wanted_of(&manifest, content, &wanted);
        for frame in content.chunks(1_000) {
            incoming.write(frame)?;
        }
        incoming.finish(&self.handle)
    }

    fn begin(&self, manifest: &Manifest) -> Result<Incoming, Refused> {
        let wanted = self.snapshots.wanted(manifest)?;
        Incoming::begin(&self.snapshots, manifest.clone(), &wanted)
    }

    /// Bytes that are here of a snapshot that is not whole.
    fn kept(&self) -> u64 {
        let files = fs::read_dir(self.dir.path().join("snapshots/incoming/db"));
        files.into_iter().flatten().map(|file| file.unwrap().metadata().unwrap().len()).sum()
    }

    fn directories(&self) -> usize {
        fs::read_dir(self.dir.path().join("snapshots")).unwrap().count()
    }
}

/// What a sender sends of the whole content, and whatever is beyond its end.
fn wanted_of(manifest: &Manifest, content: &[u8], wanted: &[Want]) -> Vec<u8> {
    let (mut at, mut sent) = (0, Vec::new());
    for (file, piece) in manifest.files.iter().enumerate() {
        let end = (at + piece.bytes as usize).min(content.len());
        if let Some(want) = wanted.iter().find(|want| want.file as usize == file) {
            sent.extend_from_slice(&content[(at + want.offset as usize).min(end)..end]);
        }
        at = end;
    }
    sent.extend_from_slice(&content[at..]);
    sent
}

fn content(stored: &Stored) -> Vec<u8> {
    let read = |name: &String| fs::read(stored.database().join(name)).unwrap();
    stored.manifest().files.iter().flat_map(|piece| read(&piece.name)).collect()
}

#[test]
fn case_45_a_corrupt_snapshot_is_refused_and_the_right_one_is_taken() {
    let (from, to) = (Place::new(), Place::new());
    from.apply(5);
    to.apply(1);
    let kept = to.build();
    let sent = from.build();
    let (manifest, good) = (sent.manifest().clone(), content(&sent));

    for at in [0, good.len() / 2, good.len() - 1] {
        let mut bad = good.clone();
        bad[at] ^= 1;
        let refused = to.receive(manifest.clone(), &bad).unwrap_err();
        assert!(matches!(refused, Refused::Corrupt(_)), "byte {at}: {refused}");
        assert!(kept.database().exists() && to.snapshots.current().is_some(), "byte {at}");
    }
    let long = to.receive(manifest.clone(), &[&good[..], b"x"].concat()).unwrap_err();
    assert!(matches!(long, Refused::Length), "{long}");
    let mut other = manifest.clone();
    other.meta.last_log_id = Some(LogId::new_term_index(1, 6));
    let other = to.receive(other, &good).unwrap_err();
    assert!(matches!(other, Refused::OtherState), "{other}");
    assert_eq!(to.directories(), 1, "what is whole and wrong leaves nothing behind");
    assert!(kept.database().exists() && to.snapshots.current().is_some());

    let taken = to.receive(manifest, &good).unwrap();
    assert_eq!(content(&taken), good);
    to.handle.store.install(&taken.database()).unwrap();
    to.snapshots.adopt(taken);
    drop(kept);
    assert_eq!(to.directories(), 1, "the one that was superseded goes with its last reader");
}

#[test]
fn a_transfer_goes_on_where_it_was_cut_off_also_after_a_restart_and_a_flipped_bit() {
    let (from, mut to) = (Place::new(), Place::new());
    from.apply(5);
    let sent = from.build();
    let (manifest, good) = (sent.manifest().clone(), content(&sent));
    let whole = good.len() as u64;
    let mut received = 0;
    while received < whole / 2 {
        let mut incoming = to.begin(&manifest).unwrap();
        let wanted = to.snapshots.wanted(&manifest).unwrap();
        let rest = wanted_of(&manifest, &good, &wanted);
        assert_eq!(rest.len() as u64, whole - received, "only what lacks is sent");
        incoming.write(&rest[..rest.len().min(1_500)]).unwrap();
        drop(incoming);
        assert!(to.kept() > received);
        received = to.kept();
    }
    // A sender that was told something else starts over instead of writing into the wrong place.
    let moved = Incoming::begin(&to.snapshots, manifest.clone(), &[]).err().unwrap();
    assert!(matches!(moved, Refused::Moved), "{moved}");
    to.snapshots = Arc::new(Snapshots::open(to.dir.path()).unwrap());
    assert_eq!(to.kept(), received, "a restart keeps what was received");
    // The largest file that is here is damaged meanwhile: it alone is wanted again.
    let files = fs::read_dir(to.dir.path().join("snapshots/incoming/db")).unwrap();
    let files = files.map(|file| file.unwrap().path());
    let whole_file = |path: &std::path::PathBuf| {
        let bytes = fs::metadata(path).unwrap().len();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        manifest.files.iter().any(|piece| piece.name == name && piece.bytes == bytes && bytes > 0)
    };
    let victim =
        files.into_iter().filter(whole_file).max_by_key(|path| fs::metadata(path).unwrap().len());
    let victim = victim.expect("a file was received to its end");
    let mut bytes = fs::read(&victim).unwrap();
    bytes[0] ^= 1;
    fs::write(&victim, &bytes).unwrap();
    to.snapshots.wanted(&manifest).unwrap();
    assert_eq!(to.kept(), received - bytes.len() as u64);
    let taken = to.receive(manifest, &good).unwrap();
    assert_eq!(content(&taken), good);
    assert_eq!(to.kept(), 0);
}

#[test]
fn a_snapshot_that_was_received_stays_only_if_it_is_adopted() {
    let (from, mut to) = (Place::new(), Place::new());
    from.apply(5);
    let sent = from.build();
    let (manifest, good) = (sent.manifest().clone(), content(&sent));
    drop(to.receive(manifest.clone(), &good).unwrap());
    assert_eq!(to.directories(), 0, "nobody took it");
    let taken = to.receive(manifest.clone(), &good).unwrap();
    to.snapshots.adopt(taken);
    to.snapshots = Arc::new(Snapshots::open(to.dir.path()).unwrap());
    assert_eq!(to.snapshots.current().unwrap().manifest(), &manifest);
}

#[test]
fn what_the_receivers_own_disk_changed_is_not_the_senders_fault() {
    let (from, to) = (Place::new(), Place::new());
    from.apply(5);
    let sent = from.build();
    let (manifest, good) = (sent.manifest().clone(), content(&sent));
    let incoming_to = to.dir.path().join("snapshots/incoming/db");
    let mut incoming = to.begin(&manifest).unwrap();
    incoming.write(&good).unwrap();
    damage_a_table(&incoming_to);
    let refused = incoming.finish(&to.handle).unwrap_err();
    assert!(matches!(refused, Refused::Changed(_)), "{refused}");
    assert_eq!(to.directories(), 0);

    // The same of a part that was here before the transfer went on.
    let mut incoming = to.begin(&manifest).unwrap();
    incoming.write(&good[..1]).unwrap();
    drop(incoming);
    let wanted = to.snapshots.wanted(&manifest).unwrap();
    let begun = wanted.iter().find(|want| want.offset == 1).expect("a file was begun");
    let part = incoming_to.join(&manifest.files[begun.file as usize].name);
    fs::write(part, [good[0] ^ 1]).unwrap();
    let refused = to.receive(manifest.clone(), &good).unwrap_err();
    assert!(matches!(refused, Refused::Moved), "{refused}");
    assert_eq!(content(&to.receive(manifest, &good).unwrap()), good, "the whole file is sent");
}

/// What a sender sends, and a word when all of it is read.
fn frames(
    content: &[u8],
) -> (impl Stream<Item = Result<Frame, Status>> + use<>, oneshot::Receiver<()>) {
    let frame = |bytes: &[u8]| Ok(Frame { body: Bytes::copy_from_slice(bytes) });
    let frames: Vec<Result<Frame, Status>> = content.chunks(1_000).map(frame).collect();
    let (read, all_read) = oneshot::channel();
    let mut read = Some(read);
    let end = stream::poll_fn(move |_| {
        // The test may have ended.
        let _ = read.take().map(|read| read.send(()));
        std::task::Poll::Ready(None)
    });
    (stream::iter(frames).chain(end), all_read)
}

#[tokio::test]
async fn a_snapshot_that_is_here_is_installed_though_its_sender_has_gone() {
    let (from, to) = (Place::new(), Place::new());
    from.apply(5);
    let sent = from.build();
    let manifest = sent.manifest().clone();
    let wanted = to.snapshots.wanted(&manifest).unwrap();
    let (frames, all_read) = frames(&content(&sent));
    let (done, installed) = oneshot::channel();
    let adopter = Arc::clone(&to.snapshots);
    let install = move |stored| async move {
        adopter.adopt(stored);
        done.send(()).map_err(|()| Status::aborted("the test has ended"))
    };
    let (handle, snapshots) = (Arc::clone(&to.handle), Arc::clone(&to.snapshots));
    let sent = (manifest.clone(), wanted);
    let call = tokio::spawn(receive_and_install(handle, snapshots, sent, frames, install));
    all_read.await.unwrap();
    call.abort();
    installed.await.expect("its check goes on without the call");
    assert_eq!(to.snapshots.current().unwrap().manifest(), &manifest);
}

#[tokio::test]
async fn whoever_offers_what_is_being_checked_waits_for_that_and_sends_nothing() {
    let (from, to) = (Place::new(), Place::new());
    from.apply(5);
    let sent = from.build();
    let manifest = sent.manifest().clone();
    let wanted = to.snapshots.wanted(&manifest).unwrap();
    let (frames, _all_read) = frames(&content(&sent));
    let (go_on, held) = oneshot::channel::<()>();
    let adopter = Arc::clone(&to.snapshots);
    let install = move |stored| async move {
        held.await.unwrap();
        adopter.adopt(stored);
        Ok::<_, Status>(())
    };
    let places = || (Arc::clone(&to.handle), Arc::clone(&to.snapshots));
    assert!(!to.snapshots.holds(&manifest));
    let (handle, snapshots) = places();
    let sent = (manifest.clone(), wanted);
    let first = tokio::spawn(receive_and_install(handle, snapshots, sent, frames, install));
    let is_checked = async {
        while !to.snapshots.holds(&manifest) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), is_checked).await.expect("all of it is here");

    let (handle, snapshots) = places();
    let offered = (manifest.clone(), Vec::new());
    let install = |stored: Arc<Stored>| async move { Ok::<_, Status>(stored) };
    let again = receive_and_install(handle, snapshots, offered, stream::empty(), install);
    let again = tokio::spawn(again);
    assert!(to.snapshots.receive().is_none(), "nobody else has a turn meanwhile");
    go_on.send(()).unwrap();
    first.await.unwrap().unwrap();
    let again = again.await.unwrap().unwrap();
    assert!(Arc::ptr_eq(&again, &to.snapshots.current().unwrap()));
    assert!(to.snapshots.holds(&manifest), "nor is it sent once it is installed");
    assert_eq!(to.directories(), 1);
}

#[test]
fn one_unfinished_snapshot_is_all_there_is_room_for() {
    let (from, to) = (Place::new(), Place::new());
    from.apply(5);
    let first = from.build();
    let mut incoming = to.begin(first.manifest()).unwrap();
    incoming.write(&content(&first)[..1_000]).unwrap();
    drop(incoming);
    let other = Place::new();
    other.apply(7);
    let second = other.build();
    to.begin(second.manifest()).unwrap();
    let named = |name: &str| second.manifest().files.iter().any(|piece| piece.name == name);
    let files = fs::read_dir(to.dir.path().join("snapshots/incoming/db")).unwrap();
    assert!(files.map(|file| file.unwrap().file_name()).all(|name| named(&name.to_string_lossy())));
    to.apply(9);
    to.build();
    assert_eq!(to.kept(), 0, "a newer state of its own makes it pointless");
}

#[test]
fn the_newest_whole_snapshot_is_found_again_and_half_ones_go() {
    let place = Place::new();
    place.apply(3);
    drop(place.build());
    place.apply(9);
    let newest = place.build().manifest().clone();
    let half = place.dir.path().join("snapshots/partial-000077");
    fs::create_dir(&half).unwrap();
    let again = Snapshots::open(place.dir.path()).unwrap();
    assert_eq!(again.current().unwrap().manifest(), &newest);
    assert_eq!(place.directories(), 1);
}

#[test]
fn an_older_snapshot_never_replaces_a_newer_one() {
    let place = Place::new();
    place.apply(3);
    let older = checkpoint(&place.handle, &place.snapshots).unwrap();
    place.apply(9);
    let newer = place.build();
    place.snapshots.adopt(older);
    assert!(Arc::ptr_eq(&place.snapshots.current().unwrap(), &newer));
    assert_eq!(place.directories(), 1);
}

#[test]
fn damage_to_a_file_of_the_snapshot_shows_in_the_next_one_too() {
    let (from, to) = (Place::new(), Place::new());
    from.apply(5);
    let first = from.build();
    damage_a_table(&first.database());
    from.apply(6);
    let second = from.build();
    let refused = to.receive(second.manifest().clone(), &content(&second)).unwrap_err();
    assert!(matches!(refused, Refused::Corrupt(_)), "{refused}");
}

#[test]
fn a_snapshot_of_bytes_that_had_turned_before_is_refused_and_set_aside() {
    let (from, to) = (Place::new(), Place::new());
    from.apply(5);
    from.handle.store.defrag();
    damage_a_table(&from.handle.store.state_dir());
    let sent = from.build();
    let changed = sent.manifest().damaged(&sent.database()).unwrap();
    assert!(changed.is_empty(), "its digests are those of the damage");
    let refused = to.receive(sent.manifest().clone(), &content(&sent)).unwrap_err();
    assert!(matches!(refused, Refused::Unsound(_)), "{refused}");
    assert_eq!(to.directories(), 0);
    assert!(from.snapshots.set_unsound_aside(from.dir.path()).unwrap().is_some());
    assert!(from.snapshots.current().is_none());
    assert!(from.dir.path().join("set-aside").exists());
}

#[test]
fn an_older_snapshot_goes_once_the_newest_is_found_sound() {
    let place = Place::new();
    place.apply(3);
    let older = place.build();
    place.apply(9);
    // A crash before the older one has gone leaves both.
    let turned = checkpoint(&place.handle, &place.snapshots).unwrap();
    fs::write(turned.database().join("CURRENT"), b"turned").unwrap();
    let again = Snapshots::open(place.dir.path()).unwrap();
    assert_eq!(again.current().unwrap().manifest(), older.manifest());
    assert!(place.dir.path().join("set-aside").exists());
    let newest = checkpoint(&place.handle, &place.snapshots).unwrap();
    let again = Snapshots::open(place.dir.path()).unwrap();
    assert_eq!(again.current().unwrap().manifest(), newest.manifest());
    assert_eq!(place.directories(), 1);
}

/// Flips a bit in place, so that the running database, which shares the file, is damaged as well.
fn damage_a_table(database: &Path) {
    let files = fs::read_dir(database).unwrap().map(|file| file.unwrap().path());
    let table = files.into_iter().find(|file| file.extension().is_some_and(|end| end == "blob"));
    let table = table.expect("the body lies in a blob file");
    let mut bytes = fs::read(&table).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&table, bytes).unwrap();
}
