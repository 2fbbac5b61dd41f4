//! Where a gateway is called: an absolute URL of http or https.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{Origin, origin, text};

/// A URL with its scheme and host, checked once, when it is parsed. In a log or a state it is read as it is: what an earlier
/// version has let in stays readable, whatever it took for a host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Endpoint(String);

/// Why a text is no endpoint. It does not quote the text, which may be hostile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Its length, or a character.
    #[error(transparent)]
    Text(#[from] text::Error),
    /// What stands before its path.
    #[error(transparent)]
    Origin(#[from] origin::Error),
}

impl Endpoint {
    /// Long enough for any URL of a host and port.
    pub const LEN_MAX: usize = 512;

    /// Checks and copies.
    ///
    /// # Errors
    /// It is empty or too long, has control characters, or does not begin with an origin.
    pub fn parse(url: &str) -> Result<Self, Error> {
        text::check(url, Self::LEN_MAX)?;
        Origin::of_url(url)?;
        Ok(Self(url.to_owned()))
    }

    /// The URL as it was given.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Endpoint {
    type Err = Error;

    fn from_str(url: &str) -> Result<Self, Error> {
        Self::parse(url)
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn only_an_absolute_url_of_a_bounded_length_is_an_endpoint() {
        let longest = format!("http://g1{}", "/".repeat(Endpoint::LEN_MAX - "http://g1".len()));
        for good in ["http://127.0.0.1:7443", "https://g1.example/push?a=b", &longest] {
            assert_eq!(Endpoint::parse(good).unwrap().as_str(), good);
        }
        let longer = format!("{longest}/");
        for bad in ["", "g1", "ftp://g1", "http://", "http://a b", "http://g1/\n", &longer] {
            assert!(Endpoint::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn what_was_stored_is_read_as_it_is() {
        for text in ["http://g1", "http://under_score", &"h".repeat(2_048)] {
            let stored = rmp_serde::to_vec(text).unwrap();
            let read: Endpoint = rmp_serde::from_slice(&stored).unwrap();
            assert_eq!(rmp_serde::to_vec(&read).unwrap(), stored);
        }
    }
}
