//! The members of a record that only people and shops read.
//!
//! Decides whether they obey the schema. Must never give them a meaning: they are checked and kept.

use crate::schema::text::is_hex;
use crate::schema::{Object, Problem, Spot};
use crate::time::WallMs;

/// Notes the faults of `pricing`, `buyerInputs` and `publishAttestation`.
pub(super) fn check(record: &Object<'_, '_>) {
    record.optional("pricing", pricing);
    record.optional("buyerInputs", |spot| spot.list((0, 64), buyer_input));
    record.optional("publishAttestation", attestation);
}

/// So many hexadecimal digits of either case.
pub(super) fn hex(spot: Spot<'_, '_>, digits: usize) -> Option<String> {
    let text = spot.text_of(digits, digits)?;
    spot.parsed("hexadecimal", |text| is_hex(text, digits).then_some(()))?;
    Some(text.to_owned())
}

fn pricing(spot: Spot<'_, '_>) -> Option<()> {
    let known = ["currency", "label", "inputTokensPerMillion", "outputTokensPerMillion", "notes"];
    let pricing = spot.closed_object(&known)?;
    pricing.optional("currency", |spot| spot.text_of(0, 16));
    pricing.optional("label", |spot| spot.text_of(0, 512));
    pricing.optional("notes", |spot| spot.text_of(0, 4_000));
    pricing.optional("inputTokensPerMillion", price);
    pricing.optional("outputTokensPerMillion", price);
    Some(())
}

fn price(spot: Spot<'_, '_>) -> Option<()> {
    match spot.value.as_f64() {
        None => spot.fault(Problem::Type("a number")),
        Some(price) if price < 0.0 => spot.fault(Problem::Value("at least 0")),
        Some(_) => Some(()),
    }
}

fn buyer_input(spot: Spot<'_, '_>) -> Option<()> {
    let known = ["id", "label", "key", "kind", "description", "required", "example", "options"];
    let input = spot.closed_object(&known)?;
    input.required("id", |spot| spot.text_of(1, 128));
    input.required("label", |spot| spot.text_of(1, 255));
    input.required("kind", |spot| {
        spot.parsed("env, secret, url, text or choice", |text| {
            ["env", "secret", "url", "text", "choice"].contains(&text).then_some(())
        })
    });
    input.optional("key", variable);
    input.optional("description", |spot| spot.text_of(0, 4_096));
    input.optional("required", Spot::boolean);
    input.optional("example", |spot| spot.text_of(0, 2_048));
    input.optional("options", |spot| spot.list((0, 32), choice));
    Some(())
}

/// `^[A-Za-z_][A-Za-z0-9_]*$`
fn variable(spot: Spot<'_, '_>) -> Option<()> {
    spot.text_of(0, 128)?;
    spot.parsed("the name of an environment variable", |text| {
        let starts_well = text.bytes().next().is_some_and(|byte| !byte.is_ascii_digit());
        let goes_on = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        (starts_well && goes_on).then_some(())
    })
}

fn choice(spot: Spot<'_, '_>) -> Option<()> {
    let choice = spot.closed_object(&["value", "label"])?;
    choice.required("value", |spot| spot.text_of(0, 512));
    choice.optional("label", |spot| spot.text_of(0, 512));
    Some(())
}

fn attestation(spot: Spot<'_, '_>) -> Option<()> {
    let known = ["confirmedAt", "confirmedBuyerConfiguration", "toolingVersion", "hmacSha256Hex"];
    let attestation = spot.closed_object(&known)?;
    attestation.required("confirmedAt", |spot| {
        spot.parsed("an RFC 3339 time", |text| WallMs::parse_rfc3339(text).ok())
    });
    attestation.required("confirmedBuyerConfiguration", |spot| match spot.boolean()? {
        true => Some(()),
        false => spot.fault(Problem::Value("true")),
    });
    attestation.optional("toolingVersion", |spot| spot.text_of(0, 64));
    attestation.optional("hmacSha256Hex", |spot| hex(spot, 64));
    Some(())
}
