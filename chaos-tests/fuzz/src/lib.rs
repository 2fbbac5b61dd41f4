//! What is true of every byte that a stranger may send: one target for each reader that such bytes meet first.
//!
//! A target takes any bytes and asserts: nothing panics, what was read is printed as what reads the same, and no bound is
//! passed. libFuzzer looks for bytes that break one (`deploy/fuzz`); the tests here run each target over its seeds and over all
//! that ever broke one (`corpus/`). A target must never need a network, a clock or a file.

mod fixtures;
mod seeds;
mod targets;

/// A reader of strangers' bytes, and what holds of it.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// Its name, which is that of its file in `targets/` and of its folder in `corpus/`.
    pub name: &'static str,
    /// Panics if the bytes break what holds.
    pub run: fn(&[u8]),
}

/// All of them.
pub const TARGETS: [Target; 14] = [
    target("card", targets::card::run),
    target("credential", targets::credential::run),
    target("envelope", targets::envelope::run),
    target("grpc", targets::grpc::run),
    target("http_json", targets::http_json::run),
    target("json", targets::json::run),
    target("json_rpc", targets::json_rpc::run),
    target("proxy", targets::proxy::run),
    target("record", targets::record::run),
    target("sealed", targets::sealed::run),
    target("signed", targets::signed::run),
    target("sse", targets::sse::run),
    target("token", targets::token::run),
    target("upstream", targets::upstream::run),
];

const fn target(name: &'static str, run: fn(&[u8])) -> Target {
    Target { name, run }
}

impl Target {
    /// The target of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        TARGETS.into_iter().find(|target| target.name == name)
    }

    /// What the search begins with.
    #[must_use]
    pub fn seeds(&self) -> Vec<Vec<u8>> {
        seeds::of(self.name)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;

    #[test]
    fn each_file_of_targets_is_a_target_and_has_seeds() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/targets");
        let files = fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
        let mut names: Vec<String> =
            files.map(|file| file.file_stem().unwrap().to_str().unwrap().to_owned()).collect();
        names.sort_unstable();
        assert_eq!(TARGETS.map(|target| target.name).as_slice(), names);
        for target in TARGETS {
            assert!(!target.seeds().is_empty(), "{}", target.name);
        }
    }

    #[test]
    fn every_seed_holds_and_so_does_each_with_one_byte_changed() {
        for target in TARGETS {
            for seed in target.seeds() {
                (target.run)(&seed);
                for at in 0..seed.len().min(512) {
                    let mut changed = seed.clone();
                    changed[at] ^= 1 << (at % 8);
                    (target.run)(&changed);
                }
            }
            (target.run)(b"");
        }
    }

    #[test]
    fn what_once_broke_a_target_does_not_break_it_again() {
        let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
        for folder in fs::read_dir(corpus).unwrap() {
            let folder = folder.unwrap();
            let name = folder.file_name().into_string().unwrap();
            let target =
                Target::named(&name).expect("a folder of the corpus is named after a target");
            for file in fs::read_dir(folder.path()).unwrap() {
                (target.run)(&fs::read(file.unwrap().path()).unwrap());
            }
        }
    }
}
