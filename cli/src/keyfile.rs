//! Key files: a private JWK (RFC 8037), mode 0600. It decides their shape; it must never replace a file or print
//! the private half.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use proto_types::{Kid, SecretKey, base64url};
use serde::{Deserialize, Serialize};

use crate::failure::Failure;

/// A named signing key.
pub(crate) struct NamedKey {
    /// Its name.
    pub(crate) kid: Kid,
    /// The key.
    pub(crate) secret: SecretKey,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Jwk {
    kty: String,
    crv: String,
    kid: Kid,
    x: String,
    d: String,
}

/// Makes a fresh key and writes it to a new file.
pub(crate) fn create(path: &Path, kid: Kid) -> Result<NamedKey, Failure> {
    let seed: [u8; 32] = rand::random();
    let secret = SecretKey::from_seed(&seed);
    let jwk = Jwk {
        kty: "OKP".to_owned(),
        crv: "Ed25519".to_owned(),
        kid: kid.clone(),
        x: base64url::encode(secret.public().as_bytes()),
        d: base64url::encode(&seed),
    };
    let text = serde_json::to_string_pretty(&jwk).map_err(Failure::internal)?;
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    let mut file = file.map_err(|error| Failure::usage(format!("{}: {error}", path.display())))?;
    writeln!(file, "{text}")?;
    Ok(NamedKey { kid, secret })
}

/// Reads a key file; its permissions and both halves are checked.
pub(crate) fn read(path: &Path) -> Result<NamedKey, Failure> {
    let wrong = |why: String| Failure::usage(format!("key file {}: {why}", path.display()));
    let text = deploy_service::secret::read(path).map_err(|error| wrong(error.to_string()))?;
    let jwk: Jwk = serde_json::from_str(text.expose()).map_err(|error| wrong(error.to_string()))?;
    if jwk.kty != "OKP" || jwk.crv != "Ed25519" {
        return Err(wrong(format!("{} {} is not an Ed25519 key", jwk.kty, jwk.crv)));
    }
    let seed = base64url::decode(&jwk.d).map_err(|error| wrong(format!("d: {error}")))?;
    let seed: [u8; 32] = seed.try_into().map_err(|_| wrong("d: expected 32 bytes".to_owned()))?;
    let secret = SecretKey::from_seed(&seed);
    if base64url::encode(secret.public().as_bytes()) != jwk.x {
        return Err(wrong("x is not the public half of d".to_owned()));
    }
    Ok(NamedKey { kid: jwk.kid, secret })
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
