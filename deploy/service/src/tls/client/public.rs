//! Connections to hosts of others: whom the public authorities vouch for.
//!
//! It decides whose word counts for a host that is not ours. It must never serve for a process of
//! ours: any of a hundred authorities could then vouch for it.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use rustls::{ClientConfig, client::Resumption};

use super::{ClientFiles, Connector, Error, Loaded, Watched, files, reload_default, verifying};

/// Verifies hosts under their names, by the public authorities and those in a file. Shows nothing,
/// and keeps nothing of a host: a ticket is a cookie.
///
/// # Errors
/// The file cannot be read, or holds no certificates.
pub fn public_client(extra_ca: Option<&Path>) -> Result<ClientConfig, Error> {
    let mut config = verifying(files::public_roots(extra_ca)?)?.with_no_client_auth();
    config.resumption = Resumption::disabled();
    Ok(config)
}

impl Connector {
    /// TLS for https URLs of others, as [`public_client`] verifies them. The file is looked at again
    /// as those of [`Connector::open`] are.
    ///
    /// # Errors
    /// Every error of [`public_client`].
    pub fn public(extra_ca: Option<PathBuf>) -> Result<Self, Error> {
        let (watched, interval) = (extra_ca.iter().cloned().collect(), reload_default().std());
        let load = move || {
            let config = Arc::new(public_client(extra_ca.as_deref())?);
            Ok(Loaded { config, own: None })
        };
        let loaded = Watched::open(watched, interval, load, |_, _| Ok(()))?;
        Ok(Self { tls: Some(Arc::new(loaded)), ..Self::default() })
    }

    /// The same for hosts of others that may ask who we are: `ca` counts beside the public authorities, and the
    /// certificate is shown, if the files name one.
    ///
    /// # Errors
    /// Every error of [`Connector::open`].
    pub fn public_showing(files: ClientFiles) -> Result<Self, Error> {
        Self::watching(files, |ca| files::public_roots(Some(ca)))
    }
}
