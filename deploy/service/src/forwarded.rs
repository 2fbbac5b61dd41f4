//! Where a request comes from, if a proxy stands between: `Forwarded` (RFC 7239) and the older `X-Forwarded-For`.
//!
//! It decides whose word counts. A header is read only where a trusted proxy has sent it, from its right end, where the
//! nearest proxy has written, up to the first address that is no trusted proxy's. It must never read what stands left of
//! that (attack case 36), nor take a host or a scheme from such a header: our own origin is a setting.

use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use axum::http::HeaderMap;

use crate::sources::Network;

/// Elements that are read of a header, from the nearest proxy on: no path has more proxies. Arbitrary.
const ELEMENTS_MAX: usize = 32;

const FORWARDED: &str = "forwarded";
const X_FORWARDED_FOR: &str = "x-forwarded-for";

/// The address that a request comes from, as far as those tell who are believed. An extension of each request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientAddress(pub IpAddr);

/// The address that a request comes from: the connection's, unless that is a trusted proxy's; then the nearest in a header
/// that is none. What cannot be read, `unknown` and hidden names count as the proxy that let them through.
///
/// A proxy that writes one of the headers hands the other on as a client wrote it. So where both are there they have to
/// tell the same; else neither is believed.
#[must_use]
pub fn client_address(connection: IpAddr, headers: &HeaderMap, trusted: &[Network]) -> IpAddr {
    let connection = connection.to_canonical();
    if !is_trusted(connection, trusted) {
        return connection;
    }
    let forwarded = headers.contains_key(FORWARDED).then(|| {
        let lines = values(headers, FORWARDED);
        let elements = lines.iter().flat_map(|value| from_right(value, b','));
        nearest(connection, elements.map(forwarded_for), trusted)
    });
    let older = headers.contains_key(X_FORWARDED_FOR).then(|| {
        let lines = values(headers, X_FORWARDED_FOR);
        let elements = lines.iter().flat_map(|value| value.rsplit(','));
        nearest(connection, elements.map(node), trusted)
    });
    match (forwarded, older) {
        (Some(told), None) | (None, Some(told)) => told,
        (Some(one), Some(other)) if one == other => one,
        _ => connection,
    }
}

/// Whether an address is of a proxy that is believed about its clients.
pub(crate) fn is_trusted(address: IpAddr, trusted: &[Network]) -> bool {
    let address = address.to_canonical();
    trusted.iter().any(|network| network.contains(&address))
}

/// The lines of a header, the last one first: proxies append. Bytes that are no text stand in no address, and hide nothing
/// that a proxy has written behind them on the same line.
fn values<'a>(headers: &'a HeaderMap, name: &'static str) -> Vec<Cow<'a, str>> {
    let lines = headers.get_all(name).iter().rev();
    lines.map(|value| String::from_utf8_lossy(value.as_bytes())).collect()
}

/// The first address that is no trusted proxy's, or the last that is known to be one.
fn nearest(
    connection: IpAddr,
    hops: impl Iterator<Item = Option<IpAddr>>,
    trusted: &[Network],
) -> IpAddr {
    let mut nearest = connection;
    for hop in hops.take(ELEMENTS_MAX) {
        let Some(address) = hop else { return nearest };
        nearest = address;
        if !is_trusted(address, trusted) {
            return nearest;
        }
    }
    nearest
}

/// Whom an element of `Forwarded` is for (RFC 7239, section 4): a parameter that is there once.
fn forwarded_for(element: &str) -> Option<IpAddr> {
    let mut found = None;
    for pair in from_right(element, b';').map(str::trim_ascii).filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=')?;
        if name.eq_ignore_ascii_case("for") && found.replace(value).is_some() {
            return None;
        }
    }
    let value = found?;
    match value.strip_prefix('"') {
        Some(quoted) => node(quoted.strip_suffix('"')?),
        None => node(value),
    }
}

/// An address, with or without a port (RFC 7239, section 6). IPv6 may be without brackets, as in `X-Forwarded-For`.
fn node(text: &str) -> Option<IpAddr> {
    let text = text.trim_ascii();
    if let Some(bracketed) = text.strip_prefix('[') {
        let (address, port) = bracketed.split_once(']')?;
        let ends_well = port.is_empty() || port.strip_prefix(':').is_some_and(is_port);
        let address: Ipv6Addr = address.parse().ok().filter(|_| ends_well)?;
        return Some(address.to_canonical());
    }
    if let Ok(address) = text.parse::<IpAddr>() {
        return Some(address.to_canonical());
    }
    let (address, _) = text.split_once(':').filter(|(_, port)| is_port(port))?;
    address.parse::<Ipv4Addr>().ok().map(IpAddr::V4)
}

/// A port, or the name that stands for a hidden one.
fn is_port(text: &str) -> bool {
    match text.strip_prefix('_') {
        Some(hidden) => !hidden.is_empty() && hidden.bytes().all(is_of_a_hidden_name),
        None => (1..=5).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit()),
    }
}

fn is_of_a_hidden_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"._-".contains(&byte)
}

/// The parts between separators, from the right. Within quotes nothing separates.
fn from_right(text: &str, separator: u8) -> impl Iterator<Item = &str> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest?;
        let cut = last_unquoted(text.as_bytes(), separator);
        rest = cut.map(|at| &text[..at]);
        Some(cut.map_or(text, |at| &text[at + 1..]))
    })
}

fn last_unquoted(text: &[u8], separator: u8) -> Option<usize> {
    let mut is_quoted = false;
    (0..text.len()).rev().find(|&at| {
        is_quoted ^= text[at] == b'"' && !is_escaped(&text[..at]);
        text[at] == separator && !is_quoted
    })
}

/// Whether the backslashes before a quote make it one of the text.
fn is_escaped(before: &[u8]) -> bool {
    before.iter().rev().take_while(|byte| **byte == b'\\').count() % 2 == 1
}

#[cfg(test)]
mod tests;
