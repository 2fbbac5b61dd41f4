//! `envelope dead list|show|replay|drop`: what nobody tries to deliver any more, with the operator's eyes.

use proto_types::WallMs;
use proto_wire::registry::v1 as wire;
use proto_wire::{to_json, to_json_without};
use serde_json::{Value, json};

use crate::args::{DeadLetterArgs, DeadVerb, Format};
use crate::client::Profile;
use crate::failure::Failure;
use crate::output::{Output, printable};

use super::super::pages;

pub(super) async fn run(
    profile: &Profile,
    verb: DeadVerb,
    format: Format,
) -> Result<Output, Failure> {
    let mut fleet = profile.fleet()?;
    match verb {
        DeadVerb::List { target, limit, cursor } => {
            let request = wire::ListDeadLettersRequest { target, limit, cursor, consistency: 1 };
            let page = fleet.list_dead_letters(request).await?.into_inner();
            pages::say_more(&page.next, format);
            Ok(listed(&page))
        }
        DeadVerb::Show(args) => {
            let letter = fleet.get_dead_letter(name(args)).await?.into_inner();
            Ok(Output::one(to_json(&letter)))
        }
        DeadVerb::Replay(args) => {
            let done = fleet.replay_envelope(name(args)).await?.into_inner();
            Ok(Output::one(to_json(&done)))
        }
        DeadVerb::Drop(args) => {
            let done = fleet.drop_envelope(name(args)).await?.into_inner();
            Ok(Output::one(to_json(&done)))
        }
    }
}

fn name(args: DeadLetterArgs) -> wire::DeadLetterName {
    wire::DeadLetterName { source: args.source, id: args.id }
}

fn listed(page: &wire::DeadLetterList) -> Output {
    let row = |letter: &wire::DeadLetter| {
        let last = letter.attempts.last().map_or("", |attempt| attempt.reason.as_str());
        let since = WallMs(letter.dead_at_ms).to_rfc3339();
        let names = [&letter.source, &letter.id, &letter.target, &letter.cause];
        let names = names.into_iter().map(|name| printable(name));
        names.chain([letter.failures.to_string(), since, printable(last)]).collect()
    };
    let letters: Vec<Value> =
        page.letters.iter().map(|letter| to_json_without(letter, &["document"])).collect();
    Output {
        heads: &["source", "id", "target", "cause", "failures", "since", "last"],
        rows: page.letters.iter().map(row).collect(),
        json: json!({ "letters": letters, "next": page.next, "total": page.total }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_tells_why_the_last_attempt_failed_and_shows_no_documents() {
        let attempt =
            |reason: &str| wire::FailedAttempt { at_ms: 1, epoch: 1, reason: reason.to_owned() };
        let letter = wire::DeadLetter {
            id: "e\u{1b}".to_owned(),
            source: "https://a.example".to_owned(),
            target: "urn:b".to_owned(),
            cause: "attempts".to_owned(),
            failures: 2,
            dead_at_ms: 1_774_008_000_000,
            attempts: vec![attempt("first"), attempt("the receiver answered 500")],
            document: r#"{"a":1}"#.into(),
            ..Default::default()
        };
        let (letters, next) = (vec![letter], "c".to_owned());
        let output = listed(&wire::DeadLetterList { letters, next, total: 9 });
        let row = [
            "https://a.example",
            "e\\u{1b}",
            "urn:b",
            "attempts",
            "2",
            "2026-03-20T12:00:00.000Z",
            "the receiver answered 500",
        ];
        assert_eq!(output.rows, [row.map(str::to_owned).to_vec()]);
        let shown = &output.json["letters"][0];
        assert_eq!(
            (&shown["failures"], &shown["attempts"][0]["reason"]),
            (&json!(2), &json!("first"))
        );
        assert_eq!((shown.get("document"), &output.json["total"]), (None, &json!(9)));
    }
}
