//! Which of the request's headers is its credential.
//!
//! Decides that there is exactly one, in one of the three headers that Pilox and Ecumene know. Must
//! never look into the credential: that costs, and comes after the limits on unverified traffic.

/// The longest credential; the same bound as the token's own (the first step of the token check).
pub const LEN_MAX: usize = 8192;

/// Header names that carry a federation token whole, in lower case as HTTP libraries give them.
const TOKEN_HEADERS: [&str; 2] = ["x-hive-federation-jwt", "x-pilox-federation-jwt"];
const AUTHORIZATION: &str = "authorization";

/// The text of the one credential of a request; not a word of it has been checked.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Credential<'r>(&'r str);

/// Why a request has no usable credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// None of the headers is there.
    #[error("no credential")]
    Missing,
    /// More than one: whoever stands between could be read differently from us.
    #[error("more than one credential")]
    Several,
    /// A header written with underscores, which some servers read as the real one.
    #[error("a credential header spelled with underscores")]
    UnderscoreTwin,
    /// `Authorization` with a scheme other than `Bearer`.
    #[error("not a bearer credential")]
    Scheme,
    /// Empty, longer than [`LEN_MAX`], or with bytes that no token has.
    #[error("not the text of a credential")]
    Text,
}

impl<'r> Credential<'r> {
    /// Finds the credential among a request's headers, whose names must be in lower case.
    ///
    /// # Errors
    /// See [`enum@Error`].
    pub fn find(headers: impl Iterator<Item = (&'r str, &'r [u8])>) -> Result<Self, Error> {
        let mut found = None;
        for (name, value) in headers {
            let Some(kind) = kind(name)? else { continue };
            if found.replace((kind, value)).is_some() {
                return Err(Error::Several);
            }
        }
        match found.ok_or(Error::Missing)? {
            (Kind::Token, value) => Self::checked(value),
            (Kind::Authorization, value) => Self::checked(bearer(value).ok_or(Error::Scheme)?),
        }
    }

    fn checked(value: &'r [u8]) -> Result<Self, Error> {
        let plausible =
            (1..=LEN_MAX).contains(&value.len()) && value.iter().all(u8::is_ascii_graphic);
        match std::str::from_utf8(value) {
            Ok(text) if plausible => Ok(Self(text)),
            _ => Err(Error::Text),
        }
    }

    /// The text.
    #[must_use]
    pub const fn as_str(&self) -> &'r str {
        self.0
    }
}

impl std::fmt::Debug for Credential<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Credential({} bytes)", self.0.len())
    }
}

enum Kind {
    Token,
    Authorization,
}

fn kind(name: &str) -> Result<Option<Kind>, Error> {
    if name == AUTHORIZATION {
        return Ok(Some(Kind::Authorization));
    }
    if TOKEN_HEADERS.contains(&name) {
        return Ok(Some(Kind::Token));
    }
    match name.contains('_') && TOKEN_HEADERS.contains(&name.replace('_', "-").as_str()) {
        true => Err(Error::UnderscoreTwin),
        false => Ok(None),
    }
}

/// What follows `Bearer` and one blank; the scheme's name has no case (RFC 9110, section 11.1).
fn bearer(value: &[u8]) -> Option<&[u8]> {
    let (scheme, rest) = value.split_at_checked("Bearer ".len())?;
    scheme.eq_ignore_ascii_case(b"Bearer ").then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find<'r>(headers: &[(&'r str, &'r str)]) -> Result<&'r str, Error> {
        let headers = headers.iter().map(|(name, value)| (*name, value.as_bytes()));
        Credential::find(headers).map(|credential| credential.as_str())
    }

    #[test]
    fn one_credential_is_found_in_each_of_the_three_headers() {
        assert_eq!(find(&[("accept", "*/*"), ("authorization", "Bearer abc")]), Ok("abc"));
        assert_eq!(find(&[("authorization", "bEARER abc")]), Ok("abc"));
        assert_eq!(find(&[("x-hive-federation-jwt", "abc")]), Ok("abc"));
        assert_eq!(find(&[("x-pilox-federation-jwt", "abc")]), Ok("abc"));
    }

    #[test]
    fn two_credentials_are_refused_even_if_they_are_the_same() {
        let names = ["authorization", "x-hive-federation-jwt", "x-pilox-federation-jwt"];
        for first in names {
            for second in names {
                assert_eq!(find(&[(first, "Bearer a"), (second, "Bearer a")]), Err(Error::Several));
            }
        }
    }

    #[test]
    fn what_is_no_credential_is_refused_by_name() {
        assert_eq!(find(&[]), Err(Error::Missing));
        assert_eq!(find(&[("authorization", "Basic YTpi")]), Err(Error::Scheme));
        assert_eq!(find(&[("authorization", "Bearer")]), Err(Error::Scheme));
        assert_eq!(find(&[("authorization", "Bearer ")]), Err(Error::Text));
        assert_eq!(find(&[("authorization", "Bearer  abc")]), Err(Error::Text));
        assert_eq!(find(&[("x-hive-federation-jwt", "a b")]), Err(Error::Text));
        assert_eq!(find(&[("x-hive-federation-jwt", "é")]), Err(Error::Text));
        assert_eq!(find(&[("x_hive_federation_jwt", "a")]), Err(Error::UnderscoreTwin));
        let long = "a".repeat(LEN_MAX + 1);
        assert_eq!(find(&[("x-hive-federation-jwt", &long)]), Err(Error::Text));
        assert!(find(&[("x-hive-federation-jwt", &long[1..])]).is_ok());
    }
}
