//! A served listener and a raw client, which opens and reads sockets.

use std::{net::SocketAddr, time::Duration};

use axum::{
    Extension, Router,
    body::{Body, Bytes},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode},
    routing::{get, post},
};
use deploy_service::{
    Claim, ClientAddress, ClientIdentity, Drained, Limits, Listener, Network, Readiness, Security,
    Shutdown, TrustedProxies, listen, serve, units, wait_until,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::mpsc,
    task::JoinHandle,
};

/// Far more than any test waits; a hang fails instead of blocking the run.
const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) struct World {
    pub(crate) addr: SocketAddr,
    pub(crate) shutdown: Shutdown,
    pub(crate) entered: mpsc::Receiver<()>,
    pub(crate) release: tokio::sync::watch::Sender<bool>,
    served: JoinHandle<Drained>,
}

/// Short enough for a test, long enough for a busy machine.
pub(crate) fn brief() -> Limits {
    Limits {
        header_timeout: units::Duration::from_millis(300),
        body_timeout: units::Duration::from_millis(300),
        drain: units::Duration::from_secs(10),
        ..Limits::default()
    }
}

impl World {
    /// `/who` tells whose a request is, `/echo` its body, `/mebibyte` so much; `/wait` answers once released; `/guarded`
    /// looks at the credential first.
    pub(crate) async fn start(limits: Limits) -> Self {
        Self::secured(limits, Security::Plain).await
    }

    /// As [`World::start`]; `/system` proves to be of the system; `/me` tells whom the client has proved to be.
    pub(crate) async fn secured(limits: Limits, security: Security) -> Self {
        Self::behind(limits, security, &[]).await
    }

    /// As [`World::secured`], behind proxies that are believed.
    pub(crate) async fn behind(limits: Limits, security: Security, proxies: &[Network]) -> Self {
        let with =
            |listener: Listener| listener.trusting(TrustedProxies::new(proxies)).keeping_places();
        Self::on(limits, security, with).await
    }

    /// As [`World::behind`], of proxies that have to send a header of the PROXY protocol.
    pub(crate) async fn proxied(limits: Limits, security: Security, proxies: &[Network]) -> Self {
        let proxies = TrustedProxies::new(proxies);
        let with = |listener: Listener| listener.trusting(proxies).with_proxy_protocol(true);
        Self::on(limits, security, with).await
    }

    /// As [`World::start`], with a listener that keeps no places for the system's own roles.
    pub(crate) async fn keeping_nothing(limits: Limits) -> Self {
        Self::on(limits, Security::Plain, |listener| listener).await
    }

    async fn on(
        limits: Limits,
        security: Security,
        with: impl FnOnce(Listener) -> Listener,
    ) -> Self {
        let shutdown = Shutdown::new();
        let (enter, entered) = mpsc::channel(8);
        let (release, released) = tokio::sync::watch::channel(false);
        let wait = move || {
            let (enter, mut released) = (enter.clone(), released.clone());
            async move {
                enter.send(()).await.unwrap();
                wait_until(&mut released, |go| *go).await.unwrap();
                "done"
            }
        };
        let router = Router::new()
            .route("/who", get(who))
            .route("/me", get(me))
            .route("/system", get(system))
            .route("/guarded", post(guarded))
            .route("/echo", post(|body: Bytes| async move { Body::from(body) }))
            .route("/mebibyte", get(|| async { vec![b'x'; 1 << 20] }))
            .route("/wait", get(wait))
            .merge(Readiness::new(shutdown.clone()).router());
        let local = "127.0.0.1:0".parse().unwrap();
        let (listener, addr) = listen::bind(local, None, security).await.unwrap();
        let listener = with(listener).marking(|target, _| {
            let path = HeaderValue::from_str(target.path()).unwrap();
            HeaderMap::from_iter([(HeaderName::from_static("x-refused"), path)])
        });
        let served = tokio::spawn(serve(listener, router, limits, shutdown.clone()));
        Self { addr, shutdown, entered, release, served }
    }

    pub(crate) async fn drained(self) -> Drained {
        tokio::time::timeout(PATIENCE, self.served).await.unwrap().unwrap()
    }

    pub(crate) async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.addr).await.unwrap()
    }

    /// Sends `request` on a connection of its own and reads until the server closes it.
    pub(crate) async fn exchange(&self, request: &str) -> String {
        let mut client = self.connect().await;
        client.write_all(request.as_bytes()).await.unwrap();
        read_to_close(&mut client).await
    }

    pub(crate) async fn get(&self, path: &str) -> String {
        self.exchange(&format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")).await
    }
}

async fn who(Extension(ClientAddress(address)): Extension<ClientAddress>) -> String {
    address.to_string()
}

async fn me(client: Option<Extension<ClientIdentity>>) -> String {
    client.map_or_else(|| "nobody".to_owned(), |Extension(client)| client.to_string())
}

async fn guarded(request: axum::extract::Request) -> StatusCode {
    let shown = request.headers().get("authorization");
    match shown.is_some_and(|shown| shown == "Bearer good") {
        true => StatusCode::OK,
        false => StatusCode::UNAUTHORIZED,
    }
}

async fn system(Extension(claim): Extension<Claim>) -> &'static str {
    claim.prove_system();
    "known"
}

/// What the server sent until it closed; a reset counts as a close.
pub(crate) async fn read_to_close(client: &mut TcpStream) -> String {
    let mut seen = Vec::new();
    let read = client.read_to_end(&mut seen);
    let _ = tokio::time::timeout(PATIENCE, read).await.expect("the server closes in time");
    String::from_utf8(seen).unwrap()
}
