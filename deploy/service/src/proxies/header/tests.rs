//! Headers whole, in pieces, malformed and at random.

#![expect(clippy::unwrap_used, reason = "tests")]

use proptest::prelude::*;

use super::*;

/// What follows a header, and is not its own.
const NEXT: &[u8] = b"\r\n\r\nGET / HTTP/1.1\r\n";

/// Reads as from a socket, only so many bytes as are asked for; none if more are asked for than there are. Says how many
/// were read.
fn read_all(bytes: &[u8]) -> Option<(Result<Option<SocketAddr>, Malformed>, usize)> {
    let mut taken = 0;
    loop {
        match read(bytes.get(..taken)?) {
            Ok(Progress::Needs(0)) => panic!("nothing is needed, and nothing is known"),
            Ok(Progress::Needs(count)) => taken += count,
            Ok(Progress::Whole(client)) => return Some((Ok(client), taken)),
            Err(malformed) => return Some((Err(malformed), taken)),
        }
    }
}

/// Holds that this is a whole header, of which no byte too many is read, and that no part of it is one.
fn check(header: &[u8], expected: Option<&str>) {
    let expected: Option<SocketAddr> = expected.map(|text| text.parse().unwrap());
    let followed = [header, NEXT].concat();
    assert_eq!(read_all(&followed), Some((Ok(expected), header.len())), "{header:?}");
    for cut in 0..header.len() {
        assert_eq!(read_all(&header[..cut]), None, "{:?}", &header[..cut]);
    }
}

fn refused(header: &[u8]) -> Option<Malformed> {
    read_all(&[header, NEXT].concat()).and_then(|(read, _)| read.err())
}

fn version_2(command: u8, family: u8, block: &[u8]) -> Vec<u8> {
    let length = u16::try_from(block.len()).unwrap().to_be_bytes();
    [&SIGNATURE[..], &[command, family], &length, block].concat()
}

/// Addresses and ports of a client and of us, for which zeros do.
fn block(client: SocketAddr) -> (u8, Vec<u8>) {
    let port = client.port().to_be_bytes();
    match client.ip() {
        IpAddr::V4(ip) => (TCP_V4, [&ip.octets()[..], &[0; 4], &port, &[0; 2]].concat()),
        IpAddr::V6(ip) => (TCP_V6, [&ip.octets()[..], &[0; 16], &port, &[0; 2]].concat()),
    }
}

#[test]
fn a_line_of_version_1_names_the_client() {
    check(b"PROXY TCP4 192.0.2.7 198.51.100.1 56324 443\r\n", Some("192.0.2.7:56324"));
    check(b"PROXY TCP4 0.0.0.0 0.0.0.0 0 65535\r\n", Some("0.0.0.0:0"));
    let longest: [&str; 2] = ["ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"; 2];
    let line = format!("PROXY TCP6 {} {} 65535 65535\r\n", longest[0], longest[1]);
    check(line.as_bytes(), Some(format!("[{}]:65535", longest[0]).as_str()));
    check(b"PROXY TCP6 ::ffff:192.0.2.7 :: 1 2\r\n", Some("[::ffff:192.0.2.7]:1"));
    check(b"PROXY UNKNOWN\r\n", None);
    check(b"PROXY UNKNOWN whatever it may be\r\n", None);
    let longest = format!("PROXY UNKNOWN {}\r\n", "x".repeat(LINE_BYTES_MAX - 16));
    assert_eq!(longest.len(), LINE_BYTES_MAX);
    check(longest.as_bytes(), None);
}

#[test]
fn a_header_of_version_2_names_the_client() {
    let client: SocketAddr = "192.0.2.7:56324".parse().unwrap();
    let (family, addresses) = block(client);
    check(&version_2(PROXY, family, &addresses), Some("192.0.2.7:56324"));
    // A type, a length and a value, of which nothing is read.
    let more = [&addresses[..], &[0x02, 0, 3], b"abc"].concat();
    check(&version_2(PROXY, family, &more), Some("192.0.2.7:56324"));
    let (family, addresses) = block("[2001:db8::7]:1".parse().unwrap());
    check(&version_2(PROXY, family, &addresses), Some("[2001:db8::7]:1"));
    check(&version_2(PROXY, family, &[0; BYTES_MAX - HEAD]), Some("[::]:0"));
}

#[test]
fn a_header_of_version_2_may_name_nobody() {
    let (family, addresses) = block("192.0.2.7:1".parse().unwrap());
    check(&version_2(LOCAL, family, &addresses), None);
    check(&version_2(LOCAL, 0xff, b"whatever"), None);
    check(&version_2(LOCAL, 0, &[]), None);
    for (family, bytes) in [(0x00, 0), (0x00, 40), (0x12, 12), (0x22, 36), (0x31, 216), (0x32, 216)]
    {
        check(&version_2(PROXY, family, &vec![1; bytes]), None);
    }
}

#[test]
fn lines_that_are_no_header_of_version_1_are_refused() {
    for line in [
        "PROXY TCP4 192.0.2.7 198.51.100.1 56324\r\n",
        "PROXY TCP4 192.0.2.7 198.51.100.1 56324 443 1\r\n",
        "PROXY TCP4 192.0.2.7 198.51.100.1 56324 443 \r\n",
        "PROXY TCP4  192.0.2.7 198.51.100.1 56324 443\r\n",
        "PROXY  TCP4 192.0.2.7 198.51.100.1 56324 443\r\n",
        "PROXY TCP4 192.0.2.7 198.51.100.1 56324 65536\r\n",
        "PROXY TCP4 192.0.2.7 198.51.100.1 -1 443\r\n",
        "PROXY TCP4 192.0.2.7 198.51.100.1 +1 443\r\n",
        "PROXY TCP4 192.0.2.7 198.51.100.1 01 443\r\n",
        "PROXY TCP4 192.0.2.7 198.51.100.1 1 00\r\n",
        "PROXY TCP4 192.0.2.7 198.51.100.1 1 \r\n",
        "PROXY TCP4 192.0.2.07 198.51.100.1 1 2\r\n",
        "PROXY TCP4 192.0.2.256 198.51.100.1 1 2\r\n",
        "PROXY TCP4 192.0.2.7 2001:db8::1 1 2\r\n",
        "PROXY TCP6 192.0.2.7 198.51.100.1 1 2\r\n",
        "PROXY TCP6 2001:db8::1::2 :: 1 2\r\n",
        "PROXY TCP6 [2001:db8::1] :: 1 2\r\n",
        "PROXY TCP6 fe80::1%eth0 :: 1 2\r\n",
        "PROXY UDP4 192.0.2.7 198.51.100.1 1 2\r\n",
        "PROXY tcp4 192.0.2.7 198.51.100.1 1 2\r\n",
        "PROXY UNKNOWNx\r\n",
        "PROXY UNKNOWN\n\r\n",
        "PROXY UNKNOWN \r \r\n",
        "PROXY UNKNOWN \u{85}\r\n",
        "PROXY \r\nUNKNOWN\r\n",
    ] {
        assert_eq!(refused(line.as_bytes()), Some(Malformed::Line), "{line:?}");
    }
    assert_eq!(refused(b"PROXY UNKNOWN \xff\r\n"), Some(Malformed::Line));
    let long = format!("PROXY UNKNOWN {}\r\n", "x".repeat(LINE_BYTES_MAX - 15));
    assert_eq!(refused(long.as_bytes()), Some(Malformed::TooLong));
    let long = format!("PROXY UNKNOWN {}", "x".repeat(LINE_BYTES_MAX));
    assert_eq!(refused(long.as_bytes()), Some(Malformed::TooLong));
}

#[test]
fn what_is_no_header_of_version_2_is_refused() {
    let (family, addresses) = block("192.0.2.7:1".parse().unwrap());
    for command in [0x00, 0x01, 0x10, 0x11, 0x22, 0x2f, 0x31, 0xff] {
        let header = version_2(command, family, &addresses);
        assert_eq!(refused(&header), Some(Malformed::Command(command)));
    }
    for family in [0x01, 0x02, 0x10, 0x13, 0x20, 0x23, 0x30, 0x41, 0xff] {
        let header = version_2(PROXY, family, &[0; 216]);
        assert_eq!(refused(&header), Some(Malformed::Family(family)));
    }
    for (family, short) in [(0x11, 11), (0x12, 11), (0x21, 35), (0x22, 12), (0x31, 215)] {
        let header = version_2(PROXY, family, &vec![0; short]);
        assert_eq!(refused(&header), Some(Malformed::Length(short)));
    }
    for command in [LOCAL, PROXY] {
        let long = version_2(command, TCP_V4, &[0; BYTES_MAX - HEAD + 1]);
        assert_eq!(refused(&long), Some(Malformed::Length(BYTES_MAX - HEAD + 1)));
    }
}

#[test]
fn what_begins_otherwise_is_refused_at_once() {
    for bytes in
        [&b"GET / HTTP/1"[..], b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03\0", b"proxy TCP4 1"]
    {
        assert_eq!(read(bytes), Err(Malformed::Beginning));
    }
}

proptest! {
    #[test]
    fn every_client_is_read_as_it_was_written(
        v4 in any::<[u8; 4]>(), v6 in any::<[u8; 16]>(), port in any::<u16>(), extra in 0_usize..99,
    ) {
        for ip in [IpAddr::from(v4), IpAddr::from(v6)] {
            let client = SocketAddr::new(ip, port);
            let kind = if ip.is_ipv4() { "TCP4" } else { "TCP6" };
            let line = format!("PROXY {kind} {ip} {ip} {port} {port}\r\n").into_bytes();
            let (family, mut addresses) = block(client);
            addresses.resize(addresses.len() + extra, 7);
            for header in [line, version_2(PROXY, family, &addresses)] {
                let followed = [&header[..], NEXT].concat();
                prop_assert_eq!(read_all(&followed), Some((Ok(Some(client)), header.len())));
            }
        }
    }

    #[test]
    fn no_bytes_make_it_panic_or_read_beyond_its_bounds(
        beginning in 0_usize..4, bytes in prop::collection::vec(any::<u8>(), 0..300),
    ) {
        let command = [&SIGNATURE[..], &[PROXY]].concat();
        let beginnings = [&b""[..], b"PROXY ", b"PROXY TCP4 ", &command[..]];
        let bytes = [beginnings[beginning], &bytes[..]].concat();
        // In pieces, and all at once, which nobody does.
        let _ = read(&bytes);
        if let Some((outcome, taken)) = read_all(&bytes) {
            prop_assert!(taken <= BYTES_MAX);
            prop_assert!(beginning != 0 || outcome.is_err());
        }
    }
}
