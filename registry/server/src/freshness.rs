//! The age that a caller accepts: `?max_age=500ms`, or `ecumene-max-age` in header or metadata. It is checked before
//! anything is read, so that an old member's "not found" is refused too. An unknown age is never taken for a young one; a
//! strong read is never too old.

use std::time::Duration;

use deploy_service::units;
use http::Uri;
use http::request::Parts;
use http::uri::PathAndQuery;
use proto_types::metadata::MAX_AGE_KEY;
use registry_api::{Code, Problem};

use crate::member::Member;

/// The bound in a query.
pub(crate) const PARAMETER: &str = "max_age";

/// Refuses a call whose bound this member cannot hold; the parameter is taken from the query.
///
/// # Errors
/// `state-too-old`, `invalid-argument`.
pub(crate) fn check(member: &Member, parts: &mut Parts) -> Result<(), Problem> {
    let Some(bound) = bound(parts)? else { return Ok(()) };
    if is_strong(&parts.uri) {
        return Ok(());
    }
    young_enough(member.registry.age(), bound)
}

fn young_enough(age: Option<Duration>, bound: Duration) -> Result<(), Problem> {
    let refused = |why: &dyn std::fmt::Display| Problem::new(Code::StateTooOld, why);
    let bound_ms = u64::try_from(bound.as_millis()).unwrap_or(u64::MAX);
    match age {
        Some(age) if age <= bound => Ok(()),
        Some(age) => {
            let age_ms = u64::try_from(age.as_millis()).unwrap_or(u64::MAX);
            let why = format!("the state may be {age_ms} ms old; {bound_ms} ms are accepted");
            Err(refused(&why).with("age_ms", age_ms).with("max_age_ms", bound_ms))
        }
        None => {
            let why = "this member has heard of no leader, so nobody knows how old its state is";
            Err(refused(&why).with("max_age_ms", bound_ms))
        }
    }
}

/// The bound that the caller states, once.
fn bound(parts: &mut Parts) -> Result<Option<Duration>, Problem> {
    let in_query = take(&mut parts.uri);
    let in_headers = parts.headers.get_all(MAX_AGE_KEY).iter().map(|value| value.to_str().ok());
    let mut stated = in_query.iter().map(|text| Some(text.as_str())).chain(in_headers);
    let Some(first) = stated.next() else { return Ok(None) };
    if stated.next().is_some() {
        return Err(Problem::argument(PARAMETER, "it is stated more than once"));
    }
    let no_time = || Problem::argument(PARAMETER, "a whole number and a unit, such as 500ms");
    let bound: units::Duration = first.and_then(|text| text.parse().ok()).ok_or_else(no_time)?;
    Ok(Some(bound.std()))
}

/// Takes every `max_age` out of the query: routes know their own parameters only.
fn take(uri: &mut Uri) -> Vec<String> {
    let name_of = |pair: &str| pair.split('=').next() == Some(PARAMETER);
    let query = uri.query().unwrap_or_default();
    if !query.split('&').any(name_of) {
        return Vec::new();
    }
    let (taken, kept): (Vec<&str>, Vec<&str>) = query.split('&').partition(|pair| name_of(pair));
    let value = |pair: &&str| pair.split_once('=').map_or("", |(_, value)| value).to_owned();
    let taken = taken.iter().map(value).collect();
    let target = match kept.as_slice() {
        [] => uri.path().to_owned(),
        kept => format!("{}?{}", uri.path(), kept.join("&")),
    };
    if let Ok(target) = PathAndQuery::try_from(target) {
        let mut parts = uri.clone().into_parts();
        parts.path_and_query = Some(target);
        *uri = Uri::from_parts(parts).unwrap_or_else(|_| uri.clone());
    }
    taken
}

fn is_strong(uri: &Uri) -> bool {
    uri.query().unwrap_or_default().split('&').any(|pair| pair == "consistency=strong")
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use http::Request;

    use super::*;

    fn parts(uri: &str, headers: &[&str]) -> Parts {
        let mut request = Request::get(uri);
        for value in headers {
            request = request.header(MAX_AGE_KEY, *value);
        }
        request.body(()).unwrap().into_parts().0
    }

    #[test]
    fn the_bound_is_stated_once_and_leaves_the_query() {
        let ms = |ms| Ok(Some(Duration::from_millis(ms)));
        for (uri, headers, left, expected) in [
            ("/a", &[][..], "/a", Ok(None)),
            ("/a?max_age=500ms", &[], "/a", ms(500)),
            ("/a?x=1&max_age=2s&y=2", &[], "/a?x=1&y=2", ms(2_000)),
            ("/a?x=1", &["0ms"], "/a?x=1", ms(0)),
            ("/a?max_agex=1", &[], "/a?max_agex=1", Ok(None)),
        ] {
            let mut parts = parts(uri, headers);
            assert_eq!(bound(&mut parts), expected, "{uri}");
            assert_eq!(parts.uri, left);
        }
        for (uri, headers) in [
            ("/a?max_age=500", &[][..]),
            ("/a?max_age", &[]),
            ("/a?max_age=1s&max_age=1s", &[]),
            ("/a?max_age=1s", &["1s"]),
            ("/a", &["-1s"]),
        ] {
            let refused = bound(&mut parts(uri, headers)).unwrap_err();
            assert_eq!(refused.code(), Code::InvalidArgument, "{uri}");
        }
    }

    #[test]
    fn an_unknown_age_is_never_young() {
        let second = Duration::from_secs(1);
        let code = |age, bound| young_enough(age, bound).map_err(|problem| problem.code());
        assert_eq!(code(Some(second), second), Ok(()));
        assert_eq!(code(Some(second), Duration::ZERO), Err(Code::StateTooOld));
        assert_eq!(code(None, Duration::MAX), Err(Code::StateTooOld));
        assert!(is_strong(&"/a?x=1&consistency=strong".parse().unwrap()));
        assert!(!is_strong(&"/a?consistency=strongly".parse().unwrap()));
    }
}
