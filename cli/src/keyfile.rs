//! Key files: a private JWK (RFC 8037; for ES256, RFC 7518), mode 0600. It decides their shape; it must never replace a
//! file or print the private half.

mod es256;

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use proto_types::key::Signer;
use proto_types::{Kid, SecretKey, base64url};
use serde::{Deserialize, Serialize};

use crate::failure::Failure;

use self::es256::{Es256, Parts};

/// A named signing key.
pub(crate) struct NamedKey {
    /// Its name.
    pub(crate) kid: Kid,
    /// The key.
    pub(crate) secret: SecretKey,
}

/// A named key that signs cards, of either algorithm.
pub(crate) struct CardKey {
    /// Its name.
    pub(crate) kid: Kid,
    /// The key.
    pub(crate) signer: Box<dyn Signer>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Jwk {
    kty: String,
    crv: String,
    kid: Kid,
    x: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    y: Option<String>,
    d: String,
}

impl NamedKey {
    /// Under its name, as documents are signed.
    pub(crate) fn named(&self) -> (Kid, &dyn Signer) {
        (self.kid.clone(), &self.secret)
    }
}

impl CardKey {
    /// Under its name, as documents are signed.
    pub(crate) fn named(&self) -> (Kid, &dyn Signer) {
        (self.kid.clone(), self.signer.as_ref())
    }
}

/// Makes a fresh Ed25519 key and writes it to a new file.
pub(crate) fn create(path: &Path, kid: Kid) -> Result<NamedKey, Failure> {
    let seed: [u8; 32] = rand::random();
    let secret = SecretKey::from_seed(&seed);
    let jwk = Jwk {
        kty: "OKP".to_owned(),
        crv: "Ed25519".to_owned(),
        kid: kid.clone(),
        x: base64url::encode(secret.public().as_bytes()),
        y: None,
        d: base64url::encode(&seed),
    };
    write(path, &jwk)?;
    Ok(NamedKey { kid, secret })
}

/// Makes a fresh key for ES256 and writes it to a new file.
pub(crate) fn create_es256(path: &Path, kid: Kid) -> Result<CardKey, Failure> {
    let parts = Es256::draw().map_err(Failure::internal)?;
    let signer = Box::new(Es256::read(&parts).map_err(Failure::internal)?);
    let Parts { x, y, d } = parts;
    let (kty, crv, y) = ("EC".to_owned(), "P-256".to_owned(), Some(y));
    write(path, &Jwk { kty, crv, kid: kid.clone(), x, y, d })?;
    Ok(CardKey { kid, signer })
}

/// Reads the file of an Ed25519 key; its permissions and both halves are checked.
pub(crate) fn read(path: &Path) -> Result<NamedKey, Failure> {
    let jwk = load(path)?;
    let secret = ed25519(&jwk).map_err(|why| wrong(path, &why))?;
    Ok(NamedKey { kid: jwk.kid, secret })
}

/// Reads the file of a key of either algorithm, with the same checks.
pub(crate) fn read_card(path: &Path) -> Result<CardKey, Failure> {
    let mut jwk = load(path)?;
    let signer: Result<Box<dyn Signer>, String> = match (jwk.kty.as_str(), jwk.y.take()) {
        ("EC", Some(y)) if jwk.crv == "P-256" => {
            let (x, d) = (jwk.x.clone(), jwk.d.clone());
            Es256::read(&Parts { x, y, d }).map(|key| Box::new(key) as Box<dyn Signer>)
        }
        _ => ed25519(&jwk).map(|key| Box::new(key) as Box<dyn Signer>),
    };
    Ok(CardKey { kid: jwk.kid, signer: signer.map_err(|why| wrong(path, &why))? })
}

fn load(path: &Path) -> Result<Jwk, Failure> {
    let text = deploy_service::secret::read(path).map_err(|error| wrong(path, &error))?;
    serde_json::from_str(text.expose()).map_err(|error| wrong(path, &error))
}

fn write(path: &Path, jwk: &Jwk) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(jwk).map_err(Failure::internal)?;
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    let mut file = file.map_err(|error| Failure::usage(format!("{}: {error}", path.display())))?;
    writeln!(file, "{text}")?;
    Ok(())
}

fn ed25519(jwk: &Jwk) -> Result<SecretKey, String> {
    let Jwk { kty, crv, .. } = jwk;
    if kty != "OKP" || crv != "Ed25519" {
        let why = "one of P-256 signs cards alone (card sign, peer delegate --card-key)";
        return Err(format!("{kty} {crv} is not an Ed25519 key; {why}"));
    }
    let seed = base64url::decode(&jwk.d).map_err(|error| format!("d: {error}"))?;
    let seed: [u8; 32] = seed.try_into().map_err(|_| "d: expected 32 bytes".to_owned())?;
    let secret = SecretKey::from_seed(&seed);
    if base64url::encode(secret.public().as_bytes()) != jwk.x {
        return Err("x is not the public half of d".to_owned());
    }
    Ok(secret)
}

fn wrong(path: &Path, why: &dyn std::fmt::Display) -> Failure {
    Failure::usage(format!("key file {}: {why}", path.display()))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn k1() -> Kid {
        Kid::parse("k1").unwrap()
    }

    #[test]
    fn a_key_file_is_read_back_never_replaced_and_refused_when_others_can_read_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key.json");
        let made = create(&path, k1()).unwrap();
        assert_eq!(read(&path).unwrap().secret.public(), made.secret.public());
        assert_eq!(create(&path, k1()).err().unwrap().exit_code(), 2);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        assert_eq!(read(&path).err().unwrap().exit_code(), 2);
    }

    #[test]
    fn a_key_for_es256_is_made_and_read_back_and_signs_cards_alone() {
        let folder = tempfile::tempdir().unwrap();
        let (path, other) = (folder.path().join("es.json"), folder.path().join("other.json"));
        let made = create_es256(&path, k1()).unwrap();
        let (kid, signer) = made.named();
        let read_back = read_card(&path).unwrap();
        assert_eq!((read_back.kid, read_back.signer.public()), (kid, signer.public()));
        let signature = read_back.signer.sign(b"card");
        assert_eq!(signer.public().verify(b"card", &signature), Ok(()));
        let refused = read(&path).err().unwrap().to_string();
        assert!(refused.contains("signs cards alone"), "{refused}");
        // The secret of one key and the point of another.
        create_es256(&other, k1()).unwrap();
        let jwk = |path: &Path| -> Jwk {
            serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
        };
        let mixed = Jwk { d: jwk(&other).d, ..jwk(&path) };
        std::fs::write(&path, serde_json::to_string(&mixed).unwrap()).unwrap();
        assert!(read_card(&path).err().unwrap().to_string().contains("public half"));
        let plain = folder.path().join("plain.json");
        let signing = create(&plain, k1()).unwrap();
        let read_back = read_card(&plain).unwrap();
        assert_eq!(read_back.signer.public(), signing.named().1.public());
    }

    #[test]
    fn a_key_whose_halves_differ_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let (one, two) = (folder.path().join("1"), folder.path().join("2"));
        let (a, b) = (create(&one, k1()).unwrap(), create(&two, k1()).unwrap());
        let encode = |key: &NamedKey| base64url::encode(key.secret.public().as_bytes());
        let text = std::fs::read_to_string(&one).unwrap().replace(&encode(&a), &encode(&b));
        std::fs::write(&one, text).unwrap();
        assert!(read(&one).err().unwrap().to_string().contains("public half"));
    }
}
