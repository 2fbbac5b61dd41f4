//! The two formats of figures, and which of them is asked for. It must never lose a number between them.

use hyper::header::{ACCEPT, HeaderMap};

const OPEN: &str = "application/openmetrics-text";
const PLAIN: &str = "text/plain";

/// Whether OpenMetrics is asked for, and nothing else more.
pub(super) fn takes_open(asked: &HeaderMap) -> bool {
    let accepts: Vec<&str> =
        asked.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok()).collect();
    let most = |media| accepts.iter().map(|accept| quality(accept, media)).fold(0.0, f32::max);
    let open = most(OPEN);
    open > 0.0 && open >= most(PLAIN)
}

/// How much a media type is asked for (RFC 9110, section 12.4.2), from 0 to 1.
fn quality(accept: &str, media: &str) -> f32 {
    let qualities = accept.split(',').filter_map(|range| {
        let (named, parameters) = range.split_once(';').unwrap_or((range, ""));
        let stated = parameters.split(';').find_map(|one| one.trim().strip_prefix("q="));
        let stated = stated.map_or(Some(1.0), |stated| stated.trim().parse::<f32>().ok());
        stated.filter(|_| named.trim().eq_ignore_ascii_case(media))
    });
    qualities.fold(0.0, f32::max)
}

/// The same in the older format: a family of counters has the name of its samples there, and nothing has an exemplar.
pub(super) fn plain(open: &str) -> String {
    let mut text = String::with_capacity(open.len());
    let mut lines = open.lines().peekable();
    while let Some(line) = lines.next() {
        let described = line.strip_prefix("# ").and_then(|line| {
            let (word, rest) = line.split_once(' ')?;
            let (name, rest) = rest.split_once(' ')?;
            Some((word, name, rest))
        });
        match described {
            Some(("HELP", name, help)) => {
                let is_counter = lines.peek().is_some_and(|kind| kind.ends_with(" counter"));
                let suffix = if is_counter { "_total" } else { "" };
                text.push_str(&format!("# HELP {name}{suffix} {help}\n"));
            }
            Some(("TYPE", name, kind)) => {
                let suffix = if kind == "counter" { "_total" } else { "" };
                text.push_str(&format!("# TYPE {name}{suffix} {kind}\n"));
            }
            _ if line.starts_with("# ") => {}
            _ => {
                let sample = line.split_once(" # {").map_or(line, |(sample, _)| sample);
                text.push_str(sample);
                text.push('\n');
            }
        }
    }
    text
}
