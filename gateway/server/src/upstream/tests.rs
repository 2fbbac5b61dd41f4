//! The client against servers of this process, which say what a test tells them to.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeMap;
use std::sync::Mutex;

use gateway_core::relay::HttpMethod;
use http::header::{AUTHORIZATION, COOKIE};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::time::timeout;

use super::*;
use crate::waiting::Waiting;

/// Longer than a busy machine stands still.
const PATIENCE: Duration = Duration::from_secs(20);

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}";
const AWAY: &str =
    "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";

/// What a server was asked, in order.
type Requests = Arc<Mutex<Vec<String>>>;

/// A server that gives each request the same answer, and closes.
async fn server(answer: impl Into<String>) -> (String, Requests) {
    let (listener, answer) = (TcpListener::bind("127.0.0.1:0").await.unwrap(), answer.into());
    let url = format!("http://{}/a2a", listener.local_addr().unwrap());
    let requests = Requests::default();
    let seen = Arc::clone(&requests);
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let request = request(&mut stream).await;
            seen.lock().unwrap().push(request);
            // A client that has enough closes.
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    });
    (url, requests)
}

/// Reads a request whose body, if it has one, is `{}`.
async fn request(stream: &mut TcpStream) -> String {
    let mut read = Vec::new();
    let is_whole = |read: &[u8]| {
        let text = String::from_utf8_lossy(read);
        let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
        head.starts_with("GET") || body == "{}"
    };
    while !is_whole(&read) {
        assert!(stream.read_buf(&mut read).await.unwrap() > 0, "the request is cut off");
    }
    String::from_utf8(read).unwrap()
}

/// Where nobody listens.
async fn nowhere() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    format!("http://{}/a2a", listener.local_addr().unwrap())
}

fn client(credentials: BTreeMap<Handle, HeaderMap>) -> UpstreamClient {
    let private_networks = vec!["127.0.0.0/8".parse().unwrap()];
    let config = Upstreams { private_networks, ..Upstreams::default() };
    let seal_key = SealKey::new([7; 32]);
    let secrets = UpstreamSecrets { seal_key, is_key_drawn: false, credentials };
    UpstreamClient::open(&config, &secrets).unwrap()
}

fn handle() -> Handle {
    Handle::parse("echo").unwrap()
}

/// A request that prefers the first of these URLs.
struct Received {
    agent: Handle,
    upstream: Upstream,
    first: ReplicaTag,
    http: OutgoingHttp,
    is_safe: bool,
    room: Room,
}

/// What a caller may leave unread that is alone, and leaves nothing.
fn room() -> Room {
    Waiting::new(8).room(&TaskOwner::parse("https://a.example").unwrap())
}

impl Received {
    fn new(urls: &[&str], is_safe: bool) -> Self {
        let upstream = Upstream::parse(urls, "JSONRPC", "1.0", "").unwrap();
        let (path, body) = (String::new(), Some(b"{}".to_vec()));
        let http = OutgoingHttp { method: HttpMethod::Post, path, body, is_stream: false };
        let (first, room) = (ReplicaTag::of(urls[0]), room());
        Self { agent: handle(), upstream, first, http, is_safe, room }
    }

    fn sent(&self) -> Sent<'_> {
        Sent {
            agent: &self.agent,
            upstream: &self.upstream,
            prefer: Some(self.first),
            http: &self.http,
            safe_to_repeat: self.is_safe,
            headers: HeaderMap::new(),
            until: Instant::now() + PATIENCE,
            room: &self.room,
        }
    }
}

#[tokio::test]
async fn what_was_never_sent_goes_to_another_replica_once() {
    let (dead, (alive, seen)) = (nowhere().await, server(OK).await);
    let (client, asked) = (client(BTreeMap::new()), Received::new(&[&dead, &alive], false));
    let answer = client.call(asked.sent()).await.unwrap();
    assert_eq!((answer.status, &*answer.body), (200, &b"{}"[..]));
    assert_eq!(answer.replica, ReplicaTag::of(&alive));
    assert_eq!(seen.lock().unwrap().len(), 1);
    let alone = Received::new(&[&dead], false);
    assert_eq!(client.call(alone.sent()).await.unwrap_err(), UpstreamError::Unreachable);
}

#[tokio::test]
async fn what_may_have_been_received_is_sent_again_only_if_it_reads() {
    for first in ["", AWAY] {
        let ((first, first_seen), (second, second_seen)) = (server(first).await, server(OK).await);
        let client = client(BTreeMap::new());
        let call = Received::new(&[&first, &second], false);
        let answer = client.call(call.sent()).await;
        assert!(!answer.is_ok_and(|answer| answer.status == 200), "it is the first one's answer");
        assert_eq!((first_seen.lock().unwrap().len(), second_seen.lock().unwrap().len()), (1, 0));
        let read = Received::new(&[&first, &second], true);
        assert_eq!(client.call(read.sent()).await.unwrap().status, 200);
        assert_eq!((first_seen.lock().unwrap().len(), second_seen.lock().unwrap().len()), (2, 1));
    }
}

#[tokio::test]
async fn a_redirect_is_an_answer_like_others() {
    let (elsewhere, seen) = server(OK).await;
    let redirect = format!(
        "HTTP/1.1 307 Temporary Redirect\r\nlocation: {elsewhere}\r\ncontent-length: 0\r\n\r\n"
    );
    let (url, _) = server(redirect).await;
    let answer = client(BTreeMap::new()).call(Received::new(&[&url], true).sent()).await.unwrap();
    assert_eq!(answer.status, 307);
    assert!(seen.lock().unwrap().is_empty());
}

#[tokio::test]
async fn an_agent_is_shown_its_own_credential_and_no_others() {
    let (url, seen) = server(OK).await;
    let shown = |name, value| HeaderMap::from_iter([(name, http::HeaderValue::from_static(value))]);
    let other = Handle::parse("other").unwrap();
    let credentials = [
        (handle(), shown(AUTHORIZATION, "Bearer of-the-gateway")),
        (other, shown(COOKIE, "of-another")),
    ];
    client(credentials.into()).call(Received::new(&[&url], false).sent()).await.unwrap();
    let request = seen.lock().unwrap().join("").to_ascii_lowercase();
    assert!(request.starts_with("post /a2a http/1.1\r\n"), "{request}");
    assert!(request.contains("\r\nauthorization: bearer of-the-gateway\r\n"), "{request}");
    assert!(request.contains("\r\ncontent-type: application/json\r\n"), "{request}");
    assert!(!request.contains("of-another"), "{request}");
}

#[tokio::test]
async fn an_answer_beyond_the_bound_is_given_up() {
    let body = "x".repeat(BYTES_MAX + 1);
    let (url, _) = server(format!("HTTP/1.1 200 OK\r\n\r\n{body}")).await;
    let answer = client(BTreeMap::new()).call(Received::new(&[&url], false).sent()).await;
    assert_eq!(answer.unwrap_err(), UpstreamError::TooLarge);
}

/// What leaves a caller that is alone less room than [`LONG`].
const LEFT_UNREAD: u64 = 30 << 20;
const LONG: usize = 3 << 20;
/// What finds room where nothing is unread, and none beside [`LONG`].
const NEARLY_ALL: u64 = 60 << 20;

#[tokio::test]
async fn an_answer_counts_for_its_caller_while_it_is_read_and_until_it_is_dropped() {
    let body = "x".repeat(LONG);
    let (url, seen) = server(format!("HTTP/1.1 200 OK\r\n\r\n{body}")).await;
    let (client, asked) = (client(BTreeMap::new()), Received::new(&[&url], false));
    let unread = asked.room.take(LEFT_UNREAD).unwrap();
    let answer = client.call(asked.sent()).await;
    assert_eq!(answer.unwrap_err(), UpstreamError::NoRoom(NoRoom::Share));
    assert_eq!(seen.lock().unwrap().len(), 1);
    drop(unread);
    let answer = client.call(asked.sent()).await.unwrap();
    assert_eq!(answer.body.len(), LONG);
    assert_eq!(asked.room.take(NEARLY_ALL).unwrap_err(), NoRoom::Share, "the answer is there");
    drop(answer);
    assert!(asked.room.take(NEARLY_ALL).is_ok());
    // Where there is no room at all, no request is sent.
    let _unread = asked.room.take(32 << 20).unwrap();
    for answer in [client.call(asked.sent()).await.err(), client.stream(asked.sent()).await.err()] {
        assert_eq!(answer, Some(UpstreamError::NoRoom(NoRoom::Share)));
    }
    assert_eq!(seen.lock().unwrap().len(), 2);
}

#[tokio::test]
async fn an_event_counts_for_its_caller_while_it_is_read_and_until_the_next_one_is_asked_for() {
    let (event, head) =
        ("x".repeat(LONG), "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n");
    let (url, _) = server(format!("{head}\r\ndata: {event}\n\n")).await;
    let (client, asked) = (client(BTreeMap::new()), Received::new(&[&url], false));
    let unread = asked.room.take(LEFT_UNREAD).unwrap();
    let streamed = client.stream(asked.sent()).await.unwrap();
    let Streamed::Events(mut events) = streamed else { panic!("no stream") };
    let refused = Some(Err(UpstreamError::NoRoom(NoRoom::Share)));
    assert_eq!(events.next().await, refused);
    assert_eq!(events.next().await, None);
    drop((unread, events));
    let streamed = client.stream(asked.sent()).await.unwrap();
    let Streamed::Events(mut events) = streamed else { panic!("no stream") };
    assert_eq!(events.next().await.unwrap().unwrap().len(), LONG);
    assert_eq!(asked.room.take(NEARLY_ALL).unwrap_err(), NoRoom::Share, "the event is there");
    assert_eq!(events.next().await, None);
    assert!(asked.room.take(NEARLY_ALL).is_ok());
}

#[tokio::test]
async fn what_is_taken_over_counts_for_the_next_request() {
    let (url, seen) = server(OK).await;
    let (client, asked) = (client(BTreeMap::new()), Received::new(&[&url], false));
    let shown =
        |value| HeaderMap::from_iter([(AUTHORIZATION, http::HeaderValue::from_static(value))]);
    let networks = ["127.0.0.0/8".parse().unwrap()];
    for value in ["Bearer one", "Bearer two"] {
        client.replace([(handle(), shown(value))].into(), &networks);
        client.call(asked.sent()).await.unwrap();
        let request = seen.lock().unwrap().last().unwrap().to_ascii_lowercase();
        let value = value.to_ascii_lowercase();
        assert!(request.contains(&format!("authorization: {value}\r\n")), "{request}");
    }
    client.replace(BTreeMap::new(), &[]);
    assert_eq!(client.call(asked.sent()).await.unwrap_err(), UpstreamError::Unreachable);
    assert_eq!(seen.lock().unwrap().len(), 2, "its network is allowed no more");
}

#[tokio::test]
async fn a_caller_waits_no_longer_than_it_wants() {
    // The system takes the connection, and nobody answers.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (client, asked) = (client(BTreeMap::new()), Received::new(&[&url], true));
    let until = Instant::now() + Duration::from_millis(50);
    let answer = timeout(PATIENCE, client.call(Sent { until, ..asked.sent() })).await.unwrap();
    assert_eq!(answer.unwrap_err(), UpstreamError::Timeout);
}

/// A server that sends one event at once and the next when it is told to; it tells when its client has gone.
async fn streaming() -> (String, Arc<Notify>, Arc<Notify>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (next, gone) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (told, tells) = (Arc::clone(&next), Arc::clone(&gone));
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        request(&mut stream).await;
        let head = "HTTP/1.1 200 OK\r\ncontent-type: Text/Event-Stream; charset=utf-8\r\n\r\n";
        stream.write_all(head.as_bytes()).await.unwrap();
        stream.write_all(b"data: first\n\n").await.unwrap();
        told.notified().await;
        stream.write_all(b"data: second\n\n").await.unwrap();
        while stream.read(&mut [0; 64]).await.is_ok_and(|read| read > 0) {}
        tells.notify_one();
    });
    (url, next, gone)
}

#[tokio::test]
async fn events_come_as_they_are_sent_and_a_dropped_stream_closes_its_connection() {
    let (url, next, gone) = streaming().await;
    let (client, asked) = (client(BTreeMap::new()), Received::new(&[&url], false));
    let streamed = client.stream(asked.sent()).await.unwrap();
    let Streamed::Events(mut events) = streamed else { panic!("no stream") };
    assert_eq!(events.next().await.unwrap().unwrap(), "first");
    let early = timeout(Duration::from_millis(50), events.next()).await;
    assert!(early.is_err(), "the second is not sent yet");
    next.notify_one();
    assert_eq!(events.next().await.unwrap().unwrap(), "second");
    drop(events);
    timeout(PATIENCE, gone.notified()).await.unwrap();
}

#[tokio::test]
async fn a_stream_is_given_up_when_its_agent_is_silent_and_not_when_its_caller_is_slow() {
    let (url, next, _gone) = streaming().await;
    let stream_idle = Duration::from_secs(1);
    let client = UpstreamClient { stream_idle, ..client(BTreeMap::new()) };
    let streamed = client.stream(Received::new(&[&url], false).sent()).await.unwrap();
    let Streamed::Events(mut events) = streamed else { panic!("no stream") };
    assert_eq!(events.next().await.unwrap().unwrap(), "first");
    tokio::time::sleep(stream_idle * 2).await;
    next.notify_one();
    assert_eq!(events.next().await.unwrap().unwrap(), "second");
    assert_eq!(events.next().await, Some(Err(UpstreamError::Timeout)));
    assert_eq!(events.next().await, None);
}

#[tokio::test]
async fn an_answer_that_is_no_stream_is_whole_and_a_stream_that_is_cut_off_is_broken() {
    let client = client(BTreeMap::new());
    let (url, _) = server(OK).await;
    let streamed = client.stream(Received::new(&[&url], false).sent()).await.unwrap();
    assert!(matches!(streamed, Streamed::Whole(answer) if answer.body == "{}"));
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n";
    for (stream, ends_well) in [("data: a\n\n", true), ("data: a\n\ndata: b\n", false)] {
        let (url, _) = server(format!("{head}{stream}")).await;
        let streamed = client.stream(Received::new(&[&url], false).sent()).await.unwrap();
        let Streamed::Events(mut events) = streamed else { panic!("no stream") };
        assert_eq!(events.next().await.unwrap().unwrap(), "a");
        let end = events.next().await;
        assert_eq!(end.is_none(), ends_well, "{end:?}");
        assert!(events.next().await.is_none());
    }
}

#[tokio::test]
async fn a_probe_finds_a_server_alive_whatever_it_says_but_that_it_fails() {
    let client = client(BTreeMap::new());
    let not_found = "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n";
    for (answer, is_alive) in [(OK, true), (not_found, true), (AWAY, false), ("", false)] {
        let (url, seen) = server(answer).await;
        let upstream = Upstream::parse(&[url], "JSONRPC", "1.0", "").unwrap();
        let alive = client.is_alive(upstream.binding, &upstream.urls[0]).await;
        assert_eq!(alive, is_alive, "{answer:?}");
        assert!(seen.lock().unwrap()[0].starts_with("GET /.well-known/agent-card.json "));
    }
}
