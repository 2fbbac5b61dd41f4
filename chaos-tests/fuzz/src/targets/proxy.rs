//! What a proxy says of its client: the header of the PROXY protocol, and `Forwarded` or `X-Forwarded-For`.
//!
//! No byte is asked for that may not be the header's; and what a client writes before its proxy does changes nothing.

use std::net::{IpAddr, SocketAddr};
use std::sync::LazyLock;

use deploy_service::Network;
use deploy_service::fuzzing::{Progress, client_address, read_proxy_header};
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::fixtures::choice;

const FORWARDED: HeaderName = HeaderName::from_static("forwarded");
const OLDER: HeaderName = HeaderName::from_static("x-forwarded-for");

/// No header of either version is longer.
const HEADER_BYTES_MAX: usize = 4 << 10;

static TRUSTED: LazyLock<Vec<Network>> =
    LazyLock::new(|| vec!["10.0.0.0/8".parse().expect("a network")]);

pub(crate) fn run(bytes: &[u8]) {
    let (at, rest) = choice(bytes);
    match at % 2 {
        0 => header(rest),
        _ => forwarded(at / 2, rest),
    }
}

/// As a listener reads it: no more than it says that it needs.
fn header(bytes: &[u8]) {
    let mut read = 0;
    while let Some(come) = bytes.get(..read) {
        match read_proxy_header(come) {
            Ok(Progress::Needs(more)) => {
                assert!(more > 0 && read + more <= HEADER_BYTES_MAX);
                read += more;
            }
            Ok(Progress::Whole(Some(client))) => return told_again(client),
            Ok(Progress::Whole(None)) | Err(_) => return,
        }
    }
}

/// The same client by a header of each version.
fn told_again(client: SocketAddr) {
    let family = if client.is_ipv4() { "TCP4" } else { "TCP6" };
    let (ip, port) = (client.ip(), client.port());
    let line = format!("PROXY {family} {ip} {ip} {port} 443\r\n");
    assert_eq!(read_proxy_header(line.as_bytes()), Ok(Progress::Whole(Some(client))));
    let (family, address) = match ip {
        IpAddr::V4(ip) => (0x11, ip.octets().to_vec()),
        IpAddr::V6(ip) => (0x21, ip.octets().to_vec()),
    };
    let ports = [port.to_be_bytes(), 443_u16.to_be_bytes()].concat();
    let block = [address.clone(), address, ports].concat();
    let length = u16::try_from(block.len()).unwrap_or_default().to_be_bytes();
    let head = [b"\r\n\r\n\0\r\nQUIT\n\x21", &[family][..], &length].concat();
    let binary = [head, block].concat();
    assert_eq!(read_proxy_header(&binary), Ok(Progress::Whole(Some(client))));
}

fn forwarded(at: usize, bytes: &[u8]) {
    let (name, own) = match at % 2 {
        0 => (FORWARDED, "for=198.51.100.7"),
        _ => (OLDER, "198.51.100.7"),
    };
    let (proxy, client) = (address("10.0.0.1"), address("198.51.100.7"));
    let lines = bytes.split(|byte| *byte == b'\n').take(8);
    let lines: Vec<HeaderValue> =
        lines.filter_map(|line| HeaderValue::from_bytes(line).ok()).collect();
    let found = |from: IpAddr, lines: &[HeaderValue]| {
        let lines = lines.iter().map(|line| (name.clone(), line.clone()));
        client_address(from, &lines.collect::<HeaderMap>(), &TRUSTED)
    };
    assert_eq!(found(client, &lines), client, "nobody believes a stranger");
    let _ = found(proxy, &lines);
    let own_line = [&lines[..], &[HeaderValue::from_static(own)]].concat();
    assert_eq!(found(proxy, &own_line), client, "on a line of its own");
    let Some((last, before)) = lines.split_last() else { return };
    let appended = [last.as_bytes(), b", ", own.as_bytes()].concat();
    let Ok(appended) = HeaderValue::from_bytes(&appended) else { return };
    assert_eq!(found(proxy, &[before, &[appended]].concat()), client, "on the client's line");
}

fn address(text: &str) -> IpAddr {
    text.parse().expect("an address")
}
