//! The headers of a request, of which one is its credential. The bytes are lines, `name: value`.
//!
//! There has to be one reading, in whatever order they come: none where somebody else may read another one.

use gateway_core::Credential;
use gateway_core::credential::{Error, LEN_MAX};

const NAMES: [&str; 4] =
    ["authorization", "x-api-key", "x-hive-federation-jwt", "x-pilox-federation-jwt"];

type Headers<'a> = Vec<(String, &'a [u8])>;

pub(crate) fn run(bytes: &[u8]) {
    let mut headers: Headers<'_> = bytes.split(|byte| *byte == b'\n').filter_map(header).collect();
    let found = find(&headers);
    headers.reverse();
    assert_eq!(find(&headers).ok(), found.clone().ok(), "the order does not matter");
    let Ok(text) = found else { return };
    assert!(
        (1..=LEN_MAX).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
    );
    let bears = |(name, _): &&(String, &[u8])| NAMES.contains(&name.replace('_', "-").as_str());
    let mut bearers = headers.iter().filter(bears);
    let (_, value) = bearers.next().expect("it stands in a header");
    assert!(bearers.next().is_none() && value.ends_with(text.as_bytes()));
    for name in NAMES {
        headers.push((name.to_owned(), b"Bearer x"));
        assert_eq!(find(&headers), Err(Error::Several));
        headers.pop();
    }
}

/// As an HTTP library gives it: the name in lower case.
fn header(line: &[u8]) -> Option<(String, &[u8])> {
    let at = line.iter().position(|byte| *byte == b':')?;
    let name = str::from_utf8(&line[..at]).ok()?.to_ascii_lowercase();
    Some((name, line[at + 1..].trim_ascii()))
}

fn find(headers: &Headers<'_>) -> Result<String, Error> {
    let headers = headers.iter().map(|(name, value)| (name.as_str(), *value));
    Credential::find(headers).map(|credential| credential.as_str().to_owned())
}
