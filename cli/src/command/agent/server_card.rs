//! The card of a server that is to be attached.
//!
//! It decides where a server has its card, and what is taken as one. It must never show a credential, follow a redirect, or
//! read a card in clear text from a public host: anybody on the way could write it.

use std::time::Duration;

use bytes::Bytes;
use deploy_service::telemetry::chain;
use deploy_service::tls::Connector;
use http::{Request, StatusCode, Uri};
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use proto_types::card::{Card, LEN_MAX};
use registry_fetch::address::{Class, classify};

use crate::client::Profile;
use crate::failure::Failure;
use crate::members::late;
use crate::output::printable;

/// Below the base URL of a server: since A2A 0.3, and before.
const WELL_KNOWN: [&str; 2] = ["/.well-known/agent-card.json", "/.well-known/agent.json"];
/// For one place, from the look-up to the last byte. Arbitrary.
const DEADLINE: Duration = Duration::from_secs(10);
/// What to do where a server does not give its card.
const OTHERWISE: &str = "name the card with --card or --card-url";

/// The card of the server at this base URL, or the one that the URL names.
pub(super) async fn fetch(profile: &Profile, url: &str) -> Result<Card, Failure> {
    let places = places(url);
    for place in &places {
        let answered = tokio::time::timeout(DEADLINE, get(profile, place)).await;
        let (status, body) =
            answered.map_err(|_| Failure::unreachable(place, late(DEADLINE)))??;
        match status.as_u16() {
            200 => return read(place, &body),
            404 | 405 | 410 => {}
            _ => return Err(Failure::usage(format!("{place}: it answers {status}; {OTHERWISE}"))),
        }
    }
    Err(Failure::usage(format!("there is no card at {}; {OTHERWISE}", places.join(" or "))))
}

/// Reads a card, 1.0 or 0.3.
pub(super) fn read(from: &str, bytes: &[u8]) -> Result<Card, Failure> {
    let card = Card::parse(bytes);
    card.map_err(|error| Failure::usage(format!("{from}: no card: {}", printable(&chain(&error)))))
}

/// Where the card is looked for.
fn places(url: &str) -> Vec<String> {
    let base = url.trim_end_matches('/');
    if base.ends_with(".json") {
        return vec![base.to_owned()];
    }
    WELL_KNOWN.iter().map(|path| format!("{base}{path}")).collect()
}

/// What a host answers, whatever it says.
async fn get(profile: &Profile, url: &str) -> Result<(StatusCode, Bytes), Failure> {
    let wrong = |error: &dyn std::error::Error| Failure::usage(format!("{url}: {}", chain(error)));
    let uri: Uri = url.parse().map_err(|error: http::uri::InvalidUri| wrong(&error))?;
    let request = Request::get(&uri).header("accept", "application/json").body(Empty::new());
    let request: Request<Empty<Bytes>> = request.map_err(|error| wrong(&error))?;
    let sent = if uri.scheme_str() == Some("https") {
        let connector = Connector::public(profile.ca.clone()).map_err(|error| wrong(&error))?;
        Client::builder(TokioExecutor::new()).build(connector.web()).request(request).await
    } else {
        check_private(url, &uri).await?;
        Client::builder(TokioExecutor::new()).build_http().request(request).await
    };
    let answer = sent.map_err(|error| Failure::unreachable(url, chain(&error)))?;
    let status = answer.status();
    let body = Limited::new(answer.into_body(), LEN_MAX).collect().await;
    let body = body.map_err(|error| Failure::usage(format!("{url}: {error}")))?;
    Ok((status, body.to_bytes()))
}

/// Clear text is for this machine and private networks.
async fn check_private(url: &str, uri: &Uri) -> Result<(), Failure> {
    let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
    let found = tokio::net::lookup_host((host, uri.port_u16().unwrap_or(80))).await;
    let mut found = found.map_err(|error| Failure::unreachable(url, error))?;
    if found.any(|address| classify(address.ip().to_canonical()) == Class::Public) {
        return Err(Failure::usage(format!("{url}: a public host is called over https")));
    }
    Ok(())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::*;

    const CARD: &str = r#"{"protocolVersion": "0.3.0", "name": "n", "description": "d", "version": "1",
        "url": "http://127.0.0.1:1", "capabilities": {}, "defaultInputModes": [], "defaultOutputModes": [], "skills": []}"#;

    /// A server that has the card at `path` alone.
    async fn serve(path: &'static str, status: &'static str) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut head = vec![0; 4_096];
                let read = stream.read(&mut head).await.unwrap();
                let asks = format!("GET {path} ");
                let (status, body) = match head[..read].starts_with(asks.as_bytes()) {
                    true => (status, CARD),
                    false => ("404 Not Found", ""),
                };
                let length = body.len();
                let answer = format!(
                    "HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
                );
                stream.write_all(answer.as_bytes()).await.unwrap();
            }
        });
        url
    }

    #[test]
    fn a_base_url_has_its_card_at_the_known_paths_and_a_document_is_its_own() {
        assert_eq!(
            places("http://a.example/echo/"),
            [
                "http://a.example/echo/.well-known/agent-card.json",
                "http://a.example/echo/.well-known/agent.json"
            ]
        );
        let document = "http://a.example/cards/echo.json";
        assert_eq!(places(document), [document]);
    }

    #[tokio::test]
    async fn a_card_is_found_at_either_path_byte_for_byte() {
        for path in WELL_KNOWN {
            let url = serve(path, "200 OK").await;
            let card = fetch(&Profile::default(), &url).await.unwrap();
            assert_eq!(card.bytes(), CARD.as_bytes(), "{path}");
        }
    }

    #[tokio::test]
    async fn no_card_a_refusal_and_a_redirect_are_told_with_what_to_do() {
        for (path, status, says) in [
            ("/elsewhere", "200 OK", "there is no card at"),
            (WELL_KNOWN[0], "401 Unauthorized", "it answers 401"),
            (WELL_KNOWN[0], "302 Found", "it answers 302"),
        ] {
            let url = serve(path, status).await;
            let failure = fetch(&Profile::default(), &url).await.unwrap_err();
            let told = failure.to_string();
            assert!(told.contains(says) && told.contains("--card-url"), "{told}");
            assert_eq!(failure.exit_code(), 2);
        }
    }

    #[tokio::test]
    async fn a_public_host_is_not_asked_in_clear_text_nor_one_that_is_not_there() {
        let failure = fetch(&Profile::default(), "http://8.8.8.8").await.unwrap_err();
        assert!(failure.to_string().contains("over https"), "{failure}");
        let gone = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        let failure = fetch(&Profile::default(), &format!("http://{gone}")).await.unwrap_err();
        assert_eq!(failure.exit_code(), 3, "{failure}");
    }
}
