//! `cert init|issue|show`: an authority, the certificates that it signs, and what a file says.
//! It decides names and modes of files; it must never replace a key unless told to, nor print one.

use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use deploy_service::secret;
use deploy_service::telemetry::chain;
use deploy_service::tls::{Authority, Certificate, Identity, Order, chain_of};
use proto_types::WallMs;
use serde_json::{Value, json};

use crate::args::{CertInit, CertIssue, CertVerb};
use crate::failure::Failure;
use crate::output::Output;

const DAY: Duration = Duration::from_secs(86_400);

pub(crate) fn run(verb: CertVerb) -> Result<Output, Failure> {
    match verb {
        CertVerb::Init(args) => init(&args),
        CertVerb::Issue(args) => issue(&args),
        CertVerb::Show { file } => show(&file),
    }
}

fn init(args: &CertInit) -> Result<Output, Failure> {
    let validity = DAY.saturating_mul(args.days);
    let authority = Authority::new(&args.trust_domain, SystemTime::now(), validity);
    let authority = authority.map_err(|refused| Failure::usage(chain(&refused)))?;
    std::fs::create_dir_all(&args.out).map_err(|error| unwritten(&args.out, &error))?;
    let (cert, key) = (args.out.join("ca.crt"), args.out.join("ca.key"));
    write_pair((&cert, authority.cert()), (&key, &authority.key()), args.force)?;
    show(&cert)
}

fn issue(args: &CertIssue) -> Result<Output, Failure> {
    let authority = authority(&args.ca)?;
    let order = Order {
        identity: Identity::new(authority.domain(), args.role, &args.id)
            .map_err(|refused| Failure::usage(format!("--id: {refused}")))?,
        names: args.dns.clone(),
        addresses: args.ip.clone(),
        now: SystemTime::now(),
        validity: DAY.saturating_mul(args.days),
    };
    let issued = authority.issue(&order).map_err(|refused| Failure::usage(chain(&refused)))?;
    std::fs::create_dir_all(&args.out).map_err(|error| unwritten(&args.out, &error))?;
    let name = file_name(&order.identity);
    let path = |extension: &str| args.out.join(format!("{name}.{extension}"));
    let (cert, key) = (path("crt"), path("key"));
    write_pair((&cert, &issued.cert), (&key, &issued.key), args.force)?;
    show(&cert)
}

/// The authority in a folder that `cert init` has made.
fn authority(folder: &Path) -> Result<Authority, Failure> {
    let (cert, key) = (folder.join("ca.crt"), folder.join("ca.key"));
    let cert_pem = std::fs::read_to_string(&cert)
        .map_err(|error| Failure::usage(format!("{}: {error}", cert.display())))?;
    let key_pem = secret::read(&key).map_err(|error| Failure::usage(chain(&error)))?;
    Authority::read(&cert_pem, key_pem.expose())
        .map_err(|refused| Failure::usage(format!("{}: {}", cert.display(), chain(&refused))))
}

fn show(path: &Path) -> Result<Output, Failure> {
    let certificates = chain_of(path).map_err(|error| Failure::usage(chain(&error)))?;
    match certificates.as_slice() {
        [one] => Ok(Output::one(json(path, one))),
        several => Ok(Output {
            heads: &["identity", "subject", "not after"],
            rows: several.iter().map(row).collect(),
            json: several.iter().map(|one| json(path, one)).collect(),
        }),
    }
}

fn row(certificate: &Certificate) -> Vec<String> {
    vec![named(certificate), certificate.subject.clone(), time(certificate.not_after)]
}

fn json(path: &Path, certificate: &Certificate) -> Value {
    json!({
        "file": path.display().to_string(),
        "identity": named(certificate),
        "authority": certificate.is_authority,
        "subject": certificate.subject,
        "issuer": certificate.issuer,
        "serial": certificate.serial,
        "dns": certificate.names.join(","),
        "ip": certificate.addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(","),
        "notBefore": time(certificate.not_before),
        "notAfter": time(certificate.not_after),
        "expired": certificate.not_after < SystemTime::now(),
    })
}

/// The identity, or for an authority its trust domain.
fn named(certificate: &Certificate) -> String {
    let domain = certificate.authority_of.as_ref().map(|domain| format!("spiffe://{domain}"));
    certificate.identity.as_ref().map(Identity::to_string).or(domain).unwrap_or_default()
}

fn time(time: SystemTime) -> String {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    WallMs(u64::try_from(since.as_millis()).unwrap_or(u64::MAX)).to_rfc3339()
}

/// `registry-1`, `peer-https-b.example`: an identity as a name of files.
fn file_name(identity: &Identity) -> String {
    let id: String = identity
        .id()
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '-' })
        .collect();
    format!("{}-{}", identity.role(), id.replace("---", "-"))
}

/// Writes both, or neither where one of them exists and may not be replaced.
fn write_pair(cert: (&Path, &str), key: (&Path, &str), force: bool) -> Result<(), Failure> {
    if !force && let Some((path, _)) = [cert, key].into_iter().find(|(path, _)| path.exists()) {
        let why = format!("{} exists; --force replaces it", path.display());
        return Err(Failure::usage(why));
    }
    write(key.0, key.1, 0o600)?;
    write(cert.0, cert.1, 0o644)
}

/// Writes beside the file and puts it in its place: a running process sees all of it or nothing.
fn write(path: &Path, text: &str, mode: u32) -> Result<(), Failure> {
    let beside: PathBuf = path.with_added_extension(format!("{}.new", std::process::id()));
    let written = || {
        let mut file =
            std::fs::OpenOptions::new().write(true).create_new(true).mode(mode).open(&beside)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        std::fs::rename(&beside, path)
    };
    written().map_err(|error: std::io::Error| {
        if error.kind() != ErrorKind::AlreadyExists {
            // What is left of a failed attempt holds a key that nobody uses.
            let _ = std::fs::remove_file(&beside);
        }
        unwritten(path, &error)
    })
}

fn unwritten(path: &Path, error: &std::io::Error) -> Failure {
    Failure::usage(format!("{}: {error}", path.display()))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use deploy_service::tls::Role;

    use super::*;

    fn order(folder: &Path, role: Role, id: &str) -> CertIssue {
        CertIssue {
            ca: folder.to_owned(),
            out: folder.to_owned(),
            role,
            id: id.to_owned(),
            dns: vec!["r1.example".to_owned()],
            ip: vec!["127.0.0.1".parse().unwrap()],
            days: 30,
            force: false,
        }
    }

    #[test]
    fn an_authority_issues_and_nothing_is_replaced_unless_forced() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("ca");
        let domain = "a.example".to_owned();
        let mut args = CertInit { out: out.clone(), trust_domain: domain, days: 60, force: false };
        init(&args).unwrap();
        let key = out.join("ca.key");
        assert_eq!(std::fs::metadata(&key).unwrap().permissions().mode() & 0o777, 0o600);
        let before = std::fs::read(&key).unwrap();
        assert!(init(&args).is_err());
        assert_eq!(std::fs::read(&key).unwrap(), before);

        let mut asked = order(&out, Role::Registry, "1");
        let shown = issue(&asked).unwrap().json;
        assert_eq!(shown["identity"], "spiffe://a.example/registry/1");
        assert_eq!((&shown["dns"], &shown["ip"]), (&json!("r1.example"), &json!("127.0.0.1")));
        assert_eq!(shown["expired"], false);
        let mode = std::fs::metadata(out.join("registry-1.key")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert!(issue(&asked).is_err(), "it exists");
        asked.force = true;
        assert_ne!(issue(&asked).unwrap().json["serial"], shown["serial"]);
        assert!(issue(&CertIssue { days: 61, ..asked }).is_err(), "longer than its authority");

        issue(&order(&out, Role::Peer, "https://b.example:8443")).unwrap();
        assert!(out.join("peer-https-b.example-8443.crt").exists());
        assert!(issue(&order(&out, Role::Registry, "one")).is_err());
        args.force = true;
        init(&args).unwrap();
        assert_ne!(std::fs::read(&key).unwrap(), before);
    }
}
