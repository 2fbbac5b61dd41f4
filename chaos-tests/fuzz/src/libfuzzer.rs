//! libFuzzer over the target that `FUZZ_TARGET` names, with its seeds written to the folder `FUZZ_SEEDS` first.
//!
//! `deploy/fuzz` builds and starts it. It must never run otherwise: without instrumentation nothing is looked for.
#![no_main]

use std::path::Path;
use std::sync::LazyLock;
use std::{env, fs};

use chaos_fuzz::Target;

static TARGET: LazyLock<Target> = LazyLock::new(|| {
    let name = env::var("FUZZ_TARGET").unwrap_or_default();
    Target::named(&name).expect("deploy/fuzz names a target")
});

libfuzzer_sys::fuzz_target!(
    init: {
        let folder = env::var_os("FUZZ_SEEDS").expect("deploy/fuzz names a folder");
        for (at, seed) in TARGET.seeds().iter().enumerate() {
            let file = Path::new(&folder).join(format!("{at:03}"));
            fs::write(file, seed).expect("deploy/fuzz has made the folder");
        }
    },
    |bytes: &[u8]| (TARGET.run)(bytes)
);
