//! Settings that change while a gateway runs.

use std::path::{Path, PathBuf};
use std::time::Duration;

use axum::body::Body;
use deploy_service::{Reload, config};
use gateway_server::Config;
use http::{Request, StatusCode};

use crate::upstream::{FAR, RPC, Server, agent, attach};
use crate::world::{Gateway, Peer, World, eventually, invite, message, secret};

const OLD: &str = "subscriber-token-of-before";
const NEW: &str = "subscriber-token-of-now";
const PAGE: &str = "https://app.example";

/// A gateway with a file, which it looks at all the time.
pub(crate) struct Filed {
    pub(crate) gateway: Gateway,
    pub(crate) folder: tempfile::TempDir,
    /// What the file has whatever is tested.
    base: String,
}

impl Filed {
    pub(crate) async fn start(world: &World) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path();
        secret(at, "old", OLD);
        secret(at, "join", &invite(&world.channel, "gateway").await);
        let (state_dir, addr_file) = (at.join("state"), at.join("addr"));
        let base = format!(
            "id = 'g2'\nlisten = '127.0.0.1:0'\nregistry = ['{}']\njoin_token_file = {:?}\n\
             state_dir = {state_dir:?}\naddr_file = {addr_file:?}\n",
            world.registry_url,
            at.join("join"),
        );
        let path = write(at, &base, &names("old"));
        let started: Config = config::load_role(Some(&path), &[]).unwrap();
        let reload = Reload::on_signals(Some(&path), &[]).unwrap();
        let reload = reload.looking_every(Duration::from_millis(50));
        let gateway = Gateway::reloading(started, Some(reload)).await;
        let filed = Self { gateway, folder, base };
        eventually("readiness", || async {
            (filed.gateway.get("/readyz").await.status() == StatusCode::OK).then_some(())
        })
        .await;
        filed
    }

    pub(crate) fn write(&self, more: &str) {
        write(self.folder.path(), &self.base, more);
    }

    async fn pulls(&self, token: &str) -> StatusCode {
        let request = Request::get("/v1/envelopes/urn:agent:b")
            .header("authorization", format!("Bearer {token}"))
            .body(Body::empty());
        self.gateway.send(request.unwrap()).await.status()
    }

    /// Waits until the counters have this line.
    pub(crate) async fn says(&self, line: &str) {
        let line = format!("ecumene_gateway_config_{line}\n");
        eventually(&line, || async {
            let metrics = self.gateway.get("/metrics").await;
            std::str::from_utf8(metrics.body()).unwrap().contains(&line).then_some(())
        })
        .await;
    }
}

/// The file, in whose folder secrets are named without it.
fn write(folder: &Path, base: &str, more: &str) -> PathBuf {
    let (path, beside) = (folder.join("gateway.toml"), folder.join("beside"));
    let more = more.replace("./", &format!("{}/", folder.display()));
    std::fs::write(&beside, format!("{base}{more}\n")).unwrap();
    std::fs::rename(beside, &path).unwrap();
    path
}

fn names(token: &str) -> String {
    format!("subscriber_token_files = ['./{token}']")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tokens_pages_and_bounds_are_taken_over_together_and_a_refused_file_changes_nothing() {
    let world = World::start().await;
    let filed = Filed::start(&world).await;
    assert_eq!((filed.pulls(OLD).await, filed.pulls(NEW).await), (StatusCode::OK, denied()));
    secret(filed.folder.path(), "new", NEW);
    let more =
        format!("{}\ncors_origins = ['{PAGE}']\nbounds.call_bytes_max = '1KiB'", names("new"));
    filed.write(&more);
    filed.says("reloads_total 1").await;
    filed.says("last_reload_successful 1").await;
    assert_eq!((filed.pulls(OLD).await, filed.pulls(NEW).await), (denied(), StatusCode::OK));
    let long = "x".repeat(2 << 10);
    let mut call = filed.gateway.request(&Peer::new("a", 1), "/agents/echo", &long);
    call.headers_mut().insert("origin", PAGE.parse().unwrap());
    let refused = filed.gateway.send(call).await;
    assert_eq!(refused.status(), StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(refused.headers()["access-control-allow-origin"], PAGE);

    filed.write(&format!("{}\nbounds.call_bytes_max = '0B'", names("old")));
    filed.says("reloads_refused_total 1").await;
    filed.says("last_reload_successful 0").await;
    assert_eq!((filed.pulls(OLD).await, filed.pulls(NEW).await), (denied(), StatusCode::OK));
}

/// What the server of an attached agent is shown, once a call has reached it.
async fn shown(filed: &Filed, server: &Server) -> Option<String> {
    let before = server.asked().len();
    filed.gateway.call(&Peer::new("a", 1), FAR, "SendMessage", message("hello")).await;
    let asked = server.asked();
    let asked = asked.get(before)?;
    Some(asked.headers.get("x-key").map_or("", |value| value.to_str().unwrap()).to_owned())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_attached_agents_are_and_what_they_are_shown_is_taken_over() {
    let (world, server) = (World::start().await, Server::start(agent(RPC)).await);
    attach(&world, RPC, &[server.url()]).await;
    let filed = Filed::start(&world).await;
    assert_eq!(shown(&filed, &server).await, None, "its network is not allowed");
    let networks = format!("{}\nupstreams.private_networks = ['127.0.0.0/8']", names("old"));
    filed.write(&networks);
    filed.says("reloads_total 1").await;
    assert_eq!(shown(&filed, &server).await.as_deref(), Some(""));
    let value = secret(filed.folder.path(), "value", "key-of-before-0123456789");
    let credential = "{ agent = 'far', header = 'x-key', value_file = './value' }";
    filed.write(&format!("{networks}\nupstreams.credentials = [{credential}]"));
    filed.says("reloads_total 2").await;
    assert_eq!(shown(&filed, &server).await.as_deref(), Some("key-of-before-0123456789"));
    secret(filed.folder.path(), "value", "key-of-now-0123456789");
    filed.says("reloads_total 3").await;
    assert_eq!(shown(&filed, &server).await.as_deref(), Some("key-of-now-0123456789"));
    std::fs::remove_file(value).unwrap();
    filed.says("last_reload_successful 0").await;
    assert_eq!(shown(&filed, &server).await.as_deref(), Some("key-of-now-0123456789"));
}

fn denied() -> StatusCode {
    StatusCode::UNAUTHORIZED
}
