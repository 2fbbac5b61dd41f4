//! `audit export|verify|truncate`.
//! It decides whether exported lines are a chain; for that it must never ask the registry.

use std::path::Path;

use http::Method;
use proto_types::Digest;
use proto_types::audit::{AuditLine, Broken, start};
use proto_types::tlog::{Checkpoint, NoteKey, Policy};
use serde_json::json;

use crate::args::AuditVerb;
use crate::client::Profile;
use crate::failure::Failure;
use crate::http_call::{Call, ask};
use crate::output::Output;

pub(crate) async fn run(profile: &Profile, verb: AuditVerb) -> Result<Option<Output>, Failure> {
    match verb {
        AuditVerb::Export { after } => export(profile, after.as_deref()).await.map(|()| None),
        AuditVerb::Verify { file, checkpoint, key } => {
            let anchor = checkpoint.zip(key).map(|(path, key)| read(&path, key)).transpose()?;
            let text = document(&file)?;
            verify(&text, anchor.as_ref()).map(Some)
        }
        AuditVerb::Truncate { through } => {
            let body = json!({ "through": through }).to_string().into_bytes();
            call(profile, Method::POST, "/v1/audit/truncate", body).await?;
            Ok(Some(Output::one(json!({ "through": through }))))
        }
    }
}

/// Prints page after page, until one is empty.
async fn export(profile: &Profile, after: Option<&Path>) -> Result<(), Failure> {
    let mut has = after.map(|file| last(document(file)?.as_bytes())).transpose()?.flatten();
    loop {
        let page = call(profile, Method::GET, &path_after(has), Vec::new()).await?;
        let Some(newest) = last(&page)? else { return Ok(()) };
        has = Some(newest);
        super::print_raw(&page)?;
    }
}

/// Where lines after this one are. Its digest tells a registry that was restored whether it has that very line.
fn path_after(has: Option<(u64, Digest)>) -> String {
    has.map_or("/v1/audit".to_owned(), |(seq, digest)| {
        format!("/v1/audit?since={seq}&prev={digest}")
    })
}

/// The number and the digest of the last of these lines.
fn last(lines: &[u8]) -> Result<Option<(u64, Digest)>, Failure> {
    let line = lines.split(|byte| *byte == b'\n').rfind(|line| !line.is_empty());
    let no_line = |why: serde_json::Error| {
        Failure::internal(format!("the last line is none of an audit: {why}"))
    };
    let line: Option<AuditLine> = line.map(serde_json::from_slice).transpose().map_err(no_line)?;
    Ok(line.map(|line| (line.seq, line.digest())))
}

async fn call(
    profile: &Profile,
    method: Method,
    path: &str,
    body: Vec<u8>,
) -> Result<bytes::Bytes, Failure> {
    let token = profile.operator_token()?;
    let call = Call { method, url: path.to_owned(), bearer: token.as_deref(), body };
    Ok(ask(profile, call).await?.into_body())
}

/// Exports outgrow what a document may be.
fn document(path: &Path) -> Result<String, Failure> {
    let read = match path == Path::new("-") {
        true => std::io::read_to_string(std::io::stdin()),
        false => std::fs::read_to_string(path),
    };
    read.map_err(|why| Failure::usage(format!("{}: {why}", path.display())))
}

fn read(path: &Path, key: NoteKey) -> Result<Checkpoint, Failure> {
    let bytes = super::document(path)?;
    let checked = Policy::unwitnessed(key).check(&bytes);
    checked.map(|(_, head)| head).map_err(Failure::internal)
}

/// Lines as far as they were followed.
struct Chain {
    first: Option<u64>,
    before: (u64, Digest),
    /// The line that a checkpoint names, and whether it was met.
    anchor: Option<(u64, Digest)>,
    anchored: bool,
}

impl Chain {
    fn follow(&mut self, line: &AuditLine) -> Result<(), Broken> {
        // An export may begin later; then the first line's word about the one before is taken.
        if *self.first.get_or_insert(line.seq) == line.seq && line.seq > 1 {
            self.before = (line.seq - 1, line.prev);
        }
        line.continues((self.before.0, &self.before.1))?;
        let found = line.digest();
        self.before = (line.seq, found);
        if let Some((seq, published)) = self.anchor.filter(|(seq, _)| *seq == line.seq) {
            if found != published {
                return Err(Broken::Head { seq, published, found });
            }
            self.anchored = true;
        }
        Ok(())
    }
}

/// Checks line by line; the anchor is the checkpoint's word about one of the lines.
fn verify(text: &str, anchor: Option<&Checkpoint>) -> Result<Output, Failure> {
    let silent = || Failure::usage("the checkpoint says nothing of an audit");
    let anchor = anchor.map(|head| head.audit().ok_or_else(silent)).transpose()?;
    let mut chain = Chain { first: None, before: (0, start()), anchor, anchored: false };
    for (number, text) in text.lines().enumerate() {
        let at = |why: &dyn std::fmt::Display| {
            Failure::internal(format!("line {} of the file: {why}", number + 1))
        };
        let line: AuditLine = serde_json::from_str(text).map_err(|why| at(&why))?;
        chain.follow(&line).map_err(|why| at(&why))?;
    }
    if let Some((seq, _)) = anchor.filter(|_| !chain.anchored) {
        let why = format!("line {seq}, which the checkpoint names, is missing");
        return Err(Failure::internal(why));
    }
    Ok(Output::one(json!({
        "first": chain.first,
        "last": chain.before.0,
        "digest": chain.before.1.to_string(),
        "anchored": chain.anchored,
        "verified": true,
    })))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn lines(count: u64) -> Vec<AuditLine> {
        let mut lines: Vec<AuditLine> = Vec::new();
        for seq in 1..=count {
            let prev = lines.last().map_or(start(), AuditLine::digest);
            lines.push(AuditLine {
                action: "revoke-peer".into(),
                at_ms: seq,
                outcome: "done".into(),
                prev,
                request_id: String::new(),
                seq,
                target: "https://peer.example".into(),
                who: "operator".into(),
            });
        }
        lines
    }

    fn text(lines: &[AuditLine]) -> String {
        lines.iter().map(|line| serde_json::to_string(line).unwrap() + "\n").collect()
    }

    fn head(seq: u64, digest: &Digest) -> Checkpoint {
        Checkpoint::new("log.example", (0, Digest::of(b"")), 0).with_audit(seq, digest)
    }

    #[test]
    fn an_export_goes_on_after_its_last_line_by_number_and_digest() {
        let all = lines(3);
        let has = last(text(&all).as_bytes()).unwrap();
        assert_eq!(has, Some((3, all[2].digest())));
        assert_eq!(path_after(has), format!("/v1/audit?since=3&prev={}", all[2].digest()));
        assert_eq!(path_after(last(b"").unwrap()), "/v1/audit");
        assert!(last(b"{\"seq\":3").is_err(), "a line that is cut off");
    }

    #[test]
    fn an_export_is_a_chain_that_leads_to_its_anchor() {
        let all = lines(9);
        let anchor = head(7, &all[6].digest());
        assert_eq!(verify(&text(&all), Some(&anchor)).unwrap().json["anchored"], true);
        assert_eq!(verify(&text(&all[4..]), None).unwrap().json["first"], 5);
        assert_eq!(verify("", None).unwrap().json["last"], 0);
    }

    #[test]
    fn what_was_changed_taken_out_or_cut_off_is_named() {
        let all = lines(9);
        let mut changed = all.clone();
        changed[3].who = "nobody".into();
        let mut missing = all.clone();
        missing.remove(3);
        // Whoever makes the whole chain anew meets the anchor.
        let mut forged = lines(9);
        forged[8].who = "nobody".into();
        let anchor = head(9, &all[8].digest());
        for (lines, anchor, says) in [
            (&changed, None, "line 5 of the file: line 5 does not continue"),
            (&missing, None, "line 5 stands where line 4 should"),
            (&forged, Some(&anchor), "line 9 is not what was published"),
            (&all[..8].to_vec(), Some(&anchor), "line 9, which the checkpoint names, is missing"),
        ] {
            let Err(why) = verify(&text(lines), anchor) else { panic!("{says} is not found") };
            assert!(why.to_string().contains(says), "{why}");
        }
    }
}
