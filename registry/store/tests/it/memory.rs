//! What a store says of its memory, and that the bounds of its memory tables hold.

use registry_core::change::Write;
use registry_core::view::Space;
use registry_store::{Options, Store};

use crate::{append, open, put};

#[test]
fn each_database_says_how_much_of_what_was_written_it_holds_in_memory() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let before = store.memory().unwrap();
    let value = vec![7; 1 << 20];
    store.commit(&[put(b"key", &value)], &[]).unwrap();
    let written = store.memory().unwrap();
    assert!(written.state.memory_tables_bytes >= before.state.memory_tables_bytes + (1 << 20));
    assert_eq!(written.log, before.log, "nothing was appended");
    append(store.log(), [1], 1 << 20).unwrap();
    let appended = store.memory().unwrap();
    assert!(appended.log.memory_tables_bytes >= before.log.memory_tables_bytes + (1 << 20));
}

#[test]
fn memory_tables_stay_within_their_bounds_however_much_is_written() {
    const BUFFER: usize = 256 << 10;
    let dir = tempfile::tempdir().unwrap();
    let options =
        Options { state_buffer_bytes: BUFFER, log_buffer_bytes: BUFFER, ..Options::default() };
    let store = Store::open(dir.path(), 1, options).unwrap();
    let spaces = [Space::State, Space::Bodies, Space::Index, Space::Changes, Space::Tiles];
    let mut most = (0, 0);
    for round in 0..64_u64 {
        let key = round.to_be_bytes().to_vec();
        let value = vec![7; 32 << 10];
        let writes =
            spaces.map(|space| Write::Put { space, key: key.clone(), value: value.clone() });
        store.commit(&writes, &[]).unwrap();
        append(store.log(), [round + 1], 128 << 10).unwrap();
        let memory = store.memory().unwrap();
        most.0 = most.0.max(memory.state.memory_tables_bytes);
        most.1 = most.1.max(memory.log.memory_tables_bytes);
    }
    // Ten and eight megabytes were written. Two tables for each family, the one that is written and the one that is
    // written out, and as much again for what RocksDB takes in advance.
    let bound = |families: u64| families * 2 * 2 * BUFFER as u64;
    assert!(most.0 <= bound(6) && most.1 <= bound(2), "{most:?}");
}
