//! Three members: any of them takes a write, gives a strong read, and says who leads.

use http::Method;
use proto_types::SecretKey;
use proto_types::metadata::LEADER_KEY;
use proto_wire::registry::v1 as wire;

use crate::artifacts::deploy;
use crate::fleet::{Node, submit, task};
use crate::world::{OPERATOR, World, by, code, eventually, json, refused};

/// Where the leader stands in the list, and where one that follows.
pub(crate) async fn roles(worlds: &[World]) -> (usize, usize) {
    let leading = eventually("a leader that all know", || async {
        let mut said = Vec::new();
        for world in worlds {
            let status = world.directory().status(wire::StatusRequest::default()).await.ok()?;
            said.push(status.into_inner());
        }
        let leader = said.first()?.leader;
        let agreed = said.iter().all(|status| status.leader == leader);
        said.iter().position(|status| status.member == leader).filter(|_| agreed)
    })
    .await;
    (leading, (leading + 1) % worlds.len())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_follower_takes_writes_and_gives_strong_reads() {
    let worlds = World::three().await;
    let (leading, following) = roles(&worlds).await;
    let (leader, follower) = (&worlds[leading], &worlds[following]);
    for seed in 1..=10 {
        let origin = format!("https://p{seed}.example");
        leader.enrol(&origin, "k1", &SecretKey::from_seed(&[seed; 32])).await;
        let request = wire::GetPeerRequest { origin: origin.clone(), consistency: 1 };
        let read = follower.directory().get_peer(request).await.unwrap();
        assert_eq!(read.get_ref().origin, origin, "a strong read sees what was acknowledged");
        let path = "/v1/peers?consistency=strong";
        let listed = json(&follower.get(path).await)["peers"].as_array().unwrap().len();
        assert_eq!(listed, usize::from(seed));
    }
    let gateway = follower.gateway("g1").await;
    let nodes = by(&gateway, wire::ListRequest::default());
    follower.fleet().list_nodes(nodes).await.expect("the credential counts where it was given");
    for name in ["g2", "g3", "g4"] {
        let gateway = leader.gateway(name).await;
        let nodes = by(&gateway, wire::ListRequest::default());
        follower.fleet().list_nodes(nodes).await.expect("and at once everywhere else");
        let wrong = by(&format!("{gateway}x"), wire::ListRequest::default());
        refused("a made-up one", follower.fleet().list_nodes(wrong).await, "unauthenticated");
    }
    let stale = follower.get("/v1/peers").await;
    assert!(stale.headers().contains_key("ecumene-age-ms"), "a follower's state has an age");
    let revoke = wire::RevokePeerRequest { origin: "https://p1.example".to_owned() };
    follower.directory().revoke_peer(by(OPERATOR, revoke)).await.unwrap();
    let peers = json(&leader.get("/v1/peers").await);
    let revoked = |peer: &&serde_json::Value| peer["status"] == "revoked";
    assert_eq!(peers["peers"].as_array().unwrap().iter().filter(revoked).count(), 1);
    for world in worlds {
        world.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn strong_reads_are_judged_by_one_time_at_every_member() {
    let worlds = World::three().await;
    roles(&worlds).await;
    let mut last = 0;
    for round in 0..100 {
        for (at, world) in worlds.iter().enumerate() {
            let request = wire::ListRequest { consistency: 1, ..Default::default() };
            let listed = world.directory().list_records(request).await.unwrap();
            let told = listed.metadata().get("ecumene-time-ms").unwrap().to_str().unwrap();
            let told: u64 = told.parse().unwrap();
            assert!(told >= last, "round {round}: {told} at place {at} after {last}");
            last = told;
        }
    }
    for world in worlds {
        world.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_is_at_the_leader_and_outlives_it_within_its_grace() {
    let worlds = World::three().await;
    let (leading, following) = roles(&worlds).await;
    deploy(&worlds[following], "text").await;
    let token = worlds[leading].node("n1").await;
    let elsewhere = Node::dial(&worlds[following], "n1", &token, &[]).await.err().unwrap();
    assert_eq!(code(&elsewhere), "not-leader");
    let said = elsewhere.metadata().get(LEADER_KEY).unwrap().to_str().unwrap();
    assert_eq!(said, format!("http://{}", worlds[leading].addr));

    let mut node = Node::dial(&worlds[leading], "n1", &token, &[]).await.unwrap();
    submit(&worlds[following], task("t1")).await;
    let assigned = node.assigned().await;
    drop(node);
    let mut rest = Vec::from(worlds);
    rest.remove(leading).stop().await;

    let (leading, _) = roles(&rest).await;
    let held = [("t1", assigned.epoch)];
    let node = eventually("a session at the new leader", || async {
        Node::dial(&rest[leading], "n1", &token, &held).await.ok()
    })
    .await;
    let done = node.outcome("t1", assigned.epoch, "done");
    let done = rest[leading].fleet().complete_task(done).await.unwrap();
    assert_eq!(done.get_ref().state, "completed", "the lease was not lost with its leader");
    let record = crate::world::vectors()["records"]["valid_hive"]["record"].to_string();
    let published = rest[leading].call(Method::POST, "/v1/records", record.as_bytes()).await;
    assert_eq!(published.status(), 201, "two of three are a majority");
    drop(node);
    for world in rest {
        world.stop().await;
    }
}
