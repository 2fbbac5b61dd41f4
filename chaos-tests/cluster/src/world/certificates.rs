//! The certificates of a world in TLS, all made by the command line as an operator would.
//! It decides where they lie; it must never make one in another way than `ecumene cert`.

use std::process::Command;

use anyhow::{Result, bail};
use deploy_service::tls::{ClientFiles, Connector};

use super::World;
use crate::process::binary;

/// Seldom-rotated worlds wait 10 s by default; a test looks at once.
const RELOAD: &str = "reload = \"10ms\"";

impl World {
    pub(super) fn scheme(&self) -> &'static str {
        if self.certified { "https" } else { "http" }
    }

    /// How the operator connects: with a certificate of its own where there are some.
    ///
    /// # Errors
    /// The certificates cannot be used.
    pub fn connector(&self) -> Result<Connector> {
        if !self.certified {
            return Ok(Connector::plain());
        }
        let files = ClientFiles::new(self.path("certificates/ca.crt"));
        let (cert, key) = self.pair("operator", "alice");
        Ok(Connector::open(files.showing(cert, key))?)
    }

    /// Makes a certificate, or in place of the one that is there another.
    ///
    /// # Errors
    /// The command line refuses.
    pub fn certify(&self, role: &str, id: &str) -> Result<()> {
        if !self.certified {
            return Ok(());
        }
        let folder = self.path("certificates").display().to_string();
        let out = ["--authority", &folder, "--out", &folder, "--force"];
        let ip = self.certified_ip(role, id);
        let issue = ["cert", "issue", "--role", role, "--id", id, "--ip", &ip];
        ecumene(&[&issue[..], &out[..]].concat())
    }

    pub(super) fn make_authority(&self) -> Result<()> {
        let folder = self.path("certificates").display().to_string();
        ecumene(&["cert", "init", "--trust-domain", "world.example", "--out", &folder])?;
        self.certify("operator", "alice")
    }

    fn pair(&self, role: &str, id: &str) -> (String, String) {
        let path = |end: &str| self.path(&format!("certificates/{role}-{id}.{end}"));
        (path("crt").display().to_string(), path("key").display().to_string())
    }

    /// The flags of a client command.
    pub(super) fn client_flags(&self) -> Vec<String> {
        if !self.certified {
            return Vec::new();
        }
        let (cert, key) = self.pair("operator", "alice");
        let ca = self.path("certificates/ca.crt").display().to_string();
        ["--ca", &ca, "--cert", &cert, "--cert-key", &key].map(str::to_owned).to_vec()
    }

    pub(super) fn member_tls(&self, id: u64) -> String {
        if self.certified {
            self.table("tls", "client_ca", "registry", &id.to_string())
        } else {
            "plain_loopback = true".to_owned()
        }
    }

    pub(super) fn gateway_tls(&self, name: &str) -> String {
        if !self.certified {
            return String::new();
        }
        let listener = self.table("tls", "client_ca", "gateway", name);
        format!("{listener}\n{}", self.table("registry_tls", "ca", "gateway", name))
    }

    pub(super) fn node_tls(&self, name: &str) -> String {
        if self.certified { self.table("tls", "ca", "node", name) } else { String::new() }
    }

    fn table(&self, section: &str, authority: &str, role: &str, id: &str) -> String {
        let (cert, key) = self.pair(role, id);
        let ca = self.path("certificates/ca.crt").display().to_string();
        format!("{section} = {{ cert = {cert:?}, key = {key:?}, {authority} = {ca:?}, {RELOAD} }}")
    }
}

fn ecumene(args: &[&str]) -> Result<()> {
    let output = Command::new(binary()?).args(args).output()?;
    if output.status.success() {
        return Ok(());
    }
    bail!("ecumene {args:?}: {}: {}", output.status, String::from_utf8_lossy(&output.stderr))
}
