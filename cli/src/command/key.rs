//! `key new|show|token`.

use proto_types::base64url;
use serde_json::json;

use crate::args::{Globals, KeyVerb};
use crate::client::Profile;
use crate::failure::Failure;
use crate::keyfile::{self, NamedKey};
use crate::output::Output;

use super::token;

pub(crate) async fn run(globals: &Globals, verb: KeyVerb) -> Result<Output, Failure> {
    match verb {
        KeyVerb::New { out, kid } => Ok(show(&keyfile::create(&out, kid)?)),
        KeyVerb::Show { key } => Ok(show(&keyfile::read(&key)?)),
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

fn show(key: &NamedKey) -> Output {
    let public = key.secret.public();
    Output::one(json!({
        "kid": key.kid,
        "publicKeyHex": hex::encode(public.as_bytes()),
        "jwk": { "kty": "OKP", "crv": "Ed25519", "kid": key.kid, "x": base64url::encode(public.as_bytes()) },
    }))
}
