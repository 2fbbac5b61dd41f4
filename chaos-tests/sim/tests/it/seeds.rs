//! A thousand worlds, and that they are worth something: a test that exercises nothing holds too.

use chaos_sim::{Account, Settings, run, run_all};

fn hold(seeds: std::ops::Range<u64>) {
    let account = run_all(seeds, Settings::for_seed).unwrap_or_else(|violation| {
        panic!("{violation}");
    });
    let Account { acknowledged, reads, unknown, elections, snapshots, crashes } = account;
    for (what, count) in [
        ("acknowledged", acknowledged),
        ("reads", reads),
        ("unknown", unknown),
        ("elections", elections),
        ("snapshots", snapshots),
        ("crashes", crashes),
    ] {
        assert!(count >= 250, "only {count} {what} in 500 worlds: {account:?}");
    }
}

/// Attack case 46: split brain, pause, asymmetric partition.
#[test]
fn case_46_every_invariant_holds_in_the_first_500_worlds() {
    hold(0..500);
}

#[test]
fn case_46_every_invariant_holds_in_the_next_500_worlds() {
    hold(500..1_000);
}

#[test]
fn a_seed_is_one_world() {
    for seed in 0..20 {
        let settings = Settings::for_seed(seed);
        assert_eq!(run(seed, settings), run(seed, settings), "seed {seed}");
    }
}
