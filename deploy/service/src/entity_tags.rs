//! Lists of entity tags in the headers of conditional requests (RFC 9110, section 13.1).
//!
//! It decides where one tag ends and the next begins. It never decides whether a tag is known: who serves the document
//! compares.

use axum::http::{HeaderMap, HeaderName};

/// The members of all lines of a header, each as it was written; a comma in quotes ends none. At least one for each line,
/// so that an empty header is a condition too.
pub fn of<'h>(
    headers: &'h HeaderMap,
    name: &HeaderName,
) -> impl Iterator<Item = &'h str> + use<'h> {
    let lines = headers.get_all(name).iter();
    lines.map(|line| line.to_str().unwrap_or_default()).flat_map(members)
}

fn members(line: &str) -> impl Iterator<Item = &str> {
    let mut quoted = false;
    line.split(move |letter: char| {
        quoted ^= letter == '"';
        letter == ',' && !quoted
    })
    .map(str::trim)
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;
    use axum::http::header::{IF_MATCH, IF_NONE_MATCH};

    use super::*;

    #[test]
    fn a_comma_in_quotes_ends_no_tag_and_each_line_has_one() {
        let line = |text| (IF_NONE_MATCH, HeaderValue::from_static(text));
        let lines = ["\"a,*,b\", W/\"c\" ,*", "", "\"d\""];
        let headers: HeaderMap = lines.into_iter().map(line).collect();
        let read: Vec<_> = of(&headers, &IF_NONE_MATCH).collect();
        assert_eq!(read, ["\"a,*,b\"", "W/\"c\"", "*", "", "\"d\""]);
        assert_eq!(of(&headers, &IF_MATCH).count(), 0);
    }
}
