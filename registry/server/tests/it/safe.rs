//! An authority of a test's own, and certificates that it signs for this machine. They last a day.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use deploy_service::tls::{Authority, Order, ServerFiles};

use crate::world::secret;

const DAY: Duration = Duration::from_secs(86_400);

/// The authority, and the folder of all files.
pub(crate) struct Safe {
    folder: tempfile::TempDir,
    authority: Authority,
}

impl Safe {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let authority = Authority::new("a.example", SystemTime::now(), 2 * DAY).unwrap();
        std::fs::write(folder.path().join("ca.crt"), authority.cert()).unwrap();
        Self { folder, authority }
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The authority's certificate.
    pub(crate) fn ca(&self) -> PathBuf {
        self.folder().join("ca.crt")
    }

    /// Certificate and key of an identity, such as `registry/1`.
    pub(crate) fn issue(&self, path: &str) -> (PathBuf, PathBuf) {
        let order = Order {
            identity: format!("spiffe://a.example/{path}").parse().unwrap(),
            names: Vec::new(),
            addresses: vec!["127.0.0.1".parse().unwrap()],
            now: SystemTime::now(),
            validity: DAY,
        };
        let issued = self.authority.issue(&order).unwrap();
        let write = |end: &str, text: &str| {
            secret(self.folder(), &format!("{}.{end}", path.replace('/', "-")), text)
        };
        (write("crt", &issued.cert), write("key", &issued.key))
    }

    /// What a listener of this identity is told.
    pub(crate) fn server(&self, path: &str) -> ServerFiles {
        let (cert, key) = self.issue(path);
        ServerFiles { client_ca: Some(self.ca()), ..ServerFiles::new(cert, key) }
    }
}
