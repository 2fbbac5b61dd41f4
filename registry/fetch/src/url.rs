//! Which URLs may be fetched, before anything is looked up; and where a redirect leads.
//!
//! Decides by text alone. It must never guess: a host that some resolver would read as an address
//! in decimal, octal or hexadecimal is refused, as is whatever is not plain ASCII.

use std::net::IpAddr;

use proto_types::{Origin, origin};

use crate::address::{self, Class};

/// What common servers take without a setting.
pub const LEN_MAX: usize = 2_048;

/// Names that never lead to the public internet (RFC 6761, 6762, 7686, 8375, 9476; ICANN's
/// reservation of `internal`).
const SPECIAL_NAMES: &[&str] =
    &["alt", "arpa", "example", "internal", "invalid", "local", "localhost", "onion", "test"];

/// Where fetches may go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// The ports of public hosts.
    pub ports: Vec<u16>,
    /// Whether this machine's own servers may be fetched, in clear text and on any port: for
    /// development and tests. Nothing else becomes reachable by it.
    pub loopback: bool,
}

/// A URL that the policy lets through so far; its addresses are still to be looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// Scheme, host and port.
    pub origin: Origin,
    /// Path and query, beginning with `/`.
    pub path: String,
}

/// Why a URL is not fetched.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Longer than [`LEN_MAX`].
    #[error("it is longer than {LEN_MAX} bytes")]
    TooLong,
    /// Controls, spaces, backslashes, or not ASCII.
    #[error("it has the byte 0x{0:02x}, which must be percent-encoded or written as punycode")]
    Byte(u8),
    /// A fragment.
    #[error("it has a fragment")]
    Fragment,
    /// Scheme, host or port; credentials are among them.
    #[error("scheme, host and port")]
    Origin(#[source] origin::Error),
    /// Not https.
    #[error("it is not https")]
    NotHttps,
    /// A port that is not on the list.
    #[error("port {0} is not allowed")]
    Port(u16),
    /// A name that is not one of the public internet.
    #[error("{0} is not a public name")]
    Name(String),
    /// An address that is not public.
    #[error("{address} is {range}")]
    Address {
        /// The address.
        address: IpAddr,
        /// The range it is in.
        range: &'static str,
    },
}

impl Policy {
    /// Reads a URL and checks what can be checked without looking the host up.
    ///
    /// # Errors
    /// The first [`Refused`].
    pub fn target(&self, url: &str) -> Result<Target, Refused> {
        let target = Target::parse(url)?;
        match target.address() {
            Some(address) => self.admit(&target, address, true)?,
            None if self.loopback => {}
            None => {
                check_name(target.origin.host())?;
                self.check_public(&target)?;
            }
        }
        Ok(target)
    }

    /// Whether this address of the target may be connected to. `inside` says whether the fetch has
    /// only seen this machine so far: what comes from outside is never led back in.
    ///
    /// # Errors
    /// The address or, as it is public, the scheme, name or port.
    pub fn admit(&self, target: &Target, address: IpAddr, inside: bool) -> Result<(), Refused> {
        match address::classify(address) {
            Class::Public => {
                if target.address().is_none() {
                    check_name(target.origin.host())?;
                }
                self.check_public(target)
            }
            Class::Loopback if self.loopback && inside => Ok(()),
            Class::Loopback => Err(Refused::Address { address, range: "loopback" }),
            Class::Special(range) => Err(Refused::Address { address, range }),
        }
    }

    fn check_public(&self, target: &Target) -> Result<(), Refused> {
        let port = target.origin.port();
        match target.origin.is_https() {
            false => Err(Refused::NotHttps),
            true if !self.ports.contains(&port) => Err(Refused::Port(port)),
            true => Ok(()),
        }
    }
}

/// A public name has a dot, and does not end in a special one.
fn check_name(host: &str) -> Result<(), Refused> {
    match host.rsplit_once('.') {
        Some((_, last)) if !SPECIAL_NAMES.contains(&last) => Ok(()),
        _ => Err(Refused::Name(host.to_owned())),
    }
}

impl Target {
    fn parse(url: &str) -> Result<Self, Refused> {
        if url.len() > LEN_MAX {
            return Err(Refused::TooLong);
        }
        let plain = |byte: &u8| byte.is_ascii_graphic() && !b"\\\"<>^`{|}".contains(byte);
        if let Some(byte) = url.bytes().find(|byte| !plain(byte)) {
            return Err(Refused::Byte(byte));
        }
        if url.contains('#') {
            return Err(Refused::Fragment);
        }
        let origin = Origin::of_url(url).map_err(Refused::Origin)?;
        let start = url.find("://").map_or(0, |at| at + "://".len());
        let path = url[start..].find(['/', '?']).map_or("", |at| &url[start + at..]);
        let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
        Ok(Self { origin, path })
    }

    /// The address, if the host is written as one.
    #[must_use]
    pub fn address(&self) -> Option<IpAddr> {
        let host = self.origin.host();
        host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host).parse().ok()
    }

    /// The whole URL.
    #[must_use]
    pub fn url(&self) -> String {
        format!("{}{}", self.origin, self.path)
    }

    /// What a `Location` of this target means (RFC 3986, section 5.2). It is not checked yet.
    #[must_use]
    pub fn join(&self, location: &str) -> String {
        let scheme = if self.origin.is_https() { "https" } else { "http" };
        let path = self.path.split('?').next().unwrap_or("/");
        if has_scheme(location) {
            location.to_owned()
        } else if location.starts_with("//") {
            format!("{scheme}:{location}")
        } else if location.starts_with('/') {
            format!("{}{}", self.origin, without_dots(location))
        } else if location.starts_with('?') || location.is_empty() {
            format!("{}{path}{location}", self.origin)
        } else {
            let folder = path.rfind('/').map_or("/", |at| &path[..=at]);
            format!("{}{}", self.origin, without_dots(&format!("{folder}{location}")))
        }
    }
}

fn has_scheme(reference: &str) -> bool {
    let end = reference.find([':', '/', '?', '#']).filter(|at| reference[*at..].starts_with(':'));
    let scheme = end.map_or("", |at| &reference[..at]);
    scheme.starts_with(|first: char| first.is_ascii_alphabetic())
        && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
}

/// RFC 3986, section 5.2.4, for a path that begins with `/`.
fn without_dots(path_and_query: &str) -> String {
    let (path, query) = match path_and_query.find('?') {
        Some(at) => path_and_query.split_at(at),
        None => (path_and_query, ""),
    };
    let mut kept: Vec<&str> = Vec::new();
    let mut folder = false;
    for segment in path.split('/').skip(1) {
        folder = matches!(segment, "." | "..");
        match segment {
            "." => {}
            ".." => drop(kept.pop()),
            _ => kept.push(segment),
        }
    }
    if folder {
        kept.push("");
    }
    format!("/{}{query}", kept.join("/"))
}

#[cfg(test)]
mod tests;
