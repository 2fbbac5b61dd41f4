//! Ordinary answers.

use registry_fetch::resolve::Table;
use registry_fetch::{Config, FetchError, Request};

use crate::world::{Server, answer, dev, local, named, ok};

#[tokio::test]
async fn an_answer_comes_with_its_status_type_and_etag() {
    let server = Server::start(|_| {
        let headers = ["content-type: application/JSON; charset=utf-8", "etag: \"v1\""];
        answer("200 OK", &headers, b"{}")
    })
    .await;
    let fetched = local().fetch(Request::get(server.url("/a?b=c"))).await.unwrap();
    assert_eq!((fetched.status, &fetched.body[..]), (200, &b"{}"[..]));
    assert_eq!(fetched.etag.as_deref(), Some("\"v1\""));
    assert_eq!(fetched.content_type.as_deref(), Some("application/json"));
    assert_eq!(fetched.url, server.url("/a?b=c"));
}

#[tokio::test]
async fn an_answer_says_which_state_it_is_of_if_it_names_one_in_numbers() {
    for (revision, epoch, state) in [
        ("ecumene-revision: 7", "ecumene-epoch: 0", (Some(7), Some(0))),
        ("ecumene-revision: 7", "x-epoch: 1", (Some(7), None)),
        ("ecumene-revision: -7", "ecumene-epoch: 18446744073709551616", (None, None)),
    ] {
        let server = Server::start(move |_| answer("404 Not Found", &[revision, epoch], b"")).await;
        let fetched = local().fetch(Request::get(server.url("/"))).await.unwrap();
        assert_eq!((fetched.revision, fetched.epoch), state, "{revision}, {epoch}");
    }
}

#[tokio::test]
async fn a_known_version_is_asked_for_and_not_sent_again() {
    let server = Server::start(|head| match head.contains("if-none-match: \"v1\"\r\n") {
        true => answer("304 Not Modified", &[], b""),
        false => ok(b"{}"),
    })
    .await;
    let mut request = Request::get(server.url("/"));
    request.etag = Some("\"v1\"".to_owned());
    assert_eq!(local().fetch(request).await.unwrap().status, 304);
}

#[tokio::test]
async fn a_refusal_is_an_answer_with_the_pause_it_asks_for() {
    let server =
        Server::start(|_| answer("429 Too Many Requests", &["retry-after: 17"], b"no")).await;
    let fetched = local().fetch(Request::get(server.url("/"))).await.unwrap();
    assert_eq!((fetched.status, fetched.retry_after_s), (429, Some(17)));
}

#[tokio::test]
async fn a_post_carries_its_body_and_nothing_of_ours() {
    let server = Server::start(|head| {
        assert!(head.starts_with("POST /rpc HTTP/1.1\r\n"), "{head}");
        for forbidden in ["authorization", "cookie", "proxy"] {
            assert!(!head.to_ascii_lowercase().contains(forbidden), "{head}");
        }
        ok(b"[]")
    })
    .await;
    let request = Request::post_json(server.url("/rpc"), "{}");
    assert_eq!(&local().fetch(request).await.unwrap().body[..], b"[]");
}

#[tokio::test]
async fn texts_are_looked_up_under_public_names_only() {
    let table = Table::default()
        .with_text("_ecumene.peer.example.org", "ecumene=1")
        .with_text("_ecumene.localhost", "ecumene=2");
    let (fetcher, _) = named(Config::default(), table);
    let found = fetcher.txt("_ecumene.peer.example.org").await.unwrap();
    assert_eq!(found, ["ecumene=1"]);
    assert_eq!(fetcher.txt("_ecumene.other.example.org").await.unwrap(), [""; 0]);
    for name in ["_ecumene.localhost", "_ecumene.127.0.0.1", "_ecumene.a/b", ""] {
        let refused = fetcher.txt(name).await;
        assert!(matches!(refused, Err(FetchError::Refused(_))), "{name}: {refused:?}");
    }
}

#[tokio::test]
async fn a_host_that_hangs_up_or_speaks_gibberish_is_an_error() {
    for bytes in
        [&b""[..], b"SSH-2.0-OpenSSH_9\r\n", b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n"]
    {
        let server = Server::start(|_| bytes.to_vec()).await;
        let fetched = local().fetch(Request::get(server.url("/"))).await;
        assert!(matches!(fetched, Err(FetchError::Http(_))), "{bytes:?}: {fetched:?}");
    }
}

#[tokio::test]
async fn a_bound_of_zero_is_refused_at_start() {
    let config = Config { per_host_max: 0, ..dev() };
    let built = registry_fetch::Fetcher::new(&config);
    assert!(matches!(built, Err(registry_fetch::config::Error::Zero("per_host_max"))));
}
