//! Where the changes of a task are pushed to, and what is noted of each change until it is.
//!
//! Decides which URLs, names and secrets a configuration may have: all of them fit into a request as they are. Must never
//! resolve a name, for which addresses may be called the gateway decides when it calls; nor print a secret.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::a2a::ProtocolVersion;
use crate::id::TaskId;
use crate::text::{TaskOwner, texts};
use crate::{Origin, json, origin};

/// Why a text cannot stand in a configuration. It does not quote the text, which may be hostile or secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// It is empty, or too long.
    #[error("1 to {0} bytes are allowed")]
    Length(usize),
    /// A byte that cannot stand there as it is.
    #[error("a byte in it cannot stand there as it is")]
    Byte,
    /// A URL with more than a path and a query.
    #[error("a URL of a receiver has no fragment, no user and no password")]
    More,
    /// What stands before the path.
    #[error("the URL of a receiver: {0}")]
    Origin(origin::Error),
}

texts! {
    /// The name of a configuration within its task, as its caller chose it.
    #[serde(try_from = "String", into = "String")]
    PushConfigId: 128;
}

/// Types of texts, each with its greatest length in bytes and what checks it.
macro_rules! checked {
    ($($(#[$meta:meta])* $name:ident: $max:literal, $check:ident;)*) => {$(
        $(#[$meta])*
        #[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The greatest length, in bytes.
            pub const LEN_MAX: usize = $max;

            /// Checks and copies.
            ///
            /// # Errors
            /// Its length or a byte of it is not allowed, or it is no such text.
            pub fn parse(text: &str) -> Result<Self, Error> {
                if text.is_empty() || text.len() > Self::LEN_MAX {
                    return Err(Error::Length(Self::LEN_MAX));
                }
                $check(text).map(Self)
            }

            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = Error;

            fn try_from(text: String) -> Result<Self, Error> {
                Self::parse(&text)
            }
        }

        impl std::str::FromStr for $name {
            type Err = Error;

            fn from_str(text: &str) -> Result<Self, Error> {
                Self::parse(text)
            }
        }

        impl From<$name> for String {
            fn from(text: $name) -> Self {
                text.0
            }
        }
    )*};
}

checked! {
    /// Where a receiver is: `http` or `https`, a host in the form of an [`Origin`], a path and a query. As long as browsers
    /// and common servers take it.
    PushUrl: 2_048, url;

    /// What a receiver knows its task by: `X-A2A-Notification-Token`.
    PushToken: 512, secret;

    /// What follows the scheme in `Authorization`.
    PushCredentials: 4_096, secret;

    /// The scheme of `Authorization`, such as `Bearer`.
    PushScheme: 64, scheme;
}

impl PushUrl {
    /// The receiver's origin.
    #[must_use]
    pub fn origin(&self) -> Origin {
        Origin::of_url(&self.0).expect("`url` has read the origin")
    }
}

impl fmt::Debug for PushUrl {
    /// Without path and query: a secret may be in them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PushUrl({}/..)", self.origin().as_str())
    }
}

impl fmt::Debug for PushScheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PushScheme({})", self.0)
    }
}

impl fmt::Debug for PushToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PushToken(..)")
    }
}

impl fmt::Debug for PushCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PushCredentials(..)")
    }
}

/// A URL in its one form: its host is written as an [`Origin`] is, and the rest stays as it is.
fn url(text: &str) -> Result<String, Error> {
    if !text.bytes().all(|byte| byte.is_ascii_graphic() && !b"\"<>\\^`{|}".contains(&byte)) {
        return Err(Error::Byte);
    }
    let host_at = text.find("://").ok_or(Error::Origin(origin::Error::Scheme))? + "://".len();
    let rest_at = text[host_at..].find(['/', '?', '#']).map_or(text.len(), |at| host_at + at);
    let (before, rest) = text.split_at(rest_at);
    if before.contains('@') || rest.contains('#') {
        return Err(Error::More);
    }
    let origin = Origin::normalise(before).map_err(Error::Origin)?;
    let slash = if rest.starts_with('?') { "/" } else { "" };
    Ok(format!("{origin}{slash}{rest}"))
}

/// What can be a part of the value of a header.
fn secret(text: &str) -> Result<String, Error> {
    let is_visible = |byte: u8| byte == b' ' || byte.is_ascii_graphic();
    let is_trimmed = text.trim_matches(' ').len() == text.len();
    if is_trimmed && text.bytes().all(is_visible) { Ok(text.to_owned()) } else { Err(Error::Byte) }
}

/// A token (RFC 9110, section 5.6.2).
fn scheme(text: &str) -> Result<String, Error> {
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    if text.bytes().all(is_token) { Ok(text.to_owned()) } else { Err(Error::Byte) }
}

/// Where to push the changes of a task, and what to show there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PushConfig {
    /// Its name within the task.
    pub id: PushConfigId,
    /// The receiver.
    pub url: PushUrl,
    /// What the receiver knows its task by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<PushToken>,
    /// What the receiver asks for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authentication: Option<PushAuthentication>,
    /// The version of A2A in which it was set: what is pushed is of the same.
    pub version: ProtocolVersion,
}

/// The `Authorization` header of a push.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PushAuthentication {
    /// Of the credentials.
    pub scheme: PushScheme,
    /// Without them there is no header.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credentials: Option<PushCredentials>,
}

impl PushConfig {
    /// How long its texts are, together.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        let token = self.token.as_ref().map_or(0, |token| token.0.len());
        let authentication = self.authentication.as_ref().map_or(0, |shown| {
            shown.scheme.0.len() + shown.credentials.as_ref().map_or(0, |text| text.0.len())
        });
        (self.id.as_str().len() + self.url.0.len() + token + authentication) as u64
    }
}

/// A change of a task that is to be pushed to one receiver: which, and whose; never what has changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notification {
    /// The task.
    pub task: TaskId,
    /// Whose it is.
    pub owner: TaskOwner,
    /// Which of its configurations.
    pub config: PushConfigId,
    /// How many turns of the task had ended before the one that ends with this change.
    pub turn: u32,
}

impl Notification {
    /// As it is kept.
    #[must_use]
    pub fn document(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("texts and numbers always serialise")
    }

    /// Reads what was kept.
    ///
    /// # Errors
    /// It is something else.
    pub fn parse(document: &[u8]) -> Result<Self, json::Error> {
        json::from_strict(document)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_url_has_a_host_a_path_and_a_query_and_nothing_that_hides_another_one() {
        for (text, read) in [
            ("https://A.example/hook?key=1", Some("https://a.example/hook?key=1")),
            ("https://a.example", Some("https://a.example")),
            ("https://a.example:443?key=1", Some("https://a.example/?key=1")),
            ("http://127.0.0.1:9000/x", Some("http://127.0.0.1:9000/x")),
            ("http://localhost:9000/x", Some("http://localhost:9000/x")),
            ("ftp://a.example/x", None),
            ("a.example/x", None),
            ("https:///x", None),
            ("https://user:word@a.example/x", None),
            ("https://a.example/x#y", None),
            ("https://a.example\\@b.example/x", None),
            ("https://a.example/a b", None),
            ("https://a.example/\r\nhost: b", None),
            ("https://a.example/ä", None),
            ("", None),
        ] {
            let found = PushUrl::parse(text).ok();
            assert_eq!(found.as_ref().map(PushUrl::as_str), read, "{text:?}");
        }
        let long = format!("https://a.example/{}", "x".repeat(2_048));
        assert_eq!(PushUrl::parse(&long), Err(Error::Length(2_048)));
        let at_port = PushUrl::parse("https://a.example:8443/x?y").unwrap();
        assert_eq!(at_port.origin().as_str(), "https://a.example:8443");
    }

    #[test]
    fn what_stands_in_a_header_can_begin_no_other_one() {
        for good in ["t", "a token", "dXNlcjp3b3Jk=="] {
            assert!(PushToken::parse(good).is_ok() && PushCredentials::parse(good).is_ok());
        }
        for bad in ["", " t", "t ", "t\r\nhost: b", "t\0", "tä", &"t".repeat(4_097)] {
            assert!(PushToken::parse(bad).is_err() && PushCredentials::parse(bad).is_err());
        }
        assert!(PushToken::parse(&"t".repeat(513)).is_err());
        assert!(PushScheme::parse("Bearer").is_ok());
        assert!(PushScheme::parse("Bearer x").is_err() && PushScheme::parse("").is_err());
    }

    fn config() -> PushConfig {
        PushConfig {
            id: "c1".parse().unwrap(),
            url: "https://a.example/secret-path".parse().unwrap(),
            token: "secret-token".parse().ok(),
            authentication: Some(PushAuthentication {
                scheme: "Bearer".parse().unwrap(),
                credentials: "secret-credentials".parse().ok(),
            }),
            version: ProtocolVersion::V10,
        }
    }

    #[test]
    fn nothing_secret_is_printed_and_all_of_it_counts() {
        let said = format!("{:?}", config());
        assert!(said.contains("a.example") && !said.contains("secret"), "{said}");
        let bare = PushConfig { token: None, authentication: None, ..config() };
        assert_eq!((bare.bytes(), config().bytes()), (2 + 29, 2 + 29 + 12 + 6 + 18));
    }

    #[test]
    fn a_configuration_and_a_notification_are_read_as_they_were_written() {
        let written = rmp_serde::to_vec_named(&config()).unwrap();
        assert_eq!(rmp_serde::from_slice::<PushConfig>(&written).unwrap(), config());
        let notification = Notification {
            task: "t1".parse().unwrap(),
            owner: "key:a \"b\"".parse().unwrap(),
            config: "c1".parse().unwrap(),
            turn: 2,
        };
        assert_eq!(Notification::parse(&notification.document()).unwrap(), notification);
        assert!(Notification::parse(b"{}").is_err());
    }
}
