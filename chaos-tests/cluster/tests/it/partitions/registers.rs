//! Handles as registers. A card is put whatever is there; a record where the version before it is.
//! It must never repeat a call: the caller must know of each whether it was answered.

use std::time::Duration;

use chaos_cluster::clients::Operator;
use chaos_cluster::documents;
use chaos_cluster::labels::Age;
use chaos_cluster::linear::Value;
use chaos_cluster::peer::Peer;
use proto_types::WallMs;
use proto_wire::registry::v1 as wire;
use tonic::metadata::MetadataMap;
use tonic::{Response, Status};

/// Few, so that clients meet at each.
pub(crate) const CARDS: usize = 3;

/// Cards first, then records.
pub(crate) const KEYS: usize = 6;

/// What a member says that a register holds.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    pub(crate) value: Value,
    /// The revision that put it there.
    pub(crate) since: u64,
    pub(crate) digest: String,
    /// Of the state that answers.
    pub(crate) revision: u64,
    pub(crate) age: Age,
}

/// Who writes records, and the time of value 0: a record of a later value has to have a later time.
pub(crate) struct Author {
    pub(crate) peer: Peer,
    pub(crate) epoch_ms: u64,
}

pub(crate) async fn put(
    operator: &Operator,
    author: &Author,
    key: usize,
    (value, if_match): (Value, String),
) -> Result<Found, Status> {
    let mut directory = operator.directory.clone();
    let unmade = |cause: anyhow::Error| Status::internal(cause.to_string());
    if key < CARDS {
        let document = documents::plain_card(&author.peer, &value.to_string()).into();
        let request = wire::PutCardRequest { handle: handle(key), document, ..Default::default() };
        return card(directory.put_card(request).await?, false);
    }
    let time = WallMs(author.epoch_ms + value);
    let document = documents::record(&author.peer, &handle(key), time).map_err(unmade)?;
    let request =
        wire::PutRecordRequest { document: document.into(), if_match, ..Default::default() };
    record(directory.put_record(request).await?, author.epoch_ms, false)
}

/// What is there; `strong` or from this member as it is.
pub(crate) async fn read(
    operator: &Operator,
    author: &Author,
    key: usize,
    strong: bool,
) -> Result<Found, Status> {
    let mut directory = operator.directory.clone();
    let (handle, consistency) = (handle(key), i32::from(strong));
    if key < CARDS {
        let request = wire::GetCardRequest { handle, consistency };
        return card(directory.get_card(request).await?, strong);
    }
    let request = wire::GetRecordRequest { handle, consistency };
    record(directory.get_record(request).await?, author.epoch_ms, strong)
}

fn handle(key: usize) -> String {
    format!("urn:test:register:{key}")
}

fn card(answer: Response<wire::Card>, strong: bool) -> Result<Found, Status> {
    let (revision, age) = label(answer.metadata(), strong)?;
    let card = answer.into_inner();
    let document: serde_json::Value = serde_json::from_slice(&card.document).unwrap_or_default();
    let value = document["version"].as_str().and_then(|text| text.parse().ok());
    let value = value.ok_or_else(|| Status::data_loss("a card without its value"))?;
    Ok(Found { value, since: card.revision, digest: card.digest, revision, age })
}

fn record(answer: Response<wire::Record>, epoch_ms: u64, strong: bool) -> Result<Found, Status> {
    let (revision, age) = label(answer.metadata(), strong)?;
    let record = answer.into_inner();
    let value = record.updated_at_ms.saturating_sub(epoch_ms);
    Ok(Found { value, since: record.revision, digest: record.digest, revision, age })
}

/// The revision of the state that answered, and how old it may be.
pub(crate) fn label(metadata: &MetadataMap, strong: bool) -> Result<(u64, Age), Status> {
    let number = |name| metadata.get(name)?.to_str().ok()?.parse::<u64>().ok();
    let revision = number("ecumene-revision");
    let revision = revision.ok_or_else(|| Status::data_loss("an answer without its revision"))?;
    let age = match number("ecumene-age-ms") {
        _ if strong => Age::Strong,
        Some(age_ms) => Age::AtMost(Duration::from_millis(age_ms)),
        None => Age::Unknown,
    };
    Ok((revision, age))
}
