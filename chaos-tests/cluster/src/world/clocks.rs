//! Wall clocks that are wrong: each process of a world has one of its own, which a test sets while it runs.
//!
//! It decides how a process gets its clock: a small library that is loaded before the C library answers in the system's
//! place. It must never touch the clock that never jumps, nor the machine's.

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use super::World;
use crate::shim;

const SOURCE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/world/clocks/clock.c");

impl World {
    /// As [`World::prepared`]; each process has a wall clock of its own, which is right until it is set.
    ///
    /// # Errors
    /// As [`World::prepared`], or there is no C compiler.
    pub fn clocked(count: u64) -> Result<Self> {
        let mut world = Self::prepared(count)?;
        world.clocks = Some(Clocks::new(world.folder.path())?);
        Ok(world)
    }

    /// Has the clock of a process be so far off from now on, whether it runs or not. Members are called `r1` and so on,
    /// others as they were named.
    ///
    /// # Errors
    /// The world has no clocks of its own.
    pub fn set_clock(&self, name: &str, off_ms: i64) -> Result<()> {
        self.clocks.as_ref().context("a world by the machine's clock")?.set(name, off_ms)
    }
}

/// The clocks of a world.
#[derive(Debug)]
pub(super) struct Clocks {
    folder: PathBuf,
}

impl Clocks {
    /// Builds the library.
    fn new(folder: &Path) -> Result<Self> {
        let clocks = Self { folder: folder.to_owned() };
        shim::build(Path::new(SOURCE), &clocks.library())?;
        Ok(clocks)
    }

    fn set(&self, name: &str, off_ms: i64) -> Result<()> {
        let file = File::options().create(true).write(true).truncate(false).open(self.of(name))?;
        Ok(file.write_all_at(&off_ms.to_ne_bytes(), 0)?)
    }

    /// What starts a program with the clock of this name: to be put before it and its arguments.
    pub(super) fn by(&self, name: &str) -> Result<Vec<String>> {
        if !self.of(name).exists() {
            self.set(name, 0)?;
        }
        let preload = format!("LD_PRELOAD={}", self.library().display());
        let clock = format!("ECUMENE_TEST_CLOCK={}", self.of(name).display());
        Ok(vec!["env".to_owned(), preload, clock])
    }

    fn library(&self) -> PathBuf {
        self.folder.join("clock.so")
    }

    fn of(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{name}.clock"))
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use anyhow::ensure;

    use super::*;

    /// What a program finds to be the time, in seconds.
    fn date(clocks: &Clocks, name: &str) -> Result<i64> {
        let words = clocks.by(name)?;
        let (first, rest) = words.split_first().context("a program")?;
        let output = Command::new(first).args(rest).args(["date", "+%s"]).output()?;
        Ok(String::from_utf8(output.stdout)?.trim().parse()?)
    }

    #[test]
    fn a_program_sees_the_clock_that_was_set_for_it_and_no_other() -> Result<()> {
        const HOUR_S: i64 = 3_600;
        let folder = tempfile::tempdir()?;
        let clocks = Clocks::new(folder.path())?;
        for off_s in [HOUR_S, -HOUR_S, 0] {
            clocks.set("wrong", off_s * 1_000)?;
            let apart_s = date(&clocks, "wrong")? - date(&clocks, "right")?;
            ensure!((apart_s - off_s).abs() <= 5, "{apart_s} s where {off_s} s were set");
        }
        Ok(())
    }
}
