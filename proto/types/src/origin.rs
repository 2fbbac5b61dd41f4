//! Web origins: a peer's name, in exactly one form.
//!
//! Decides what the normal form is. Must never compare two origins in any way but as strings:
//! whatever is not in the normal form is refused, not guessed at (attack case 9).

use core::net::{Ipv4Addr, Ipv6Addr};
use std::fmt;

use serde::{Deserialize, Serialize};

/// The longest origin: scheme, a host of 253 bytes (RFC 1035) and a port.
const LEN_MAX: usize = "https://".len() + HOST_LEN_MAX + ":65535".len();

/// RFC 1035, section 2.3.4, without the root's dot.
const HOST_LEN_MAX: usize = 253;

/// RFC 1035, section 2.3.4.
const LABEL_LEN_MAX: usize = 63;

/// `scheme "://" host [":" port]`: scheme `http` or `https`, host lower-case ASCII (punycode for
/// others), an IPv4 address in four decimal numbers, or an IPv6 address in its RFC 5952 form; the
/// default port absent; no credentials, path, query or fragment.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Origin(String);

/// Why a text is not an origin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Longer than any origin can be.
    #[error("longer than {LEN_MAX} bytes")]
    TooLong,
    /// Not `http://` or `https://`.
    #[error("the scheme is neither http nor https")]
    Scheme,
    /// A path, query, fragment or credentials.
    #[error("more than scheme, host and port")]
    NotOnlyOrigin,
    /// No host, or one that a resolver could read in several ways.
    #[error("the host is not a plain DNS name or address")]
    Host,
    /// Not 1..=65535 in plain decimal.
    #[error("the port is not 1 to 65535 in plain decimal")]
    Port,
    /// Right in substance, but not written in the normal form.
    #[error("not in the normal form (lower case, no default port, no trailing slash)")]
    NotNormal,
}

impl Origin {
    /// Reads an origin that is already in the normal form. This is the check for everything that
    /// is signed, and for `aud`.
    ///
    /// # Errors
    /// Not an origin, or not in the normal form.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let normal = Self::normalise(text)?;
        if normal.0 == text { Ok(normal) } else { Err(Error::NotNormal) }
    }

    /// Reads what a person or a configuration file may write: upper case, the default port, one
    /// trailing slash, a long IPv6 form.
    ///
    /// # Errors
    /// Not an origin.
    pub fn normalise(text: &str) -> Result<Self, Error> {
        if text.len() > LEN_MAX + 1 {
            return Err(Error::TooLong);
        }
        let lower = text.to_ascii_lowercase();
        let (scheme, rest) = lower.split_once("://").ok_or(Error::Scheme)?;
        let default_port = match scheme {
            "http" => 80,
            "https" => 443,
            _ => return Err(Error::Scheme),
        };
        let authority = rest.strip_suffix('/').unwrap_or(rest);
        if authority.contains(['/', '?', '#', '@', '\\']) {
            return Err(Error::NotOnlyOrigin);
        }
        let (host, port) = split_port(authority)?;
        let host = normal_host(host)?;
        match port {
            Some(port) if port != default_port => Ok(Self(format!("{scheme}://{host}:{port}"))),
            _ => Ok(Self(format!("{scheme}://{host}"))),
        }
    }

    /// The origin of an absolute URL, leaving the path, query and fragment out. Credentials in the
    /// URL are refused.
    ///
    /// # Errors
    /// The part before the path is not an origin.
    pub fn of_url(url: &str) -> Result<Self, Error> {
        let start = url.find("://").ok_or(Error::Scheme)? + "://".len();
        let rest = &url[start..];
        let end = rest.find(['/', '?', '#', '\\']).map_or(url.len(), |at| start + at);
        Self::normalise(&url[..end])
    }

    /// The normal form.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the scheme is https.
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.0.starts_with("https:")
    }

    /// Host and, unless it is the default, port.
    #[must_use]
    pub fn authority(&self) -> &str {
        self.0.split_once("://").map_or("", |(_, authority)| authority)
    }

    /// The host alone; an IPv6 address keeps its brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        let authority = self.authority();
        match authority.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => host,
            _ => authority,
        }
    }

    /// The port, also where the origin leaves it out.
    #[must_use]
    pub fn port(&self) -> u16 {
        let stated = self.authority().strip_prefix(self.host());
        let stated = stated.and_then(|rest| rest.strip_prefix(':')?.parse().ok());
        stated.unwrap_or(if self.is_https() { 443 } else { 80 })
    }
}

/// Splits `host[:port]`; an IPv6 host keeps its brackets.
fn split_port(authority: &str) -> Result<(&str, Option<u16>), Error> {
    let host_end = match authority.find(']') {
        Some(at) => at + 1,
        None => authority.find(':').unwrap_or(authority.len()),
    };
    let (host, rest) = authority.split_at(host_end);
    if rest.is_empty() {
        return Ok((host, None));
    }
    let digits = rest.strip_prefix(':').ok_or(Error::Host)?;
    let plain = digits.bytes().all(|byte| byte.is_ascii_digit()) && !digits.starts_with('0');
    if !plain {
        return Err(Error::Port);
    }
    digits.parse().map(|port| (host, Some(port))).map_err(|_| Error::Port)
}

fn normal_host(host: &str) -> Result<String, Error> {
    if let Some(inner) = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        let address: Ipv6Addr = inner.parse().map_err(|_| Error::Host)?;
        // An IPv4 address in IPv6 clothes has two forms; its plain one is the name.
        if address.to_ipv4_mapped().is_some() {
            return Err(Error::Host);
        }
        return Ok(format!("[{address}]"));
    }
    let labels_hold = host.len() <= HOST_LEN_MAX && host.split('.').all(is_label);
    if !labels_hold {
        return Err(Error::Host);
    }
    // `127.1`, `0x7f.1` and `010.0.0.1` are addresses to some resolvers and names to others.
    let last = host.rsplit('.').next().unwrap_or(host);
    let numeric = last.bytes().all(|byte| byte.is_ascii_digit()) || last.starts_with("0x");
    if numeric && host.parse::<Ipv4Addr>().is_err() {
        return Err(Error::Host);
    }
    Ok(host.to_owned())
}

/// A label of letters, digits and inner hyphens (RFC 1123, section 2.1).
fn is_label(label: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=LABEL_LEN_MAX).contains(&label.len())
        && label.bytes().all(plain)
        && !label.starts_with('-')
        && !label.ends_with('-')
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Origin({})", self.0)
    }
}

impl AsRef<str> for Origin {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl std::borrow::Borrow<str> for Origin {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Origin {
    type Error = Error;

    fn try_from(text: String) -> Result<Self, Error> {
        Self::parse(&text)
    }
}

impl std::str::FromStr for Origin {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Self::parse(text)
    }
}

impl From<Origin> for String {
    fn from(origin: Origin) -> Self {
        origin.0
    }
}

#[cfg(test)]
mod tests;
