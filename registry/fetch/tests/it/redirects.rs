//! Where a host may send us (attack cases 22 and 27).

use registry_fetch::resolve::Table;
use registry_fetch::{FetchError, Request};

use crate::world::{LOOPBACK, Server, answer, dev, local, named, ok};

fn to(location: &str) -> Vec<u8> {
    answer("302 Found", &[&format!("location: {location}")], b"")
}

/// Answers `/n` with a redirect to `/n-1`, and `/0` with a document.
async fn stairs() -> Server {
    Server::start(|head| {
        let path = head.split(' ').nth(1).unwrap_or_default().trim_start_matches('/');
        match path.parse::<u32>() {
            Ok(0) | Err(_) => ok(b"{}"),
            Ok(step) => to(&format!("/{}", step - 1)),
        }
    })
    .await
}

#[tokio::test]
async fn case_27_three_redirects_are_followed_and_no_fourth() {
    let server = stairs().await;
    let fetched = local().fetch(Request::get(server.url("/3"))).await.unwrap();
    assert_eq!((fetched.url, server.connections()), (server.url("/0"), 4));
    let fetched = local().fetch(Request::get(server.url("/4"))).await;
    assert!(matches!(fetched, Err(FetchError::Redirect(_))), "{fetched:?}");
    assert_eq!(server.connections(), 8);
}

#[tokio::test]
async fn case_27_a_circle_is_left_at_once() {
    let server = Server::start(|head| to(if head.contains("/a") { "/b" } else { "/a" })).await;
    let fetched = local().fetch(Request::get(server.url("/a"))).await;
    assert!(matches!(fetched, Err(FetchError::Redirect("in a circle"))), "{fetched:?}");
    assert_eq!(server.connections(), 2);
}

#[tokio::test]
async fn case_22_every_hop_is_checked_like_the_first() {
    for location in [
        "http://169.254.169.254/latest/meta-data/",
        "https://10.0.0.1/",
        "https://[::ffff:127.0.0.1]/",
        "https://user:secret@peer.test/",
        "http://2130706433/",
        "https://peer.test/#x",
        "file:///etc/passwd",
        "gopher://127.0.0.1/",
        "//192.168.0.1/",
        "https://intra.test/",
    ] {
        let table = Table::default().with("intra.test", &["10.0.0.7".parse().unwrap()]);
        let (fetcher, _) = named(dev(), table);
        let server = Server::start(move |_| to(location)).await;
        let fetched = fetcher.fetch(Request::get(server.url("/"))).await;
        assert!(matches!(fetched, Err(FetchError::Refused(_))), "{location}: {fetched:?}");
    }
}

#[tokio::test]
async fn a_version_of_one_origin_is_not_named_to_another() {
    let other = Server::start(|head| {
        assert!(!head.contains("if-none-match"), "{head}");
        ok(b"{}")
    })
    .await;
    let location = other.at("other.test", "/");
    let server = Server::start(move |_| to(&location)).await;
    let (fetcher, _) = named(dev(), Table::default().with("other.test", &[LOOPBACK]));
    let mut request = Request::get(server.url("/"));
    request.etag = Some("\"v1\"".to_owned());
    assert_eq!(fetcher.fetch(request).await.unwrap().status, 200);
}

#[tokio::test]
async fn a_post_is_not_sent_on() {
    let server = Server::start(|_| to("/elsewhere")).await;
    let fetched = local().fetch(Request::post_json(server.url("/"), "{}")).await.unwrap();
    assert_eq!((fetched.status, server.connections()), (302, 1));
}
