//! Registries that pull from each other, over HTTP.

use http::Method;
use proto_types::SecretKey;
use proto_wire::registry::v1 as wire;

use crate::site::{Site, catalog, now, record, segment};
use crate::world::{OPERATOR, World, by, code, eventually, json, refused, vector_key, vectors};

pub(crate) fn key() -> SecretKey {
    SecretKey::from_seed(&[9; 32])
}

pub(crate) async fn publish(world: &World, handle: &str) -> Vec<u8> {
    let document = record(handle, "https://a.example/card.json", "https://a.example", &key());
    let published = world.call(Method::POST, "/v1/records", &document).await;
    assert_eq!(published.status(), 201, "{:?}", published.body());
    document
}

pub(crate) async fn agree(
    world: &World,
    name: &str,
    url: &str,
    change: impl FnOnce(&mut wire::PutPartnerRequest),
) {
    let mut request = wire::PutPartnerRequest {
        name: name.to_owned(),
        url: url.to_owned(),
        ..Default::default()
    };
    change(&mut request);
    world.partners().put_partner(by(OPERATOR, request)).await.unwrap();
}

pub(crate) async fn partner(world: &World, name: &str) -> wire::Partner {
    let request = wire::GetPartnerRequest { name: name.to_owned() };
    world.partners().get_partner(by(OPERATOR, request)).await.unwrap().into_inner()
}

async fn read(world: &World, handle: &str) -> Option<wire::Record> {
    let request = wire::GetRecordRequest { handle: handle.to_owned(), consistency: 0 };
    Some(world.directory().get_record(request).await.ok()?.into_inner())
}

pub(crate) async fn arrives(world: &World, handle: &str) -> wire::Record {
    eventually(handle, || read(world, handle)).await
}

async fn is_found(world: &World, handle: &str) -> bool {
    let page = json(&world.get("/v1/agents?kind=record&consistency=strong").await);
    page["hits"].as_array().unwrap().iter().any(|hit| hit["handle"] == handle)
}

fn origin(world: &World) -> String {
    format!("http://{}", world.addr)
}

#[tokio::test]
async fn entries_of_a_partner_come_change_and_go_with_their_home() {
    let (home, here) = (World::start().await, World::outbound(|_| {}).await);
    let document = publish(&home, "urn:home:0001").await;
    agree(&here, "home", &origin(&home), |_| {}).await;
    let record = arrives(&here, "urn:home:0001").await;
    assert_eq!(record.document[..], document[..], "byte for byte");
    assert_eq!(record.assurance, "self-asserted");
    let provenance = record.provenance.unwrap();
    assert_eq!((&*provenance.partner, &*provenance.home), ("home", &*origin(&home)));
    assert_eq!(provenance.hops, 1);
    let original = read(&home, "urn:home:0001").await.unwrap();
    assert_eq!(provenance.home_revision, original.revision);

    assert!(is_found(&here, "urn:home:0001").await, "its words came with it");
    publish(&home, "urn:home:0002").await;
    arrives(&here, "urn:home:0002").await;
    let path = format!("/v1/records/{}", segment("urn:home:0001"));
    assert_eq!(home.call(Method::DELETE, &path, b"").await.status(), 200);
    eventually("the withdrawal", || async {
        read(&here, "urn:home:0001").await.is_none().then_some(())
    })
    .await;
    let shown = partner(&here, "home").await;
    assert_eq!((&*shown.state, shown.imported), ("active", 1));
    assert!(!is_found(&here, "urn:home:0001").await);

    let request = wire::RemovePartnerRequest { name: "home".to_owned() };
    let removed = here.partners().remove_partner(by(OPERATOR, request)).await.unwrap();
    assert_eq!(removed.into_inner().entries, 1);
    assert_eq!(read(&here, "urn:home:0002").await, None);
    let acts = crate::audit::lines(&here, 0).await;
    for act in ["put-partner", "remove-partner"] {
        assert!(acts.iter().any(|it| (&*it.action, &*it.who) == (act, "operator")), "{act}");
    }
    home.stop().await;
    here.stop().await;
}

#[tokio::test]
async fn a_handle_of_our_own_is_not_taken_over_by_a_partner() {
    let (home, here) = (World::start().await, World::outbound(|_| {}).await);
    let ours = publish(&here, "urn:both:0001").await;
    let theirs = publish(&home, "urn:both:0001").await;
    assert_ne!(ours, theirs, "published at other times");
    publish(&home, "urn:home:0002").await;
    agree(&here, "home", &origin(&home), |_| {}).await;
    // Records come in the order of handles: when this one is here, the other was offered.
    arrives(&here, "urn:home:0002").await;
    let kept = read(&here, "urn:both:0001").await.unwrap();
    assert_eq!((&kept.document[..], kept.provenance), (&ours[..], None));
    // Nor is what a partner is the home of taken over by a local write.
    let document = record("urn:home:0002", "https://a.example/x", "https://a.example", &key());
    let refused = here.call(Method::POST, "/v1/records", &document).await;
    assert_eq!(refused.status(), 409);
    assert_eq!(json(&refused)["code"], "home-elsewhere");
    home.stop().await;
    here.stop().await;
}

#[tokio::test]
async fn an_entry_is_passed_on_only_as_far_as_was_agreed() {
    let (home, near, far) =
        (World::start().await, World::outbound(|_| {}).await, World::outbound(|_| {}).await);
    publish(&home, "urn:home:0001").await;
    agree(&near, "home", &origin(&home), |terms| terms.hops = 1).await;
    arrives(&near, "urn:home:0001").await;
    publish(&near, "urn:near:0001").await;
    agree(&far, "near", &origin(&near), |terms| terms.hops = 3).await;
    arrives(&far, "urn:near:0001").await;
    assert_eq!(read(&far, "urn:home:0001").await, None, "agreed for one registry");

    agree(&near, "home", &origin(&home), |terms| terms.hops = 2).await;
    publish(&home, "urn:home:0002").await;
    let record = arrives(&far, "urn:home:0002").await;
    let provenance = record.provenance.unwrap();
    assert_eq!((provenance.hops, &*provenance.home), (2, &*origin(&home)));
    arrives(&far, "urn:home:0001").await;
    for world in [home, near, far] {
        world.stop().await;
    }
}

/// Publishes a record for these eyes only.
async fn publish_as(world: &World, handle: &str, visibility: &str) {
    let document = record(handle, "https://a.example/card.json", "https://a.example", &key());
    let path = format!("/v1/records?visibility={visibility}");
    assert_eq!(world.call(Method::POST, &path, &document).await.status(), 201);
}

/// The handles on a page, and where the next begins.
async fn offered(world: &World, path: &str) -> (Vec<String>, serde_json::Value) {
    let page = json(&world.get(&format!("/v1/federation/{path}")).await);
    let entries = page["entries"].as_array().unwrap().iter();
    let handles = entries.map(|it| it["handle"].as_str().unwrap().to_owned());
    (handles.collect(), page["nextAfter"].clone())
}

#[tokio::test]
async fn what_is_not_for_everybody_at_home_is_offered_to_nobody() {
    let (home, here) = (World::start().await, World::outbound(|_| {}).await);
    for visibility in ["private", "federated", "redacted"] {
        publish_as(&home, &format!("urn:{visibility}:0001"), visibility).await;
    }
    publish(&home, "urn:zopen:0001").await;
    publish(&home, "urn:zopen:0002").await;
    agree(&here, "home", &origin(&home), |_| {}).await;
    arrives(&here, "urn:zopen:0001").await;
    let open = ["urn:zopen:0001", "urn:zopen:0002"].map(str::to_owned);
    assert_eq!(offered(&home, "entries").await.0, open);
    assert_eq!(offered(&home, "changes").await.0, open);
    // No page ends at what is hidden; a redacted entry's name is no secret.
    let first = offered(&home, "entries?limit=1").await;
    assert_eq!(first, (Vec::new(), "urn:redacted:0001".into()));

    // What is hidden is gone to others, also if it changes again before they come.
    publish_as(&home, "urn:zopen:0001", "private").await;
    publish_as(&home, "urn:zopen:0001", "private").await;
    eventually("the withdrawal", || async {
        read(&here, "urn:zopen:0001").await.is_none().then_some(())
    })
    .await;
    for visibility in ["private", "federated", "redacted"] {
        assert_eq!(read(&here, &format!("urn:{visibility}:0001")).await, None);
    }
    home.stop().await;
    here.stop().await;
}

#[tokio::test]
async fn entries_are_taken_with_their_proofs_from_the_agreed_log() {
    let (home, here) = (World::start().await, World::outbound(|_| {}).await);
    publish(&home, "urn:home:0001").await;
    let key = crate::log::policy().log.to_string();
    agree(&here, "home", &origin(&home), |terms| terms.log_key.clone_from(&key)).await;
    arrives(&here, "urn:home:0001").await;
    for number in 2..9 {
        publish(&home, &format!("urn:home:000{number}")).await;
    }
    arrives(&here, "urn:home:0008").await;
    let shown = eventually("the log", || async {
        Some(partner(&here, "home").await).filter(|it| it.log_size >= 8)
    })
    .await;
    assert_eq!((&*shown.state, &shown.log_key), ("active", &key));
    home.stop().await;
    here.stop().await;
}

#[tokio::test]
async fn a_partner_is_no_way_around_the_admission() {
    let (home, here) = (
        World::start().await,
        World::outbound(|config| config.admission.handle_prefixes = vec!["urn:ok:".to_owned()])
            .await,
    );
    publish(&home, "urn:no:00001").await;
    publish(&home, "urn:ok:00001").await;
    agree(&here, "home", &origin(&home), |_| {}).await;
    arrives(&here, "urn:ok:00001").await;
    assert_eq!(read(&here, "urn:no:00001").await, None);
    home.stop().await;
    here.stop().await;
}

#[tokio::test]
async fn a_pilox_registry_is_pulled_by_its_signed_catalog() {
    let names = ["valid_hive", "valid_pilox"];
    let records: Vec<(String, Vec<u8>)> = names
        .map(|name| {
            let record = vectors()["records"][name]["record"].clone();
            let handle = record["handle"].as_str().unwrap().to_owned();
            (handle, serde_json::to_vec_pretty(&record).unwrap())
        })
        .to_vec();
    let key = vector_key("catalog");
    let public = key.public().to_hex();
    let served = records.clone();
    let site = Site::start(move |_, path| {
        if path == "/v1/records" {
            let handles: Vec<&str> = served.iter().map(|(handle, _)| handle.as_str()).collect();
            return (200, catalog(&handles, now(), &key).to_string().into_bytes());
        }
        let found = served.iter().find(|(it, _)| path == format!("/v1/records/{}", segment(it)));
        found.map_or((404, Vec::new()), |(_, document)| (200, document.clone()))
    })
    .await;
    let here = World::outbound(|_| {}).await;
    agree(&here, "hive", &site.origin(), |terms| {
        (terms.kind, terms.catalog_key) = ("pilox".to_owned(), public);
    })
    .await;
    for (handle, document) in &records {
        let record = arrives(&here, handle).await;
        assert_eq!(record.document[..], document[..]);
        assert_eq!(record.provenance.unwrap().home, site.origin());
    }
    here.stop().await;
}

#[tokio::test]
async fn partners_are_the_operators_and_their_terms_are_checked() {
    let world = World::start().await;
    let put = |change: fn(&mut wire::PutPartnerRequest)| {
        let mut request = wire::PutPartnerRequest {
            name: "home".to_owned(),
            url: "https://registry.example.org".to_owned(),
            ..Default::default()
        };
        change(&mut request);
        request
    };
    let mut partners = world.partners();
    refused("nobody", partners.put_partner(put(|_| {})).await, "unauthenticated");
    let list = partners.list_partners(wire::ListPartnersRequest {}).await;
    refused("nobody's list", list, "unauthenticated");
    for (says, request) in [
        ("a bad name", put(|it| it.name = "Not A Name".to_owned())),
        ("the default namespace", put(|it| it.name = "default".to_owned())),
        ("a path", put(|it| it.url = "https://a.example/x".to_owned())),
        ("a kind", put(|it| it.kind = "gopher".to_owned())),
        ("no key", put(|it| it.kind = "pilox".to_owned())),
        ("a bad key", put(|it| it.catalog_key = "00".to_owned())),
        ("a log", put(|it| it.log_key = "log+x+y".to_owned())),
        (
            "a log of Pilox",
            put(|it| {
                (it.kind, it.catalog_key) = ("pilox".to_owned(), key().public().to_hex());
                it.log_key = crate::log::policy().log.to_string();
            }),
        ),
    ] {
        refused(says, partners.put_partner(by(OPERATOR, request)).await, "invalid-argument");
    }
    let far = partners.put_partner(by(OPERATOR, put(|it| it.hops = 9))).await.unwrap_err();
    assert_eq!(code(&far), "bound-reached");
    let absent = wire::GetPartnerRequest { name: "home".to_owned() };
    refused("absent", partners.get_partner(by(OPERATOR, absent)).await, "not-found");
    world.stop().await;
}

#[tokio::test]
async fn one_entry_never_stops_a_pull_it_is_passed_over_counted_and_named() {
    let handles = [
        "my agent 42",
        "acme01/../x01",
        "acme01/translator",
        "urn:b:bad00001",
        "urn:b:fail0001",
        "urn:z:last0001",
    ];
    let pilox = Site::start(move |_, path| {
        let of = |handle: &str| {
            record(handle, "https://a.example/card.json", "https://a.example", &key())
        };
        match path {
            "/v1/records" => (200, catalog(&handles, now(), &key()).to_string().into_bytes()),
            "/v1/records/acme01%2Ftranslator" => (200, of("acme01/translator")),
            "/v1/records/urn%3Ab%3Abad00001" => (400, Vec::new()),
            "/v1/records/urn%3Ab%3Afail0001" => (500, Vec::new()),
            "/v1/records/urn%3Az%3Alast0001" => (200, of("urn:z:last0001")),
            _ => (404, Vec::new()),
        }
    })
    .await;
    let here = World::outbound(|_| {}).await;
    agree(&here, "odd", &pilox.origin(), |terms| {
        (terms.kind, terms.catalog_key) = ("pilox".to_owned(), key().public().to_hex());
    })
    .await;
    arrives(&here, "acme01/translator").await;
    arrives(&here, "urn:z:last0001").await;
    let shown = eventually("the end of the look", || async {
        let shown = partner(&here, "odd").await;
        (shown.passed_over > 0).then_some(shown)
    })
    .await;
    assert_eq!((&*shown.state, shown.passed_over, shown.imported), ("active", 4, 2));
    let named = shown.passed_over_named.join("\n");
    for (name, why) in [
        ("record my agent 42: ", "0x20 at 2"),
        ("record acme01/../x01: ", "dot segment"),
        ("record urn:b:bad00001: ", "400"),
        ("record urn:b:fail0001: ", "500"),
    ] {
        let line = named.lines().find(|line| line.starts_with(name)).unwrap_or_default();
        assert!(line.contains(why), "{name}: {named}");
    }
    let figures = here.get("/v1/metrics").await;
    let text = String::from_utf8_lossy(figures.body()).into_owned();
    assert!(text.contains("\necumene_registry_partner_entries_passed_over 4\n"), "{text}");
    here.stop().await;
}

#[tokio::test]
async fn an_entry_of_another_registry_that_breaks_our_rules_stops_none_of_its_others() {
    let digest = proto_types::Digest::of;
    let good = record("urn:z:last0001", "https://a.example/card.json", "https://a.example", &key());
    let served = good.clone();
    let ecumene = Site::start(move |_, path| {
        let line = |handle: &str, namespace: &str| {
            serde_json::json!({
                "kind": "record", "handle": handle, "digest": digest(&served).to_string(),
                "revision": 3, "namespace": namespace, "owner": null,
            })
        };
        let entries = [
            line("my agent 42", "default"),
            line("urn:a:oddspace", "No Namespace"),
            line("urn:z:last0001", "default"),
        ];
        let page = |entries: &[serde_json::Value]| {
            serde_json::json!({
                "entries": entries, "head": 3, "next": 3, "nextAfter": "",
            })
        };
        match path {
            "/v1/records/urn%3Az%3Alast0001" => (200, served.clone()),
            _ if path.contains("kind=record") => (200, page(&entries).to_string().into_bytes()),
            _ if path.contains("since=3") => (200, page(&entries[..1]).to_string().into_bytes()),
            _ => (200, page(&[]).to_string().into_bytes()),
        }
    })
    .await;
    let here = World::outbound(|_| {}).await;
    agree(&here, "odd", &ecumene.origin(), |_| {}).await;
    assert_eq!(arrives(&here, "urn:z:last0001").await.document[..], good[..]);
    let shown = eventually("the end of the look", || async {
        let shown = partner(&here, "odd").await;
        (shown.cursor == 3).then_some(shown)
    })
    .await;
    assert_eq!((&*shown.state, shown.passed_over), ("active", 2), "{shown:?}");
    here.stop().await;
}

#[tokio::test]
async fn whatever_can_be_published_reaches_a_partner() {
    let (home, here) = (World::start().await, World::outbound(|_| {}).await);
    let handles = ["acme01/translator", "a%2fb%25c", "what?is#this;now", "https://a.example/x//y/"];
    for handle in handles {
        publish(&home, handle).await;
    }
    agree(&here, "home", &origin(&home), |_| {}).await;
    for handle in handles {
        arrives(&here, handle).await;
    }
    assert_eq!(partner(&here, "home").await.passed_over, 0);
    home.stop().await;
    here.stop().await;
}
