//! The cluster's own service: members come by token, are promoted, removed, and nobody else may ask.

use proto_types::SecretKey;
use proto_wire::registry::v1 as wire;
use tokio_stream::StreamExt as _;

use crate::world::{OPERATOR, World, by, eventually, refused};

async fn members(world: &World) -> wire::Membership {
    let asked = by(OPERATOR, wire::ListMembersRequest {});
    world.cluster().list_members(asked).await.unwrap().into_inner()
}

fn role(found: &wire::Membership, id: u64) -> Option<bool> {
    found.members.iter().find(|member| member.id == id).map(|member| member.voter)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_member_joins_by_token_is_promoted_leads_and_the_first_one_leaves() {
    let first = World::start().await;
    let learner = first.joining(2, false).await;
    assert_eq!(role(&members(&first).await, 2), Some(false));
    let voter = first.joining(3, true).await;
    let three = eventually("a voter", || async {
        let found = members(&first).await;
        (role(&found, 3) == Some(true)).then_some(found)
    })
    .await;
    assert!(three.warning.contains("2 voters"), "{three:?}");
    let change = || by(OPERATOR, wire::ChangeVotersRequest { voters: vec![1, 2, 3], force: false });
    let elsewhere = learner.cluster().change_voters(change()).await;
    refused("a change at a follower", elsewhere, "not-leader");
    let done =
        eventually("three voters", || async { first.cluster().change_voters(change()).await.ok() })
            .await;
    assert_eq!(done.get_ref().warning, "");
    let written = learner.gateway("g1").await;
    assert!(!written.is_empty(), "a write through the new member");

    // The leader takes itself out: it hands over, and the next one does it.
    let remove = || by(OPERATOR, wire::RemoveMembersRequest { ids: vec![1], force: false });
    refused("its own removal", first.cluster().remove_members(remove()).await, "not-leader");
    let others = [&learner, &voter];
    eventually("the removal", || async {
        for world in others {
            if world.cluster().remove_members(remove()).await.is_ok() {
                return Some(());
            }
        }
        None
    })
    .await;
    eventually("the first member knows", || async { members(&first).await.removed.then_some(()) })
        .await;
    // The member looks once a second.
    eventually("the first member is not ready any more", || async {
        (first.get("/readyz").await.status() == 503).then_some(())
    })
    .await;
    let back = by(OPERATOR, wire::AddMemberRequest { id: 1, address: "http://127.0.0.1:1".into() });
    eventually("a refusal by the leader", || async {
        for world in others {
            let back = by(OPERATOR, back.get_ref().clone());
            let again = world.cluster().add_member(back).await.unwrap_err();
            if crate::world::code(&again) == "invalid-argument" {
                return Some(());
            }
        }
        None
    })
    .await;
    for world in [first, learner, voter] {
        world.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_the_operator_and_valid_tokens_change_the_cluster() {
    let world = World::start().await;
    let gateway = world.gateway("g1").await;
    let mut cluster = world.cluster();
    let listed = cluster.list_members(by(&gateway, wire::ListMembersRequest {})).await;
    refused("a gateway that lists", listed, "permission-denied");
    refused(
        "a stranger",
        cluster.list_members(wire::ListMembersRequest {}).await,
        "unauthenticated",
    );
    let add = wire::AddMemberRequest { id: 2, address: "http://127.0.0.1:1".to_owned() };
    refused("a stranger that adds", cluster.add_member(add).await, "unauthenticated");
    let backup = cluster.backup(by(&gateway, wire::BackupRequest::default())).await;
    refused("a gateway that copies", backup.map(|_| tonic::Response::new(())), "permission-denied");
    let join = |token: &str, address: &str| wire::JoinRequest {
        id: 2,
        address: address.to_owned(),
        token: token.to_owned(),
        promote: true,
    };
    refused("no token", cluster.join(join("", "http://127.0.0.1:1")).await, "join-token-invalid");
    let node = world.invite("node").await;
    let wrong = cluster.join(join(&node, "http://127.0.0.1:1")).await;
    refused("a node's token", wrong, "join-token-invalid");
    let token = world.invite("registry").await;
    refused("no URL", cluster.join(join(&token, "127.0.0.1:1")).await, "invalid-argument");
    let unknown = by(OPERATOR, wire::RemoveMembersRequest { ids: vec![77], force: false });
    refused("a number of nobody", cluster.remove_members(unknown).await, "not-found");
    let zero = by(OPERATOR, wire::RemoveMembersRequest { ids: vec![0], force: true });
    refused("member 0", cluster.remove_members(zero).await, "invalid-argument");
    let stranger = wire::ChangeVotersRequest { voters: vec![1, 9], force: true };
    refused("a stranger", cluster.change_voters(by(OPERATOR, stranger)).await, "not-found");
    let elsewhere = wire::AddMemberRequest { id: 1, address: "http://127.0.0.1:1".to_owned() };
    refused("a taken number", cluster.add_member(by(OPERATOR, elsewhere)).await, "conflict");
    let found = members(&world).await;
    assert_eq!((found.members.len(), found.leader, found.epoch), (1, 1, 0));
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_member_is_copied_and_compacted_while_it_serves() {
    let world = World::start().await;
    world.gateway("g1").await;
    let mut cluster = world.cluster();
    let made = cluster.take_snapshot(by(OPERATOR, wire::TakeSnapshotRequest {})).await.unwrap();
    assert!(made.get_ref().index > 0);
    let compacted = cluster.defrag(by(OPERATOR, wire::DefragRequest {})).await.unwrap();
    assert!(compacted.get_ref().bytes_after > 0);
    let copied = cluster.backup(by(OPERATOR, wire::BackupRequest::default())).await.unwrap();
    let chunks: Vec<_> = copied.into_inner().collect().await;
    let bytes: Vec<u8> = chunks.into_iter().flat_map(|chunk| chunk.unwrap().bytes).collect();
    assert!(bytes.starts_with(b"ecumene-backup 1\n"));
    world.gateway("g2").await;
    world.stop().await;
}

/// A copy of a member's state, and whether it is said to be confirmed.
async fn copied(world: &World, unconfirmed: bool) -> Result<(Vec<u8>, bool), tonic::Status> {
    let asked = by(OPERATOR, wire::BackupRequest { unconfirmed });
    let answer = world.cluster().backup(asked).await?;
    let confirmed = answer.metadata().contains_key("ecumene-revision");
    let (mut chunks, mut copy) = (answer.into_inner(), Vec::new());
    while let Some(chunk) = chunks.message().await? {
        copy.extend_from_slice(&chunk.bytes);
    }
    Ok((copy, confirmed))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_member_that_nobody_confirms_gives_a_copy_to_who_takes_it_unconfirmed_alone() {
    let [one, two, alone] = World::three().await;
    let (_, confirmed) = copied(&alone, false).await.unwrap();
    assert!(confirmed, "the leader says how far the copy must reach");
    one.stop().await;
    two.stop().await;
    let refused = copied(&alone, false).await.unwrap_err();
    assert_eq!(refused.code(), tonic::Code::Unavailable, "{refused:?}");
    let code = crate::world::code(&refused);
    assert!(["no-leader", "read-unconfirmed"].contains(&code), "{refused:?}");
    assert!(refused.message().contains("`--unconfirmed`"), "the way out is named: {refused:?}");
    let (copy, confirmed) = copied(&alone, true).await.unwrap();
    assert!(copy.starts_with(b"ecumene-backup 1\n") && !confirmed);
    alone.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_learner_that_is_dead_gets_no_vote_and_no_two_members_share_an_address() {
    let world = World::start().await;
    let mut cluster = world.cluster();
    let add =
        |id, address: &str| by(OPERATOR, wire::AddMemberRequest { id, address: address.into() });
    let own = format!("http://{}", world.addr);
    refused("the leader's address", cluster.add_member(add(5, &own)).await, "conflict");
    cluster.add_member(add(6, "http://127.0.0.1:1")).await.unwrap();
    let again = cluster.add_member(add(7, "http://127.0.0.1:1")).await;
    refused("a learner's address", again, "conflict");
    let promote = wire::ChangeVotersRequest { voters: vec![1, 6], force: false };
    let promoted = cluster.change_voters(by(OPERATOR, promote)).await;
    refused("a dead learner", promoted, "quorum-at-risk");
    let found = members(&world).await;
    assert_eq!(role(&found, 6), Some(false));
    assert_eq!(found.members[0].heard_ms_ago, None, "a leader does not hear from itself");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_time_that_is_right_is_not_brought_back_and_answers_tell_it() {
    let world = World::start().await;
    world.gateway("g1").await;
    let reset = by(OPERATOR, wire::ResetTimeRequest {});
    refused("a right time", world.cluster().reset_time(reset).await, "invalid-argument");
    let anonymous = world.cluster().reset_time(wire::ResetTimeRequest {}).await;
    refused("a stranger", anonymous, "unauthenticated");
    let asked = by(OPERATOR, wire::StatusRequest::default());
    let status = world.directory().status(asked).await.unwrap();
    let told = status.metadata().get("ecumene-time-ms").unwrap().to_str().unwrap();
    let now = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_millis();
    assert!(told.parse::<u128>().unwrap().abs_diff(now) < 5_000, "{told}");
    let status = status.into_inner();
    assert!(status.clock_offset_ms.is_some_and(|offset| offset.abs() < 5_000), "{status:?}");
    assert_eq!(status.state_ahead_ms, 0);
    world.stop().await;
}

#[tokio::test]
async fn a_stranger_hears_nothing_of_a_members_clock() {
    let world = World::start().await;
    let told = async |credential: Option<&str>| {
        let asked = wire::StatusRequest::default();
        let asked = match credential {
            Some(credential) => by(credential, asked),
            None => tonic::Request::new(asked),
        };
        world.directory().status(asked).await.unwrap().into_inner().clock_offset_ms
    };
    let (gateway, node) = (world.gateway("g1").await, world.node("n1").await);
    for known in [OPERATOR, &gateway, &node] {
        assert!(told(Some(known)).await.is_some(), "{known}");
    }
    assert_eq!(told(None).await, None);
    let (peer, key) = ("https://peer.example", SecretKey::from_seed(&[1; 32]));
    world.enrol(peer, "k1", &key).await;
    let token = crate::visibility::token(peer, &key, "clock-1");
    assert_eq!(told(Some(&token)).await, None, "a peer is no part of the cluster");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stranger_hears_no_address_of_a_member() {
    let worlds = World::three().await;
    let addresses: Vec<String> =
        worlds.iter().map(|world| format!("127.0.0.1:{}", world.addr.port())).collect();
    let shown = |said: String| addresses.iter().any(|address| said.contains(address));
    let token = worlds[0].invite("node").await;
    for world in &worlds {
        for consistency in [0, 1] {
            let request = wire::StatusRequest { consistency };
            let told = world.directory().status(request).await;
            assert!(!shown(format!("{told:?}")), "{told:?}");
        }
        for (id, token) in [(1, "junk"), (2, ""), (9, "junk"), (9, &*token)] {
            let (address, promote) = ("http://127.0.0.1:1".to_owned(), true);
            let join = wire::JoinRequest { id, address, token: token.to_owned(), promote };
            let told = world.cluster().join(join).await;
            assert!(!shown(format!("{told:?}")), "{told:?}");
            refused("a stranger that joins", told, "join-token-invalid");
        }
        let status = by(OPERATOR, wire::StatusRequest::default());
        let known = world.directory().status(status).await.unwrap().into_inner();
        assert!(known.members.iter().all(|member| shown(member.address.clone())), "{known:?}");
    }
    for world in worlds {
        world.stop().await;
    }
}
