//! What documents cost: one signature, one card, one token. Every figure of a role stands on these, so a bench must never
//! leave out a check that the roles do.
#![expect(clippy::unwrap_used, reason = "a benchmark")]

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use proto_types::token::{Claims, Unverified, mint};
use proto_types::{Jti, Origin, SecretKey, WallMs, json};
use serde_json::Value;

const NOW: WallMs = WallMs::from_secs(1_800_000_000);
const VECTORS: &str = include_str!("../tests/vectors/a2a-card-jws.json");
/// The size of the card that earlier measurements, of which targets were made, used.
const CARD_BYTES: usize = 2_850;

fn signature(c: &mut Criterion) {
    let secret = SecretKey::from_seed(&[7; 32]);
    let (public, message) = (secret.public(), [b'm'; 300]);
    let signed = secret.sign(&message);
    c.bench_function("verify_strict over 300 B", |b| {
        b.iter(|| public.verify(black_box(&message), &signed).unwrap());
    });
    c.bench_function("sign 300 B", |b| b.iter(|| secret.sign(black_box(&message))));
}

/// The first card of the vectors, its skill repeated until it has the size.
fn card() -> Vec<u8> {
    let vectors: Value = serde_json::from_str(VECTORS).unwrap();
    let mut card = vectors["vectors"][0]["input"].clone();
    let skill = card["skills"][0].clone();
    for number in 1.. {
        let bytes = serde_json::to_vec(&card).unwrap();
        if bytes.len() >= CARD_BYTES {
            return bytes;
        }
        let mut next = skill.clone();
        next["id"] = format!("s{number}").into();
        card["skills"].as_array_mut().unwrap().push(next);
    }
    unreachable!("each round adds bytes")
}

fn canonical(c: &mut Criterion) {
    let card = card();
    let mut group = c.benchmark_group(format!("a card of {} B", card.len()));
    group.throughput(Throughput::Bytes(card.len() as u64));
    group.bench_function("strict parse", |b| b.iter(|| json::parse(black_box(&card)).unwrap()));
    group.bench_function("strict parse and canonical form", |b| {
        b.iter(|| json::canonical(&json::parse(black_box(&card)).unwrap()));
    });
    group.finish();
}

fn token(c: &mut Criterion) {
    let secret = SecretKey::from_seed(&[7; 32]);
    let public = secret.public();
    let origin = |text| Origin::parse(text).unwrap();
    let (iss, aud) = (origin("https://a.example"), origin("https://b.example"));
    let jti = Jti::parse("9b2f3c1e-7d9a-4d5e-8f00-0123456789ab").unwrap();
    let text = mint(&Claims::plain(iss, aud.clone(), jti, NOW.secs(), 300), None, &secret);
    c.bench_function("parse a token", |b| b.iter(|| Unverified::parse(black_box(&text)).unwrap()));
    c.bench_function("parse, verify and check a token", |b| {
        b.iter(|| {
            let claims = Unverified::parse(black_box(&text)).unwrap().verify(&public).unwrap();
            claims.check(&aud, NOW).unwrap();
            claims
        });
    });
}

criterion_group!(documents, signature, canonical, token);
criterion_main!(documents);
