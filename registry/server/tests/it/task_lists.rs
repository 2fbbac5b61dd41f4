//! Lists of tasks over gRPC: whose they are, where their pages begin, and how long a page is.

use proto_wire::registry::v1 as wire;
use tonic::Status;

use crate::artifacts::deploy;
use crate::fleet::{Node, submit, task};
use crate::tokens::now_ms;
use crate::world::{OPERATOR, World, by, refused};

const OWNER: &str = "https://a.example";
const STRANGER: &str = "https://b.example";

/// Pages with four tasks of the largest inputs are longer than what a client reads if it is not told otherwise.
const PAGE_BYTES_MAX: usize = 8 << 20;

fn of(owner: &str) -> wire::ListTasksRequest {
    let (owner, limit, consistency) = (owner.to_owned(), 100, 1);
    wire::ListTasksRequest { owner, limit, consistency, ..Default::default() }
}

async fn page(
    world: &World,
    token: &str,
    request: &wire::ListTasksRequest,
) -> Result<wire::TaskList, Status> {
    let mut fleet = world.fleet().max_decoding_message_size(PAGE_BYTES_MAX);
    Ok(fleet.list_tasks(by(token, request.clone())).await?.into_inner())
}

/// The ids on each page; every page says the same total.
async fn pages(
    world: &World,
    token: &str,
    mut request: wire::ListTasksRequest,
) -> (Vec<Vec<String>>, u64) {
    let (mut pages, mut totals) = (Vec::new(), Vec::new());
    loop {
        assert!(pages.len() < 9, "the list does not end");
        let list = page(world, token, &request).await.unwrap();
        pages.push(list.tasks.into_iter().map(|task| task.id).collect());
        totals.push(list.total);
        request.cursor = list.next;
        if request.cursor.is_empty() {
            break;
        }
    }
    totals.dedup();
    assert_eq!(totals.len(), 1, "{totals:?}");
    (pages, totals[0])
}

/// Tasks t1 to t5 of one owner, of which t2 changed last, and one of another owner.
async fn world_with_tasks() -> (World, String) {
    let world = World::start().await;
    deploy(&world, "text").await;
    let gateway = world.gateway("g1").await;
    for id in ["t1", "t2", "t3", "t4", "t5"] {
        world.fleet().submit_task(by(&gateway, task(id))).await.unwrap();
    }
    let (owner, context) = (STRANGER.to_owned(), "c2".to_owned());
    submit(&world, wire::SubmitTaskRequest { owner, context, ..task("s1") }).await;
    let cancel = wire::CancelTaskRequest { id: "t2".to_owned(), owner: OWNER.to_owned() };
    world.fleet().cancel_task(by(&gateway, cancel)).await.unwrap();
    (world, gateway)
}

#[tokio::test]
async fn an_owners_tasks_are_listed_by_pages_the_one_that_changed_last_first() {
    let (world, gateway) = world_with_tasks().await;
    for token in [gateway.as_str(), OPERATOR] {
        let (listed, total) =
            pages(&world, token, wire::ListTasksRequest { limit: 2, ..of(OWNER) }).await;
        assert_eq!(listed, [vec!["t2", "t5"], vec!["t4", "t3"], vec!["t1"]]);
        assert_eq!(total, 5);
    }
    let filter = |edit: fn(&mut wire::ListTasksRequest)| {
        let mut request = of(OWNER);
        edit(&mut request);
        request
    };
    let later = now_ms() + 600_000;
    for (request, expected) in [
        (of(STRANGER), vec!["s1"]),
        (of("https://c.example"), vec![]),
        (filter(|it| it.states = vec!["canceled".to_owned()]), vec!["t2"]),
        (filter(|it| it.states = vec!["completed".to_owned(), "failed".to_owned()]), vec![]),
        (filter(|it| it.context = "c1".to_owned()), vec!["t2", "t5", "t4", "t3", "t1"]),
        (filter(|it| it.context = "c2".to_owned()), vec![]),
        (filter(|it| it.agent = "other".to_owned()), vec![]),
        (filter(|it| it.changed_since_ms = 1), vec!["t2", "t5", "t4", "t3", "t1"]),
        (wire::ListTasksRequest { changed_since_ms: later, ..of(OWNER) }, vec![]),
    ] {
        let (listed, total) = pages(&world, &gateway, request.clone()).await;
        assert_eq!((listed.concat(), total), (owned(&expected), expected.len() as u64));
    }
    world.stop().await;
}

fn owned(ids: &[&str]) -> Vec<String> {
    ids.iter().map(|&id| id.to_owned()).collect()
}

#[tokio::test]
async fn a_list_is_for_gateways_and_operators_of_one_owner_and_its_cursor_for_no_other() {
    let (world, gateway) = world_with_tasks().await;
    let node = world.node("n1").await;
    let mut fleet = world.fleet();
    refused("nobody", fleet.list_tasks(of(OWNER)).await, "unauthenticated");
    refused("a node", fleet.list_tasks(by(&node, of(OWNER))).await, "permission-denied");
    for token in [gateway.as_str(), OPERATOR] {
        refused("all owners", fleet.list_tasks(by(token, of(""))).await, "invalid-argument");
    }
    let one = wire::ListTasksRequest { limit: 1, ..of(OWNER) };
    let cursor = page(&world, &gateway, &one).await.unwrap().next;
    let nodes = by(OPERATOR, wire::ListRequest { limit: 1, ..Default::default() });
    let of_nodes = fleet.list_nodes(nodes).await.unwrap().into_inner().next;
    assert!(!cursor.is_empty() && !of_nodes.is_empty());
    for (says, request) in [
        ("another owner's place", wire::ListTasksRequest { cursor, ..of(STRANGER) }),
        ("another list's place", wire::ListTasksRequest { cursor: of_nodes, ..of(OWNER) }),
        ("no place", wire::ListTasksRequest { cursor: "x".to_owned(), ..of(OWNER) }),
        ("no tasks", wire::ListTasksRequest { limit: 0, ..of(OWNER) }),
        ("too many tasks", wire::ListTasksRequest { limit: 101, ..of(OWNER) }),
        ("no state", wire::ListTasksRequest { states: vec!["working".to_owned()], ..of(OWNER) }),
        ("no context", wire::ListTasksRequest { context: "a b".to_owned(), ..of(OWNER) }),
    ] {
        refused(says, fleet.list_tasks(by(&gateway, request)).await, "invalid-argument");
    }
    world.stop().await;
}

#[tokio::test]
async fn outcomes_come_whole_or_with_what_the_agent_said_alone() {
    let world = World::start().await;
    deploy(&world, "text").await;
    let token = world.node("n1").await;
    let mut node = Node::dial(&world, "n1", &token, &[]).await.unwrap();
    submit(&world, task("t1")).await;
    let epoch = node.assigned().await.epoch;
    let whole = r#"{"artifacts":[{"artifactId":"a","parts":[{"text":"x"}]}],"message":{"n":1.50}}"#;
    let mut outcome = node.outcome("t1", epoch, "");
    outcome.get_mut().outcome = whole.into();
    world.fleet().complete_task(outcome).await.unwrap();
    for (omit_outcome, expected) in [(false, whole), (true, r#"{"message":{"n":1.50}}"#)] {
        let request = wire::ListTasksRequest { omit_outcome, ..of(OWNER) };
        let list = page(&world, OPERATOR, &request).await.unwrap();
        assert_eq!(list.tasks[0].outcome, expected);
        assert_eq!(list.tasks[0].input[..], *b"{\"parts\":[]}");
    }
    world.stop().await;
}

/// Caught: a page of the largest tasks that no client reads.
#[tokio::test]
async fn a_page_ends_before_its_documents_are_too_long_together() {
    let world = World::start().await;
    deploy(&world, "text").await;
    let input = format!("{{\"text\":\"{}\"}}", "x".repeat((1 << 20) - 11));
    assert_eq!(input.len(), 1 << 20);
    for id in ["t1", "t2", "t3", "t4", "t5", "t6"] {
        let input = input.clone().into();
        submit(&world, wire::SubmitTaskRequest { input, omit_input: true, ..task(id) }).await;
    }
    let (listed, total) = pages(&world, OPERATOR, of(OWNER)).await;
    assert_eq!(listed, [vec!["t6", "t5", "t4", "t3"], vec!["t2", "t1"]]);
    assert_eq!(total, 6);
    world.stop().await;
}
