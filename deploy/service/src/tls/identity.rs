//! Who a certificate names: a SPIFFE id, `spiffe://<trust domain>/<role>/<id>`.
//!
//! It decides the exact form: `registry/<number>`, `gateway/<id>`, `node/<id>`, `operator/<name>`,
//! and `peer/<scheme>/<host>[/<port>]` for the origin of a peer. It must never accept two encodings
//! of one identity, nor say what an identity may do.

use std::{fmt, ops::Deref, str::FromStr, sync::Arc};

/// SPIFFE-ID 2.1 bounds a trust domain.
const DOMAIN_BYTES_MAX: usize = 255;
/// Ids of ours are at most 64 bytes, host names 253.
const SEGMENT_BYTES_MAX: usize = 253;

/// The kinds of holders.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// A member of the registry cluster.
    Registry,
    /// A gateway.
    Gateway,
    /// An execution node.
    Node,
    /// A person or program that operates the system.
    Operator,
    /// A peer of the federation.
    Peer,
}

/// Whom a certificate names. It proves nothing by itself: only an identity that comes out of a
/// verified connection does.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Identity {
    domain: String,
    role: Role,
    /// The path after the role, without a slash at either end.
    id: String,
}

/// Whom the client of a connection has proved to be; in the extensions of each of its requests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientIdentity(Arc<Identity>);

impl ClientIdentity {
    /// Of a client whose certificate was verified.
    pub(crate) fn new(identity: Identity) -> Self {
        Self(Arc::new(identity))
    }
}

impl Deref for ClientIdentity {
    type Target = Identity;

    fn deref(&self) -> &Identity {
        &self.0
    }
}

/// Why a text is no identity.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no identity: {why}")]
pub struct Malformed {
    text: String,
    why: &'static str,
}

// As they stand in the path.
proto_types::words!(Role {
    Registry = "registry",
    Gateway = "gateway",
    Node = "node",
    Operator = "operator",
    Peer = "peer",
});

impl Identity {
    /// An identity of its parts; a peer's id is its origin, such as `https://b.example:8443`.
    ///
    /// # Errors
    /// A part has characters or a length that the form does not allow.
    pub fn new(domain: &str, role: Role, id: &str) -> Result<Self, Malformed> {
        let path = match role {
            Role::Peer => {
                origin_path(id).ok_or_else(|| malformed(id, "a peer needs its origin"))?
            }
            _ => id.to_owned(),
        };
        format!("spiffe://{domain}/{role}/{path}").parse()
    }

    /// Under whose authority it was given.
    #[must_use]
    pub fn domain(&self) -> &str {
        &self.domain
    }

    /// The kind of its holder.
    #[must_use]
    pub fn role(&self) -> Role {
        self.role
    }

    /// Which one of that kind; for a peer its origin.
    #[must_use]
    pub fn id(&self) -> String {
        match self.role {
            Role::Peer => origin(&self.id),
            _ => self.id.clone(),
        }
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "spiffe://{}/{}/{}", self.domain, self.role, self.id)
    }
}

impl FromStr for Identity {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let rest = text.strip_prefix("spiffe://");
        let rest = rest.ok_or_else(|| malformed(text, "it does not begin with spiffe://"))?;
        let (domain, path) =
            rest.split_once('/').ok_or_else(|| malformed(text, "it has no path"))?;
        check_domain(domain)?;
        let (role, id) = path.split_once('/').ok_or_else(|| malformed(text, "it has no id"))?;
        let role = role.parse::<Role>().map_err(|_| malformed(text, "its role is not known"))?;
        let fits = match role {
            Role::Registry => is_number(id),
            Role::Gateway | Role::Node | Role::Operator => is_segment(id),
            Role::Peer => is_origin_path(id),
        };
        if !fits {
            return Err(malformed(text, "its id does not have the form of its role"));
        }
        Ok(Self { domain: domain.to_owned(), role, id: id.to_owned() })
    }
}

/// Holds for a trust domain: lower-case letters, digits, `.`, `-`, `_` (SPIFFE-ID 2.1).
///
/// # Errors
/// It has others, is empty or too long.
pub(super) fn check_domain(domain: &str) -> Result<(), Malformed> {
    let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b".-_".contains(&b);
    let fits = (1..=DOMAIN_BYTES_MAX).contains(&domain.len()) && domain.bytes().all(allowed);
    if fits { Ok(()) } else { Err(malformed(domain, "its trust domain has the wrong form")) }
}

/// SPIFFE-ID 2.2: no empty segment, no dots alone, letters, digits, `.`, `-`, `_`.
fn is_segment(text: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b".-_".contains(&b);
    (1..=SEGMENT_BYTES_MAX).contains(&text.len())
        && text.bytes().all(allowed)
        && !matches!(text, "." | "..")
}

/// One encoding for each number: no sign, no leading zero.
fn is_number(text: &str) -> bool {
    text.parse::<u64>().is_ok_and(|number| number.to_string() == text)
}

fn is_origin_path(text: &str) -> bool {
    let mut parts = text.split('/');
    let scheme = parts.next().is_some_and(|scheme| matches!(scheme, "http" | "https"));
    let host = parts.next().is_some_and(|host| is_segment(host) && host == host.to_lowercase());
    let port = parts.next().is_none_or(|port| is_number(port) && port.parse::<u16>().is_ok());
    scheme && host && port && parts.next().is_none()
}

/// `https://b.example:8443` as `https/b.example/8443`. An IPv6 host has no place in a path segment.
fn origin_path(origin: &str) -> Option<String> {
    let (scheme, authority) = origin.split_once("://")?;
    Some(format!("{scheme}/{}", authority.replacen(':', "/", 1)))
}

/// The reverse of [`origin_path`].
fn origin(path: &str) -> String {
    let (scheme, authority) = path.split_once('/').unwrap_or((path, ""));
    format!("{scheme}://{}", authority.replacen('/', ":", 1))
}

fn malformed(text: &str, why: &'static str) -> Malformed {
    // An identity may come from a stranger's certificate: a log line shows a part of it.
    Malformed { text: text.chars().take(300).collect(), why }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn an_identity_has_one_encoding() {
        for (text, role, id) in [
            ("spiffe://cluster-1.example/registry/1", Role::Registry, "1"),
            ("spiffe://a/gateway/g.1_x-y", Role::Gateway, "g.1_x-y"),
            ("spiffe://a/node/n1", Role::Node, "n1"),
            ("spiffe://a/operator/alice", Role::Operator, "alice"),
            ("spiffe://a/peer/https/b.example", Role::Peer, "https://b.example"),
            ("spiffe://a/peer/http/127.0.0.1/3000", Role::Peer, "http://127.0.0.1:3000"),
        ] {
            let identity: Identity = text.parse().unwrap();
            assert_eq!((identity.role(), &*identity.id()), (role, id));
            assert_eq!(identity.to_string(), text);
            assert_eq!(Identity::new(identity.domain(), role, id).unwrap(), identity);
        }
    }

    #[test]
    fn what_is_not_of_the_form_is_refused() {
        for text in [
            "",
            "https://a/registry/1",
            "SPIFFE://a/registry/1",
            "spiffe://a",
            "spiffe://a/registry",
            "spiffe://a/registry/",
            "spiffe://a/registry/01",
            "spiffe://a/registry/+1",
            "spiffe://a/registry/1/",
            "spiffe://a/registry/1/2",
            "spiffe://A/registry/1",
            "spiffe://a:1/registry/1",
            "spiffe:///registry/1",
            "spiffe://a/Registry/1",
            "spiffe://a/admin/1",
            "spiffe://a/node/..",
            "spiffe://a/node/%6e1",
            "spiffe://a/node/n1?x",
            "spiffe://a/node/n1#x",
            "spiffe://a/node/n\u{e4}",
            "spiffe://a/peer/b.example",
            "spiffe://a/peer/ftp/b.example",
            "spiffe://a/peer/https/B.example",
            "spiffe://a/peer/https/b.example/0443",
            "spiffe://a/peer/https/b.example/65536",
            "spiffe://a/peer/https/b.example/443/x",
        ] {
            assert!(text.parse::<Identity>().is_err(), "{text}");
        }
        let long = format!("spiffe://{}/node/n1", "a".repeat(DOMAIN_BYTES_MAX + 1));
        assert!(long.parse::<Identity>().is_err());
        assert!(Identity::new("a", Role::Peer, "https://[::1]").is_err());
        assert!(Identity::new("a", Role::Peer, "b.example").is_err());
        assert!(Identity::new("a/registry/1", Role::Node, "n1").is_err());
    }
}
