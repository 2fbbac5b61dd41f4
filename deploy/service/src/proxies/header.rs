//! The header of the PROXY protocol, versions 1 and 2, by which a proxy says for whom it connects (haproxy.org,
//! `proxy-protocol.txt`, of 2020-03-05).
//!
//! It decides what is a header, and which address is in it. It must never ask for a byte that may not be the header's:
//! the next ones are TLS or HTTP. Whither the client connected, and what else the header tells, is passed over.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

/// By so many bytes both versions are told apart; the shortest header has 15.
const BEGINNING: usize = 12;

/// How version 2 begins (section 2.2).
const SIGNATURE: [u8; BEGINNING] = *b"\r\n\r\n\0\r\nQUIT\n";

/// The longest line of version 1 (section 2.1).
const LINE_BYTES_MAX: usize = 107;

/// Of version 2: signature, command, family, and the length of what follows.
const HEAD: usize = 16;

/// The longest header of version 2 that is read: addresses take 216 bytes at most, what proxies tell besides some hundred.
/// Arbitrary.
const BYTES_MAX: usize = 4 << 10;

/// Version and command of a connection that the proxy makes for itself, as to see whether we are there.
const LOCAL: u8 = 0x20;
/// The same for a connection that it makes for a client.
const PROXY: u8 = 0x21;

/// Family and protocol of a client that came over TCP and IPv4.
const TCP_V4: u8 = 0x11;
/// The same over IPv6.
const TCP_V6: u8 = 0x21;

/// How much of the header is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// So many more bytes are the header's, at least.
    Needs(usize),
    /// All of it. It names the client, or nobody: the proxy connects for itself, or for one whose address it does not know.
    Whole(Option<SocketAddr>),
}

/// Why the first bytes of a connection are no header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// They are something else.
    #[error("the first bytes are no header of the PROXY protocol")]
    Beginning,
    /// Version 1 has a bound.
    #[error("the line of version 1 has more than {LINE_BYTES_MAX} bytes")]
    TooLong,
    /// Not two addresses of one family and two ports, each in its one form.
    #[error("the line of version 1 is malformed")]
    Line,
    /// No command of version 2.
    #[error("version and command are {0:#04x}")]
    Command(u8),
    /// No family and protocol of version 2.
    #[error("family and protocol are {0:#04x}")]
    Family(u8),
    /// Too little for addresses of the family, or too much.
    #[error("a length of {0} does not fit the family, or is above {BYTES_MAX}")]
    Length(usize),
}

/// What the bytes that were read so far are.
///
/// # Errors
/// No header begins like this.
pub fn read(bytes: &[u8]) -> Result<Progress, Malformed> {
    if bytes.len() < BEGINNING {
        return Ok(Progress::Needs(BEGINNING - bytes.len()));
    }
    if bytes.starts_with(&SIGNATURE) {
        return version_2(bytes);
    }
    if bytes.starts_with(b"PROXY ") { version_1(bytes) } else { Err(Malformed::Beginning) }
}

fn version_1(bytes: &[u8]) -> Result<Progress, Malformed> {
    if let Some(line) = bytes.strip_suffix(b"\r\n") {
        return client_of_line(line).map(Progress::Whole);
    }
    if bytes.contains(&b'\n') {
        return Err(Malformed::Line);
    }
    let needs = if bytes.ends_with(b"\r") { 1 } else { 2 };
    if bytes.len() + needs > LINE_BYTES_MAX {
        return Err(Malformed::TooLong);
    }
    Ok(Progress::Needs(needs))
}

fn client_of_line(line: &[u8]) -> Result<Option<SocketAddr>, Malformed> {
    let text = str::from_utf8(line).ok().filter(|text| !text.contains(char::is_control));
    let words: Vec<&str> = text.ok_or(Malformed::Line)?.split(' ').collect();
    let client = match words[..] {
        // The rest is to be ignored.
        [_, "UNKNOWN", ..] => return Ok(None),
        [_, "TCP4", from, to, from_port, to_port] => {
            client::<Ipv4Addr>([from, to], [from_port, to_port])
        }
        [_, "TCP6", from, to, from_port, to_port] => {
            client::<Ipv6Addr>([from, to], [from_port, to_port])
        }
        _ => None,
    };
    client.map(Some).ok_or(Malformed::Line)
}

/// The first of two addresses, with its port, if both are of the family.
fn client<A>([from, to]: [&str; 2], ports: [&str; 2]) -> Option<SocketAddr>
where
    A: FromStr + Into<IpAddr>,
{
    let (from, _): (A, A) = (from.parse().ok()?, to.parse().ok()?);
    let [from_port, _] = [port(ports[0])?, port(ports[1])?];
    Some(SocketAddr::new(from.into(), from_port))
}

/// Digits alone, without zeros before them.
fn port(text: &str) -> Option<u16> {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit());
    let is_short = text == "0" || !text.starts_with('0');
    text.parse().ok().filter(|_| is_plain && is_short)
}

fn version_2(bytes: &[u8]) -> Result<Progress, Malformed> {
    let Some(&[command, family, high, low]) = bytes[BEGINNING..].first_chunk::<4>() else {
        return Ok(Progress::Needs(HEAD - bytes.len()));
    };
    let least = match command {
        // Whatever family it states is to be ignored.
        LOCAL => 0,
        PROXY => addresses_bytes(family).ok_or(Malformed::Family(family))?,
        _ => return Err(Malformed::Command(command)),
    };
    let length = usize::from(u16::from_be_bytes([high, low]));
    if !(least..=BYTES_MAX - HEAD).contains(&length) {
        return Err(Malformed::Length(length));
    }
    let Some(block) = bytes.get(HEAD..HEAD + length) else {
        return Ok(Progress::Needs(HEAD + length - bytes.len()));
    };
    Ok(Progress::Whole((command == PROXY).then(|| client_of_block(family, block)).flatten()))
}

/// What the two addresses of a family take; none if it is no family and protocol.
fn addresses_bytes(family: u8) -> Option<usize> {
    match family {
        0x00 => Some(0),
        // TCP and UDP, whose addresses are alike.
        TCP_V4 | 0x12 => Some(12),
        TCP_V6 | 0x22 => Some(36),
        // Sockets of Unix.
        0x31 | 0x32 => Some(216),
        _ => None,
    }
}

/// The client of a block of addresses. One that has not come over TCP counts as unknown, as receivers may have it.
fn client_of_block(family: u8, block: &[u8]) -> Option<SocketAddr> {
    let (address, ports) = match family {
        TCP_V4 => (IpAddr::from(*block.first_chunk::<4>()?), block.get(8..)?),
        TCP_V6 => (IpAddr::from(*block.first_chunk::<16>()?), block.get(32..)?),
        _ => return None,
    };
    let port = u16::from_be_bytes(*ports.first_chunk::<2>()?);
    Some(SocketAddr::new(address, port))
}

#[cfg(test)]
mod tests;
