//! The model test: the same writes against RocksDB and the in-memory view leave equal pairs, whatever the order.

use proptest::collection::vec;
use proptest::prelude::*;
use registry_core::change::Write;
use registry_core::view::{Memory, Space, View};

use crate::open;

const SPACES: [Space; 5] =
    [Space::State, Space::Bodies, Space::Index, Space::Changes, Space::Tiles];

fn key() -> impl Strategy<Value = Vec<u8>> {
    vec(0u8..4, 0..3)
}

fn write() -> impl Strategy<Value = Write> {
    let space = || prop::sample::select(&SPACES[..]);
    // Values on both sides of the size from which bodies move to blob files.
    let value = (any::<u8>(), 0usize..2_000).prop_map(|(byte, length)| vec![byte; length]);
    prop_oneof![
        4 => (space(), key(), value).prop_map(|(space, key, value)| Write::Put { space, key, value }),
        1 => (space(), key()).prop_map(|(space, key)| Write::Delete { space, key }),
        1 => (space(), key(), key()).prop_map(|(space, from, to)| Write::DeleteRange { space, from, to }),
    ]
}

fn pairs(view: &dyn View, from: &[u8], to: &[u8], limit: usize) -> Vec<Vec<(Vec<u8>, Vec<u8>)>> {
    SPACES.iter().map(|space| view.range(*space, from, to, limit).unwrap()).collect()
}

/// The values under these keys, and how long they are.
fn points(view: &dyn View, keys: &[&[u8]]) -> Vec<(Option<Vec<u8>>, Option<usize>)> {
    let of = |space: &Space| {
        let lengths: Vec<_> = keys.iter().map(|key| view.length(*space, key).unwrap()).collect();
        view.values(*space, keys).unwrap().into_iter().zip(lengths)
    };
    SPACES.iter().flat_map(of).collect()
}

fn counts(view: &dyn View, from: &[u8], to: &[u8], limit: usize) -> Vec<usize> {
    SPACES.iter().map(|space| view.count(*space, from, to, limit).unwrap()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn rocksdb_and_the_model_hold_equal_pairs(
        batches in vec(vec(write(), 0..12), 1..6),
        (from, to, limit) in (key(), key(), 0usize..5),
        // Some of them twice, in no order, and more than RocksDB reads at a time.
        keys in vec(key(), 0..40),
    ) {
        let dir = tempfile::tempdir().unwrap();
        let mut model = Memory::default();
        let store = open(dir.path());
        for batch in &batches {
            store.commit(batch, &[(b"applied", b"x")]).unwrap();
            model.commit(batch);
            let view = store.view();
            prop_assert_eq!(pairs(&view, &[], &[9], 1_000), pairs(&model, &[], &[9], 1_000));
            prop_assert_eq!(pairs(&view, &from, &to, limit), pairs(&model, &from, &to, limit));
            let point = view.value(Space::State, &from).unwrap();
            prop_assert_eq!(point, model.value(Space::State, &from).unwrap());
            let keys: Vec<&[u8]> = keys.iter().map(Vec::as_slice).collect();
            prop_assert_eq!(points(&view, &keys), points(&model, &keys));
            prop_assert_eq!(counts(&view, &from, &to, limit), counts(&model, &from, &to, limit));
        }
        drop(store);
        prop_assert_eq!(pairs(&open(dir.path()).view(), &[], &[9], 1_000), pairs(&model, &[], &[9], 1_000));
    }
}
