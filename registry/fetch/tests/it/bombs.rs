//! Answers that are more than they seem (attack case 25).

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use registry_fetch::{FetchError, Fetched, Request};
use tokio::io::AsyncWriteExt;

use crate::world::{Server, answer, local};

/// 16 MiB of zeros.
const BROTLI_BOMB: &str = "cbffff3ff82700e2b14020f7fe2ffffffff04f00c4611180eefd1f";
/// A MiB of zeros in a window of a GiB (the "large window" extension).
const BROTLI_LARGE_WINDOW: &str = "115efdff3ffe0980782c10907bff00";
/// `{"a":1}`
const BROTLI_DOCUMENT: &str = "0b03807b2261223a317d03";

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

async fn fetched(encodings: &[&str], body: Vec<u8>) -> Result<Fetched, FetchError> {
    let lines: Vec<String> =
        encodings.iter().map(|coding| format!("content-encoding: {coding}")).collect();
    let server = Server::start(move |_| {
        answer("200 OK", &lines.iter().map(String::as_str).collect::<Vec<_>>(), &body)
    })
    .await;
    local().fetch(Request::get(server.url("/"))).await
}

#[tokio::test]
async fn gzip_and_brotli_are_unpacked() {
    let document = br#"{"a":1}"#;
    assert_eq!(&fetched(&["gzip"], gzip(document)).await.unwrap().body[..], document);
    let brotli = hex::decode(BROTLI_DOCUMENT).unwrap();
    assert_eq!(&fetched(&["br"], brotli).await.unwrap().body[..], document);
}

#[tokio::test]
async fn case_25_a_gzip_bomb_ends_at_the_bound() {
    let bomb = gzip(&vec![0; 100 << 20]);
    assert!(bomb.len() < 256 * 1_024, "it must pass as packed bytes");
    let ended = fetched(&["gzip"], bomb).await;
    assert!(matches!(ended, Err(FetchError::TooLarge { .. })), "{ended:?}");
}

#[tokio::test]
async fn case_25_many_gzip_members_are_counted_together() {
    let member = gzip(&vec![0; 64 * 1_024]);
    let ended = fetched(&["gzip"], member.repeat(5)).await;
    assert!(matches!(ended, Err(FetchError::TooLarge { .. })), "{ended:?}");
}

#[tokio::test]
async fn case_25_a_brotli_bomb_ends_at_the_bound() {
    let ended = fetched(&["br"], hex::decode(BROTLI_BOMB).unwrap()).await;
    assert!(matches!(ended, Err(FetchError::TooLarge { .. })), "{ended:?}");
}

#[tokio::test]
async fn case_25_a_brotli_window_of_a_gib_is_refused() {
    let ended = fetched(&["br"], hex::decode(BROTLI_LARGE_WINDOW).unwrap()).await;
    assert!(matches!(ended, Err(FetchError::Encoding(_))), "{ended:?}");
}

#[tokio::test]
async fn case_25_stacked_and_unknown_encodings_are_refused() {
    let twice = gzip(&gzip(b"{}"));
    for encodings in
        [&["gzip, gzip"][..], &["gzip", "gzip"], &["gzip,br"], &["deflate"], &["zstd"], &["x"]]
    {
        let ended = fetched(encodings, twice.clone()).await;
        assert!(matches!(ended, Err(FetchError::Encoding(_))), "{encodings:?}: {ended:?}");
    }
    let ended = fetched(&["gzip"], b"not gzip".to_vec()).await;
    assert!(matches!(ended, Err(FetchError::Encoding(_))), "{ended:?}");
}

#[tokio::test]
async fn case_25_a_body_past_the_bound_is_not_read_whether_stated_or_not() {
    let stated = fetched(&[], vec![b'x'; 256 * 1_024 + 1]).await;
    assert!(matches!(stated, Err(FetchError::TooLarge { .. })), "{stated:?}");
    let fits = fetched(&[], vec![b'x'; 256 * 1_024]).await.unwrap();
    assert_eq!(fits.body.len(), 256 * 1_024);

    let endless = Server::with(|mut stream, _| async move {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await;
        while stream.write_all(&[b'x'; 4_096]).await.is_ok() {}
    })
    .await;
    let ended = local().fetch(Request::get(endless.url("/"))).await;
    assert!(matches!(ended, Err(FetchError::TooLarge { .. })), "{ended:?}");
}

#[tokio::test]
async fn case_25_an_endless_head_is_an_error() {
    let server = Server::with(|mut stream, _| async move {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n").await;
        while stream.write_all(b"x-a: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n").await.is_ok() {}
    })
    .await;
    let ended = local().fetch(Request::get(server.url("/"))).await;
    assert!(matches!(ended, Err(FetchError::Http(_))), "{ended:?}");
}
