//! `key new|show|api|token`.

mod api;

use proto_types::key::AnyKey;
use proto_types::{Kid, base64url};
use serde_json::json;

use crate::args::{Globals, KeyAlgorithm, KeyVerb};
use crate::client::Profile;
use crate::failure::Failure;
use crate::keyfile;
use crate::output::Output;

use super::token;

pub(crate) async fn run(globals: &Globals, verb: KeyVerb) -> Result<Output, Failure> {
    match verb {
        KeyVerb::New { out, kid, algorithm: KeyAlgorithm::Ed25519 } => {
            let key = keyfile::create(&out, kid)?;
            Ok(show(&key.kid, key.secret.public().into()))
        }
        KeyVerb::New { out, kid, algorithm: KeyAlgorithm::Es256 } => {
            let key = keyfile::create_es256(&out, kid)?;
            Ok(show(&key.kid, key.signer.public()))
        }
        KeyVerb::Show { key } => {
            let key = keyfile::read_card(&key)?;
            Ok(show(&key.kid, key.signer.public()))
        }
        KeyVerb::Api(args) => api::new(&args),
        KeyVerb::Token(args) => {
            let token = token::mint(&Profile::load(globals)?, &args).await?;
            Ok(Output {
                heads: &[],
                rows: vec![vec![token.clone()]],
                json: json!({ "token": token }),
            })
        }
    }
}

fn show(kid: &Kid, public: AnyKey) -> Output {
    let encode = base64url::encode;
    let jwk = match public {
        AnyKey::Ed25519(key) => {
            json!({ "kty": "OKP", "crv": "Ed25519", "kid": kid, "x": encode(key.as_bytes()) })
        }
        AnyKey::P256(key) => {
            let (x, y) = key.coordinates();
            json!({ "kty": "EC", "crv": "P-256", "kid": kid, "x": encode(&x), "y": encode(&y) })
        }
    };
    Output::one(json!({ "kid": kid, "publicKeyHex": public.to_hex(), "jwk": jwk }))
}
