//! The command line, pointed at a world.
//! It must never do what the command line should do itself.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use super::World;
use crate::process::binary;

impl World {
    /// Runs a client command of the binary against this world; its stdout, or all that it said as an error.
    ///
    /// # Errors
    /// It ends with another code than 0.
    pub fn cli(&self, args: &[&str]) -> Result<String> {
        let members: Vec<&str> = self.members.iter().map(|member| member.url.as_str()).collect();
        let gateway =
            self.gateways.first().map_or("http://127.0.0.1:1", |gateway| gateway.url.as_str());
        let output = Command::new(binary()?)
            .args(["--registry", &members.join(","), "--gateway", gateway])
            .args(["--operator-token-file", self.path("operator").to_str().context("UTF-8")?])
            .args(self.client_flags())
            .args(args)
            .output()?;
        if !output.status.success() {
            bail!(
                "ecumene {args:?}: {}: {}{}",
                output.status,
                String::from_utf8_lossy(&output.stdout),
                String::from_utf8_lossy(&output.stderr)
            );
        }
        Ok(String::from_utf8(output.stdout)?)
    }

    /// Deploys the text agent under this handle, by the command line.
    ///
    /// # Errors
    /// The component is not built (`make guests`), or the registry refuses it.
    pub fn deploy_text_agent(&self, handle: &str) -> Result<String> {
        let card = self.file("text-agent.json", &crate::documents::text_agent().to_string())?;
        let artifact = guests()?.join("node_textkit.wasm");
        let path =
            |path: &Path| path.to_str().map(str::to_owned).context("a path that is not UTF-8");
        self.cli(&[
            "agent",
            "deploy",
            handle,
            "--artifact",
            &path(&artifact)?,
            "--card",
            &path(&card)?,
        ])
    }
}

/// Where `make guests` leaves components: `ECUMENE_GUESTS`, or beside the binary's own folder.
///
/// # Errors
/// They are not built.
pub fn guests() -> Result<PathBuf> {
    if let Some(folder) = std::env::var_os("ECUMENE_GUESTS") {
        return Ok(folder.into());
    }
    let target =
        binary()?.ancestors().nth(2).map(|target| target.join("guests/wasm32-wasip2/release"));
    target.filter(|folder| folder.is_dir()).context("the guests are not built: run `make guests`")
}
