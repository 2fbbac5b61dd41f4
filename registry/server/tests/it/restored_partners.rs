//! A partner, and a log that is witnessed, of a cluster that was restored from a backup.

use http::{Method, StatusCode};
use proto_types::Digest;
use proto_wire::registry::v1 as wire;

use crate::federation::{agree, arrives, key, partner, publish};
use crate::site::record;
use crate::world::{World, eventually, json};

/// The digest of a record as it is here; `None` if there is none.
async fn digest(world: &World, handle: &str) -> Option<Digest> {
    let request = wire::GetRecordRequest { handle: handle.to_owned(), consistency: 0 };
    let found = world.directory().get_record(request).await.ok()?.into_inner();
    Some(Digest::of(&found.document))
}

pub(crate) async fn becomes(world: &World, handle: &str, wanted: Option<Digest>) {
    eventually(handle, || async { (digest(world, handle).await == wanted).then_some(()) }).await;
}

/// Publishes another version.
pub(crate) async fn change(world: &World, handle: &str) -> Digest {
    let document = record(handle, "https://a.example/2.json", "https://a.example", &key());
    let published = world.call(Method::POST, "/v1/records", &document).await;
    assert_eq!(published.status(), StatusCode::CREATED, "{:?}", published.body());
    Digest::of(&document)
}

async fn is_pulled_anew(log_key: &str) {
    let (home, here) = (World::start().await, World::outbound(|_| {}).await);
    let first = Digest::of(&publish(&home, "urn:home:0001").await);
    agree(&here, "home", &format!("http://{}", home.addr), |terms| {
        terms.log_key = log_key.to_owned();
    })
    .await;
    becomes(&here, "urn:home:0001", Some(first)).await;
    let copy = home.copy().await;
    let lost = change(&home, "urn:home:0001").await;
    publish(&home, "urn:home:0002").await;
    becomes(&here, "urn:home:0001", Some(lost)).await;
    arrives(&here, "urn:home:0002").await;

    let home = home.restored(&copy).await;
    becomes(&here, "urn:home:0001", Some(first)).await;
    becomes(&here, "urn:home:0002", None).await;
    let shown = eventually("the new epoch", || async {
        Some(partner(&here, "home").await).filter(|it| it.epoch == 1 && it.cursor >= 1 << 40)
    })
    .await;
    assert_eq!((&*shown.state, &*shown.reason), ("active", ""));
    let acts = crate::audit::lines(&here, 0).await;
    let told = |it: &&proto_types::audit::AuditLine| it.action == "restart-partner";
    assert_eq!(acts.iter().filter(told).count(), 1, "{acts:?}");
    // What changes there from now on comes, whatever was seen of it before.
    let changed = change(&home, "urn:home:0001").await;
    becomes(&here, "urn:home:0001", Some(changed)).await;
    publish(&home, "urn:home:0003").await;
    arrives(&here, "urn:home:0003").await;
    home.stop().await;
    here.stop().await;
}

#[tokio::test]
async fn a_restored_partner_is_pulled_anew_and_says_so() {
    Box::pin(is_pulled_anew("")).await;
}

#[tokio::test]
async fn a_restored_partner_whose_log_has_signed_its_epoch_is_pulled_anew_and_says_so() {
    Box::pin(is_pulled_anew(&crate::log::policy().log.to_string())).await;
}

#[tokio::test]
async fn an_entry_that_is_passed_on_carries_the_epoch_of_its_home() {
    let (home, near, far) =
        (World::start().await, World::outbound(|_| {}).await, World::outbound(|_| {}).await);
    let first = Digest::of(&publish(&home, "urn:home:0001").await);
    agree(&near, "home", &format!("http://{}", home.addr), |terms| terms.hops = 2).await;
    agree(&far, "near", &format!("http://{}", near.addr), |terms| terms.hops = 3).await;
    becomes(&far, "urn:home:0001", Some(first)).await;
    let copy = home.copy().await;
    let lost = change(&home, "urn:home:0001").await;
    becomes(&far, "urn:home:0001", Some(lost)).await;
    let home = home.restored(&copy).await;
    becomes(&far, "urn:home:0001", Some(first)).await;
    let page = json(&near.get("/v1/federation/entries").await);
    assert_eq!((&page["epoch"], &page["entries"][0]["homeEpoch"]), (&0.into(), &1.into()));
    for world in [home, near, far] {
        world.stop().await;
    }
}
