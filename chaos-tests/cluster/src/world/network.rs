//! A world whose members are on hosts of their own, between which ways are cut.
//! It decides where a member is; it must never cut a way of a world on loopback, which has none.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result};

use super::{World, free_port};
use crate::hosts::{self, Host, Hosts, Way};

/// Nobody else is on a member's host.
const PORT: u16 = 7400;

impl World {
    /// Starts a registry of `count` members, each on a host of its own, and waits until one leads. They talk in TLS: off
    /// loopback there is nothing else. To be called in a [`crate::sandbox`].
    ///
    /// # Errors
    /// A member does not come up; with the end of its log.
    pub async fn networked(count: u64) -> Result<Self> {
        Self::laid_out(count, true, Some(Hosts::new(count)?))?.started().await
    }

    /// Cuts exactly these ways between hosts, from a member's number or [`hosts::CLIENTS`] to another; all others are
    /// whole again.
    ///
    /// # Errors
    /// The world has no network.
    pub fn cut(&self, ways: &BTreeSet<Way>) -> Result<()> {
        self.hosts.as_ref().context("a world on loopback")?.cut(ways)
    }

    /// Makes every way whole again.
    ///
    /// # Errors
    /// The world has no network.
    pub fn heal(&self) -> Result<()> {
        self.cut(&BTreeSet::new())
    }

    /// Where a member is going to listen.
    pub(super) fn member_url(&self, id: Host) -> Result<String> {
        let place = match self.hosts {
            Some(_) => format!("{}:{PORT}", hosts::address(id)),
            None => format!("127.0.0.1:{}", free_port()?),
        };
        Ok(format!("{}://{place}", self.scheme()))
    }

    /// What starts a member where it is.
    pub(super) fn host_of(&self, id: Host) -> Vec<String> {
        self.hosts.as_ref().map(|_| hosts::on(id)).unwrap_or_default()
    }

    /// The address that a certificate is for.
    pub(super) fn certified_ip(&self, role: &str, id: &str) -> String {
        match (&self.hosts, role, id.parse()) {
            (Some(_), "registry", Ok(id)) => hosts::address(id),
            _ => "127.0.0.1".to_owned(),
        }
    }
}
