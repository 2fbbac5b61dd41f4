//! etcd's public gRPC interface (version 3), as much of it as a put takes. It must never repeat a call.

use std::time::Duration;

use anyhow::Result;
use bytes::Bytes;
use tonic::client::Grpc;
use tonic::codegen::http::uri::PathAndQuery;
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Status};
use tonic_prost::ProstCodec;

use crate::drive::Client;

const PUT: PathAndQuery = PathAndQuery::from_static("/etcdserverpb.KV/Put");
const STATUS: PathAndQuery = PathAndQuery::from_static("/etcdserverpb.Maintenance/Status");
/// As long as a caller of ours waits.
const CALL_TIMEOUT: Duration = Duration::from_secs(15);

/// `etcdserverpb.PutRequest`, without a lease.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct PutRequest {
    #[prost(bytes = "bytes", tag = "1")]
    key: Bytes,
    #[prost(bytes = "bytes", tag = "2")]
    value: Bytes,
}

/// `etcdserverpb.PutResponse`, of which nothing is read.
#[derive(Clone, PartialEq, prost::Message)]
struct PutResponse {}

/// `etcdserverpb.StatusRequest`.
#[derive(Clone, PartialEq, prost::Message)]
struct StatusRequest {}

/// `etcdserverpb.StatusResponse`.
#[derive(Clone, PartialEq, prost::Message)]
struct StatusResponse {
    #[prost(message, optional, tag = "1")]
    header: Option<Header>,
    #[prost(uint64, tag = "4")]
    leader: u64,
}

/// `etcdserverpb.ResponseHeader`.
#[derive(Clone, PartialEq, prost::Message)]
struct Header {
    #[prost(uint64, tag = "2")]
    member_id: u64,
}

/// One caller on a connection that it shares with others.
pub(super) struct Put(Grpc<Channel>);

impl PutRequest {
    /// As a record's handle is long, so is the key.
    pub(super) fn new(number: u64, value: &[u8]) -> Self {
        let key = format!("urn:pilox:agent:load:{number:09}");
        Self { key: key.into(), value: Bytes::copy_from_slice(value) }
    }
}

/// `count` callers on `connections` connections to one member.
///
/// # Errors
/// It takes none.
pub(super) async fn connect(url: &str, count: usize, connections: usize) -> Result<Vec<Put>> {
    let mut channels = Vec::new();
    for _ in 0..connections {
        channels.push(channel(url).await?);
    }
    Ok((0..count).map(|place| Put(Grpc::new(channels[place % connections].clone()))).collect())
}

/// Whether this member says that it leads.
///
/// # Errors
/// It does not answer.
pub(super) async fn leads(url: &str) -> Result<bool> {
    let mut grpc = Grpc::new(channel(url).await?);
    let status: StatusResponse = call(&mut grpc, STATUS, StatusRequest {}).await?;
    Ok(status.header.is_some_and(|header| header.member_id == status.leader && status.leader != 0))
}

impl Client for Put {
    type Request = PutRequest;

    async fn send(&mut self, request: PutRequest) -> Result<(), String> {
        let put = call::<_, PutResponse>(&mut self.0, PUT, request).await;
        put.map(drop).map_err(|status| status.to_string())
    }
}

async fn channel(url: &str) -> Result<Channel> {
    let endpoint = Endpoint::from_shared(url.to_owned())?.timeout(CALL_TIMEOUT);
    Ok(endpoint.connect_timeout(Duration::from_secs(2)).connect().await?)
}

async fn call<Q, A>(grpc: &mut Grpc<Channel>, path: PathAndQuery, request: Q) -> Result<A, Status>
where
    Q: prost::Message + Send + Sync + 'static,
    A: prost::Message + Default + Send + Sync + 'static,
{
    grpc.ready().await.map_err(|cause| Status::unavailable(cause.to_string()))?;
    let answer = grpc.unary(Request::new(request), path, ProstCodec::default()).await?;
    Ok(answer.into_inner())
}
