//! What the pure part of one federated call costs: admitting a valid token, and one limit check. It must never include work
//! that the request path does elsewhere.
#![expect(clippy::unwrap_used, reason = "a benchmark")]

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use gateway_core::admit::{Config, admit};
use gateway_core::gcra::{Cell, Quota};
use gateway_core::{Credential, Key, Peer, Peers};
use proto_types::token::{Claims, Kind, Subject, mint};
use proto_types::{Jti, Kid, MonoUs, Origin, Revision, SecretKey, WallMs};

const NOW: WallMs = WallMs::from_secs(1_800_000_000);

fn origin(at: usize) -> Origin {
    Origin::parse(&format!("https://peer-{at}.example")).unwrap()
}

fn admission(c: &mut Criterion) {
    let secret = SecretKey::from_seed(&[7; 32]);
    let mut peers = Peers::default();
    for at in 0..1000 {
        let keys = vec![Key::new(Kid::parse("k1").unwrap(), secret.public())];
        peers.put(Peer::new(origin(at), true, keys, Revision(1)));
    }
    let claims = Claims {
        kind: Kind::Plain,
        iss: origin(500),
        sub: Subject::FederationPeer,
        jti: Jti::parse("9b2f3c1e-7d9a-4d5e-8f00-0123456789ab").unwrap(),
        iat: NOW.secs(),
        exp: NOW.secs() + 300,
        aud: origin(0),
        nbf: None,
        nonce: None,
        htm: None,
        htu: None,
        bd: None,
    };
    let token = mint(&claims, None, &secret);
    let config = Config { audience: origin(0), nonces: None };
    c.bench_function("admit a valid token among 1,000 peers", |b| {
        b.iter(|| {
            let header = [("x-pilox-federation-jwt", black_box(token.as_bytes()))];
            let credential = Credential::find(header.into_iter()).unwrap();
            admit(&peers, &config, credential, NOW).unwrap()
        });
    });
    let junk = token.replace('.', ".A");
    c.bench_function("deny a malformed token", |b| {
        b.iter(|| {
            let header = [("x-pilox-federation-jwt", black_box(junk.as_bytes()))];
            let credential = Credential::find(header.into_iter()).unwrap();
            admit(&peers, &config, credential, NOW).is_err()
        });
    });
}

fn limit(c: &mut Criterion) {
    let quota = Quota::new(1_000_000, 1_000_000).unwrap();
    let cell = Cell::default();
    let mut now = 0;
    c.bench_function("check one peer's limit", |b| {
        b.iter(|| {
            now += 1;
            cell.check(MonoUs(black_box(now)), quota)
        });
    });
}

criterion_group!(benches, admission, limit);
criterion_main!(benches);
