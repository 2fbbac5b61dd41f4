//! Looks whether the replicas are alive that were ejected, or not heard of for some time.
//!
//! Decides what counts as alive: any answer that is not the server's own failure. Over gRPC it is asked for its health, which
//! servers know or say that they do not. Must never show a credential, nor probe an agent that was not called or that is gone.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use http::{Method, Request, StatusCode, Uri};
use http_body_util::Full;
use proto_types::Origin;
use proto_types::upstream::{UpstreamBinding, UpstreamUrl};
use tokio::time::{sleep, timeout};

use super::replicas::Agent;
use super::{UpstreamClient, UpstreamError, grpc};
use crate::gateway::Gateway;

/// From one round to the next.
const INTERVAL: Duration = Duration::from_secs(10);
/// How long a server may take to say that it is alive: less than an interval.
const TIMEOUT: Duration = Duration::from_secs(5);
/// At once. Arbitrary.
const AT_ONCE: usize = 16;
/// Each A2A server has a card there, or says that it has none.
const PATH: &str = "/.well-known/agent-card.json";

/// Probes, round after round, until it is dropped.
pub(crate) async fn probe(gateway: Arc<Gateway>) {
    loop {
        sleep(INTERVAL).await;
        let agents = gateway.cache.agents.load_full();
        gateway.upstreams.known.follow(|handle| agents.upstream(handle).cloned());
        drop(agents);
        gateway.upstreams.probe_all().await;
    }
}

impl UpstreamClient {
    pub(super) async fn probe_all(&self) {
        let probing = stream::iter(self.known.to_probe());
        let probe = |(agent, binding, url): (Agent, UpstreamBinding, UpstreamUrl)| async move {
            let is_alive = self.is_alive(binding, &url).await;
            tracing::debug!(%url, is_alive, "probed");
            agent.probed(&url, is_alive);
        };
        probing.for_each_concurrent(AT_ONCE, probe).await;
    }

    /// Whether the server answers; its body is not read.
    pub(super) async fn is_alive(&self, binding: UpstreamBinding, url: &UpstreamUrl) -> bool {
        if binding == UpstreamBinding::Grpc {
            return self.is_serving(url).await;
        }
        let Ok(origin) = Origin::of_url(url.as_str()) else { return false };
        self.card_status(&origin).await.is_ok_and(|status| status.as_u16() < 500)
    }

    /// Whether a server of gRPC answers, whatever it says but that it is unavailable.
    async fn is_serving(&self, url: &UpstreamUrl) -> bool {
        let Ok(target) = Uri::try_from(format!("{url}{}", grpc::HEALTH)) else { return false };
        let mut request = Request::new(Full::new(Bytes::from_static(grpc::EMPTY)));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = target;
        grpc::write_head(request.headers_mut(), None);
        match timeout(TIMEOUT, self.http.load_full().grpc(0, 0).request(request)).await {
            Ok(Ok(head)) => head.status().as_u16() < 500 && !grpc::is_unavailable(head.headers()),
            Ok(Err(_)) | Err(_) => false,
        }
    }

    /// With which status an origin answers who asks for its card, which is not read.
    ///
    /// # Errors
    /// It does not.
    pub(crate) async fn card_status(&self, origin: &Origin) -> Result<StatusCode, UpstreamError> {
        let target = Uri::try_from(format!("{origin}{PATH}"));
        let target = target.map_err(|_| UpstreamError::Broken)?;
        let mut request = Request::new(Full::<Bytes>::default());
        *request.uri_mut() = target;
        match timeout(TIMEOUT, self.http.load_full().client.request(request)).await {
            Ok(Ok(answer)) => Ok(answer.status()),
            Ok(Err(error)) if error.is_connect() => Err(UpstreamError::Unreachable),
            Ok(Err(_)) => Err(UpstreamError::Broken),
            Err(_) => Err(UpstreamError::Timeout),
        }
    }
}
