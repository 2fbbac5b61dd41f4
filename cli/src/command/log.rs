//! `log checkpoint|proof|tail|verify`: the registry's word, checked.
//! It decides what is printed; it must never write the saved checkpoint unless everything held.

mod source;
mod verify;

use std::path::PathBuf;

use proto_types::base64url;
use proto_types::tlog::{self, Checkpoint, Inclusion, Note, Policy, TilePath};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::args::{LogVerb, TrustArgs};
use crate::client::Profile;
use crate::failure::Failure;
use crate::output::Output;

use self::source::{Kind, Named, Source};

pub(crate) async fn run(profile: &Profile, verb: LogVerb) -> Result<Output, Failure> {
    let registry = || Source::Registry(profile.clone());
    match verb {
        LogVerb::Checkpoint => {
            let bytes = registry().checkpoint().await?;
            let note = Note::parse(&bytes).map_err(Failure::internal)?;
            let text = note.to_string();
            let rows = text.lines().map(|line| vec![line.to_owned()]).collect();
            Ok(Output { heads: &[], rows, json: json!({ "note": text }) })
        }
        LogVerb::Proof { handle, card, trust } => {
            let kind = if card { Kind::Card } else { Kind::Record };
            proof(profile, &Named { kind, handle }, &policy(&trust)?).await
        }
        LogVerb::Tail { count, trust } => tail(&registry(), count, &policy(&trust)?).await,
        LogVerb::Verify { trust, checkpoint, entries, handle, card, source } => {
            let record = handle.map(|handle| Named { kind: Kind::Record, handle });
            let card = card.map(|handle| Named { kind: Kind::Card, handle });
            let included = record.into_iter().chain(card).collect();
            let checks =
                verify::Checks { policy: policy(&trust)?, saved: checkpoint, entries, included };
            verify::run(&Source::parse(&source, profile), &checks).await
        }
    }
}

/// Whom the caller trusts.
fn policy(trust: &TrustArgs) -> Result<Policy, Failure> {
    let witnesses = trust.witnesses.clone();
    let quorum = trust.quorum.unwrap_or(witnesses.len());
    if quorum > witnesses.len() {
        return Err(Failure::usage("--quorum asks for more witnesses than there are"));
    }
    Ok(Policy { log: trust.key.clone(), witnesses, quorum })
}

/// A proof as a read brings it along.
#[derive(Deserialize)]
struct Proven {
    inclusion: Inclusion,
    checkpoint: String,
}

/// Fetches an entry with its proof: what the log says of it, and the checkpoint that shows it.
async fn proven(
    profile: &Profile,
    named: &Named,
    policy: &Policy,
) -> Result<(Inclusion, Checkpoint), Failure> {
    let (document, header) = source::document(profile, named).await?;
    let unread = |why: &dyn std::fmt::Display| Failure::internal(format!("the proof: {why}"));
    let bytes = base64url::decode(&header).map_err(|why| unread(&why))?;
    let Proven { inclusion, checkpoint } =
        serde_json::from_slice(&bytes).map_err(|why| unread(&why))?;
    let (_, checkpoint) = policy.check(checkpoint.as_bytes()).map_err(Failure::internal)?;
    inclusion.verify(checkpoint.head()).map_err(|why| unread(&why))?;
    let fact = &inclusion.fact;
    let about = fact.kind == named.kind.word() && fact.id == named.handle;
    if !about || fact.digest != Some(proto_types::Digest::of(&document)) {
        return Err(Failure::internal("the proof is of another document than the one served"));
    }
    Ok((inclusion, checkpoint))
}

async fn proof(profile: &Profile, named: &Named, policy: &Policy) -> Result<Output, Failure> {
    let (inclusion, checkpoint) = proven(profile, named, policy).await?;
    Ok(Output::one(json!({
        "kind": named.kind.word(),
        "handle": named.handle,
        "index": inclusion.index,
        "size": checkpoint.size,
        "root": checkpoint.root.to_string(),
        "digest": inclusion.fact.digest.map(|digest| digest.to_string()),
        "revision": inclusion.fact.revision,
        "verified": true,
    })))
}

async fn tail(source: &Source, count: u64, policy: &Policy) -> Result<Output, Failure> {
    let bytes = source.checkpoint().await?;
    let (_, head) = policy.check(&bytes).map_err(Failure::internal)?;
    let from = head.size.saturating_sub(count.min(tlog::TILE_WIDTH * 16));
    let (mut rows, mut found) = (Vec::new(), Vec::<Value>::new());
    let mut at = from;
    while at < head.size {
        let whole = TilePath::of(0, at, head.size).expect("at is below the size");
        let path = TilePath { level: None, ..whole };
        let bundle = source.tile(&path).await?;
        let entries = tlog::entries(&bundle).map_err(Failure::internal)?;
        for entry in entries.iter().skip((at % tlog::TILE_WIDTH) as usize) {
            let hash = tlog::leaf_hash(entry).to_string();
            let what = match tlog::audited(entry) {
                Some((lines, head)) => format!("audit: {lines} lines, the last {head}"),
                None => "fact, blinded".to_owned(),
            };
            rows.push(vec![at.to_string(), hash.clone(), what.clone()]);
            found.push(json!({ "index": at, "hash": hash, "what": what }));
            at += 1;
        }
    }
    Ok(Output { heads: &["index", "leaf hash", "what"], rows, json: Value::Array(found) })
}

/// A file beside another that does not exist yet.
fn beside(path: &std::path::Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}
