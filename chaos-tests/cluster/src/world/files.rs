//! The files of a world: configurations as an operator would write them, and secrets.
//! It decides names and timings; it must never share a folder between two members.

use std::fmt::Write as _;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use anyhow::{Context as _, Result};

use super::World;

/// Short, so that a dead node's task moves while a test waits; long beside a scheduling hiccup.
const LEASE_TTL: &str = "4s";

impl World {
    pub(super) fn member_toml(&self, id: u64, urls: &[String]) -> String {
        let mut members = String::new();
        for (id, url) in (1..).zip(urls) {
            // Writing to a string cannot fail.
            let _ = writeln!(members, "{id} = \"{url}\"");
        }
        let place = usize::try_from(id - 1).unwrap_or(0);
        format!("{}[members]\n{members}", self.common_toml(id, &urls[place]))
    }

    /// A member that asks all others to be let in.
    pub(super) fn joining_toml(&self, id: u64, url: &str) -> String {
        let seeds: Vec<&str> = self.members.iter().map(|member| member.url.as_str()).collect();
        format!(
            "{}[join]\ntoken_file = \"{}\"\nseeds = {seeds:?}\n",
            self.common_toml(id, url),
            self.path(&format!("r{id}-join")).display(),
        )
    }

    fn common_toml(&self, id: u64, url: &str) -> String {
        format!(
            "id = {id}\nlisten = \"{}\"\nadvertise = \"{}\"\ndata_dir = \"{}\"\nartifacts = \"{}\"\n\
             cluster_secret_file = \"{}\"\noperator_token_file = \"{}\"\nsigning_key_file = \"{}\"\n\
             {}\nlease_ttl = \"{LEASE_TTL}\"\n\
             [bounds]\nsource_requests_per_second = 1000000\nsource_burst = 1000000\n",
            authority(url),
            url,
            self.path(&format!("r{id}")).display(),
            self.path("artifacts").display(),
            self.path("cluster").display(),
            self.path("operator").display(),
            self.path("signing").display(),
            self.member_tls(id),
        )
    }

    /// All gateways of a fleet answer to one origin: the first one's URL.
    pub(super) fn gateway_toml(&self, name: &str, url: &str) -> String {
        let origin = self.gateways.first().map_or(url, |first| first.url.as_str());
        let members: Vec<&str> = self.members.iter().map(|member| member.url.as_str()).collect();
        format!(
            "id = \"{name}\"\nlisten = \"{}\"\norigin = \"{origin}\"\nregistry = {members:?}\n\
             join_token_file = \"{}\"\nstate_dir = \"{}\"\noperator_token_file = \"{}\"\n\
             federation_key_file = \"{}\"\nfleet_key_file = \"{}\"\ndefault_agent = \"text-stats\"\n{}\n[limits]\nlame_duck = \"0s\"\n\
             [bounds]\naddress_requests_per_second = 5000\naddress_burst = 5000\npeer_requests = 300000\n\
             quarantine_after = 0\n\
             [upstreams]\nprivate_networks = [\"127.0.0.0/8\"]\n",
            authority(url),
            self.path(&format!("{name}-join")).display(),
            self.path(name).display(),
            self.path("operator").display(),
            self.path("gateway-key").display(),
            self.path("fleet").display(),
            self.gateway_tls(name),
        )
    }

    pub(super) fn node_toml(&self, name: &str) -> String {
        let members: Vec<&str> = self.members.iter().map(|member| member.url.as_str()).collect();
        format!(
            "id = \"{name}\"\nregistry = {members:?}\njoin_token_file = \"{}\"\nstate_dir = \"{}\"\n{}\n",
            self.path(&format!("{name}-join")).display(),
            self.path(name).display(),
            self.node_tls(name),
        )
    }

    pub(super) fn secret(&self, name: &str, text: &str) -> Result<()> {
        let path = self.file(name, &format!("{text}\n"))?;
        Ok(std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?)
    }

    pub(super) fn file(&self, name: &str, text: &str) -> Result<PathBuf> {
        let path = self.path(name);
        std::fs::write(&path, text)
            .with_context(|| format!("{} cannot be written", path.display()))?;
        Ok(path)
    }
}

/// Host and port of a URL without a path.
fn authority(url: &str) -> &str {
    url.split_once("://").map_or(url, |(_, authority)| authority)
}

pub(super) fn hex_of_random(bytes: usize) -> String {
    (0..bytes).fold(String::new(), |text, _| format!("{text}{:02x}", rand::random::<u8>()))
}
