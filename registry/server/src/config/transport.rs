//! What protects a member's traffic: TLS, or clear text that is asked for by name, never both. `deploy-service` refuses
//! clear text off loopback.

use deploy_service::tls::ClientFiles;

use super::{Config, Contradiction};

impl Config {
    /// How this member calls others in TLS, with its own certificate: the authorities that it
    /// believes clients by are those of all members.
    pub(crate) fn client_files(&self) -> Option<ClientFiles> {
        let tls = self.tls.as_ref()?;
        let files = ClientFiles::new(tls.client_ca.as_ref()?).showing(&tls.cert, &tls.key);
        Some(ClientFiles { reload: tls.reload, ..files })
    }

    /// The scheme of every member's URL.
    pub(crate) fn scheme(&self) -> &'static str {
        if self.tls.is_some() { "https" } else { "http" }
    }

    pub(super) fn check_transport(&self) -> Result<(), Contradiction> {
        match &self.tls {
            None if !self.plain_loopback => return Err(Contradiction::ClearText),
            None if !self.listen.ip().is_loopback() => {
                return Err(Contradiction::NotLoopback(self.listen));
            }
            Some(_) if self.plain_loopback => return Err(Contradiction::TlsAndClearText),
            Some(tls) if tls.client_ca.is_none() => return Err(Contradiction::NoClientCa),
            _ => {}
        }
        let scheme = format!("{}://", self.scheme());
        let other = |url: &&String| !url.starts_with(&scheme);
        let seeds = self.join.iter().flat_map(|join| &join.seeds);
        match self.members.values().chain(&self.advertise).chain(seeds).find(other) {
            Some(url) => Err(Contradiction::Scheme { url: url.clone(), scheme: self.scheme() }),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use deploy_service::tls::ServerFiles;

    use super::*;

    #[test]
    fn clear_text_is_asked_for_by_name_and_never_beside_tls() {
        let refused = |config: &Config| config.check_transport().err();
        let mut config = Config::default();
        assert_eq!(refused(&config), Some(Contradiction::ClearText));
        config.plain_loopback = true;
        assert_eq!(refused(&config), None);
        config.listen = std::net::SocketAddr::from(([0, 0, 0, 0], 7401));
        assert_eq!(refused(&config), Some(Contradiction::NotLoopback(config.listen)));
        config.listen = std::net::SocketAddr::from(([127, 0, 0, 1], 7401));
        config.advertise = Some("https://r1.example".to_owned());
        let (url, scheme) = ("https://r1.example".to_owned(), "http");
        assert_eq!(refused(&config), Some(Contradiction::Scheme { url, scheme }));
        let files = ServerFiles::new("r1.crt", "r1.key");
        config.tls = Some(files.clone());
        assert_eq!(refused(&config), Some(Contradiction::TlsAndClearText));
        config.plain_loopback = false;
        assert_eq!(refused(&config), Some(Contradiction::NoClientCa));
        config.tls = Some(ServerFiles { client_ca: Some("ca.crt".into()), ..files });
        assert_eq!(refused(&config), None);
        config.members.insert("1".to_owned(), "http://127.0.0.1:1".to_owned());
        let (url, scheme) = ("http://127.0.0.1:1".to_owned(), "https");
        assert_eq!(refused(&config), Some(Contradiction::Scheme { url, scheme }));
    }
}
