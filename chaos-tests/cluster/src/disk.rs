//! Disks that fail while a test says so: a shim before libc refuses the syncs of one process (EIO).
//! It decides where the shim is told so; it must never fail anything outside of one member's folder.

use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::{World, shim};

/// The shim with which the store is tested at every step.
const SHIM: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../registry/store/tests/shim/disk.c");

/// The disk of one member.
#[derive(Debug)]
pub struct FailingDisk {
    /// Syncs fail as long as this file is there.
    ill: PathBuf,
}

impl FailingDisk {
    /// From now on every sync fails.
    ///
    /// # Errors
    /// The shim cannot be told.
    pub fn fail(&self) -> Result<()> {
        Ok(std::fs::write(&self.ill, "")?)
    }

    /// Syncs work again.
    ///
    /// # Errors
    /// It has not failed.
    pub fn mend(&self) -> Result<()> {
        Ok(std::fs::remove_file(&self.ill)?)
    }
}

impl World {
    /// Gives every member a disk that can fail, from its next start on; in order of the members.
    ///
    /// # Errors
    /// The shim does not compile.
    pub fn failing_disks(&mut self) -> Result<Vec<FailingDisk>> {
        let library = self.path("disk.so");
        shim::build(Path::new(SHIM), &library)?;
        // The shim sees files by the paths that the system has for them.
        let folder = self.path("").canonicalize()?;
        let mut disks = Vec::new();
        for member in &mut self.members {
            let name = format!("r{}", member.id);
            let ill = folder.join(format!("{name}.ill"));
            member.launcher = vec![
                "env".to_owned(),
                format!("LD_PRELOAD={}", library.display()),
                format!("DISK_DIR={}/", folder.join(name).display()),
                format!("DISK_WHILE={}", ill.display()),
            ];
            disks.push(FailingDisk { ill });
        }
        Ok(disks)
    }
}
