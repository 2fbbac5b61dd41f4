//! Authentication of the transport: who has no secret, or means somebody else, gets nowhere. Nobody can make it panic.

use std::time::Duration;

use bytes::Bytes;
use proto_wire::raft::v1::Frame;
use proto_wire::raft::v1::raft_transport_client::RaftTransportClient;
use tonic::{Code, Request};

use crate::cluster::{Cluster, SECRET};

fn call(secret: Option<&str>, body: &[u8]) -> Request<Frame> {
    let mut request = Request::new(Frame { body: Bytes::copy_from_slice(body) });
    request.set_timeout(Duration::from_secs(10));
    if let Some(secret) = secret {
        let value = format!("Bearer {secret}").parse().unwrap();
        request.metadata_mut().insert("authorization", value);
    }
    request
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_without_the_secret_or_the_form_are_refused() {
    let cluster = Cluster::start(1).await;
    cluster.leader().await;
    let mut client = RaftTransportClient::connect(cluster.addresses[&1].clone()).await.unwrap();
    let cases: &[(Option<&str>, &[u8], Code)] = &[
        (None, b"", Code::Unauthenticated),
        (Some("correct-horse-battery-stapl"), b"", Code::Unauthenticated),
        (Some("correct-horse-battery-staplf"), b"", Code::Unauthenticated),
        (Some(SECRET), b"", Code::InvalidArgument),
        (Some(SECRET), b"\x02\xc0", Code::InvalidArgument),
        (Some(SECRET), b"\x01\xdf\xff\xff\xff\xff", Code::InvalidArgument),
        (Some(SECRET), &[0x01, 0x91].repeat(2_000), Code::InvalidArgument),
    ];
    for (secret, body, expected) in cases {
        let codes = [
            client.append(call(*secret, body)).await.unwrap_err().code(),
            client.vote(call(*secret, body)).await.unwrap_err().code(),
            client.transfer(call(*secret, body)).await.unwrap_err().code(),
            client.forward(call(*secret, body)).await.unwrap_err().code(),
            client.offer(call(*secret, body)).await.unwrap_err().code(),
            client.notify(call(*secret, body)).await.unwrap_err().code(),
        ];
        assert_eq!(codes, [*expected; 6], "{secret:?} {body:?}");
    }
    assert!(cluster.registry(1).strong().await.is_ok(), "the member still leads");
}
