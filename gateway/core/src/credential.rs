//! Which of the request's headers is its credential.
//!
//! Decides that there is exactly one, in one of the headers that are known here, and whether it is a token or an API key. Must
//! never look into the credential further than that: that costs, and comes after the limits on unverified traffic.

/// The longest credential; the same bound as the token's own (the first step of the token check).
pub const LEN_MAX: usize = 8192;

/// Header names that carry a federation token whole, in lower case as HTTP libraries give them.
const TOKEN_HEADERS: [&str; 2] = ["x-hive-federation-jwt", "x-pilox-federation-jwt"];
const AUTHORIZATION: &str = "authorization";
const API_KEY: &str = "x-api-key";

/// How each API key begins, so that a bearer credential says which of the two it is.
pub const API_KEY_PREFIX: &str = "eck_";

/// The text of the one credential of a request; not a word of it has been checked.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Credential<'r> {
    text: &'r str,
    form: Form,
}

/// What a credential says that it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// A token: a peer's, or one of an identity provider.
    Token,
    /// A key of this gateway.
    ApiKey,
}

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
            (Kind::Token, value) => Self::checked(value, Form::Token),
            (Kind::ApiKey, value) => Self::checked(value, Form::ApiKey),
            (Kind::Authorization, value) => {
                let value = bearer(value).ok_or(Error::Scheme)?;
                let is_key = value.starts_with(API_KEY_PREFIX.as_bytes());
                Self::checked(value, if is_key { Form::ApiKey } else { Form::Token })
            }
        }
    }

    fn checked(value: &'r [u8], form: Form) -> Result<Self, Error> {
        let plausible =
            (1..=LEN_MAX).contains(&value.len()) && value.iter().all(u8::is_ascii_graphic);
        match std::str::from_utf8(value) {
            Ok(text) if plausible => Ok(Self { text, form }),
            _ => Err(Error::Text),
        }
    }

    /// The text.
    #[must_use]
    pub const fn as_str(&self) -> &'r str {
        self.text
    }

    /// What it says that it is.
    #[must_use]
    pub const fn form(&self) -> Form {
        self.form
    }
}

impl std::fmt::Debug for Credential<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Credential({} bytes)", self.text.len())
    }
}

enum Kind {
    Token,
    ApiKey,
    Authorization,
}

fn kind(name: &str) -> Result<Option<Kind>, Error> {
    if name == AUTHORIZATION {
        return Ok(Some(Kind::Authorization));
    }
    if name == API_KEY {
        return Ok(Some(Kind::ApiKey));
    }
    if TOKEN_HEADERS.contains(&name) {
        return Ok(Some(Kind::Token));
    }
    if !name.contains('_') {
        return Ok(None);
    }
    let meant = name.replace('_', "-");
    match meant == API_KEY || TOKEN_HEADERS.contains(&meant.as_str()) {
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
#[expect(clippy::unwrap_used, reason = "tests")]
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
    fn an_api_key_is_told_from_a_token_by_its_header_or_its_prefix() {
        let form = |name: &str, value: &str| {
            let credential = Credential::find(std::iter::once((name, value.as_bytes()))).unwrap();
            (credential.form(), credential.as_str().to_owned())
        };
        let key = |text: &str| (Form::ApiKey, text.to_owned());
        let token = |text: &str| (Form::Token, text.to_owned());
        assert_eq!(form("x-api-key", "eck_a"), key("eck_a"));
        assert_eq!(form("x-api-key", "anything"), key("anything"), "it is no token");
        assert_eq!(form("authorization", "Bearer eck_a"), key("eck_a"));
        assert_eq!(form("authorization", "Bearer ECK_a"), token("ECK_a"));
        assert_eq!(form("x-hive-federation-jwt", "eck_a"), token("eck_a"));
        assert_eq!(find(&[("x_api_key", "eck_a")]), Err(Error::UnderscoreTwin));
        assert_eq!(find(&[("x-api-key", "")]), Err(Error::Text));
    }

    #[test]
    fn two_credentials_are_refused_even_if_they_are_the_same() {
        let names =
            ["authorization", "x-hive-federation-jwt", "x-pilox-federation-jwt", "x-api-key"];
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
