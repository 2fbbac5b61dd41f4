//! Names from a table: for tests of hostile names, and for closed networks without DNS. A name with several answers gives
//! them in turn, as a rebinding server does.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use super::{Resolve, ResolveError};

/// A resolver that answers from memory.
#[derive(Debug, Default)]
pub struct Table {
    addresses: BTreeMap<String, Vec<Vec<IpAddr>>>,
    texts: BTreeMap<String, Vec<String>>,
    /// How often each name was looked up.
    lookups: Mutex<BTreeMap<String, usize>>,
}

impl Table {
    /// With the answer for a host; given again, the name's look-ups alternate between the answers.
    #[must_use]
    pub fn with(mut self, name: &str, addresses: &[IpAddr]) -> Self {
        self.addresses.entry(name.to_owned()).or_default().push(addresses.to_vec());
        self
    }

    /// With a text of a name.
    #[must_use]
    pub fn with_text(mut self, name: &str, text: &str) -> Self {
        self.texts.entry(name.to_owned()).or_default().push(text.to_owned());
        self
    }

    /// How often the addresses of this name were looked up.
    #[must_use]
    pub fn lookups(&self, name: &str) -> usize {
        let lookups = self.lookups.lock().unwrap_or_else(PoisonError::into_inner);
        lookups.get(name).copied().unwrap_or_default()
    }

    fn next(&self, name: &str) -> Option<Vec<IpAddr>> {
        let answers = self.addresses.get(name)?;
        let mut lookups = self.lookups.lock().unwrap_or_else(PoisonError::into_inner);
        let times = lookups.entry(name.to_owned()).or_default();
        let answer = answers.get(*times % answers.len()).cloned();
        *times += 1;
        answer
    }
}

impl Resolve for Table {
    fn addresses<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Vec<IpAddr>, ResolveError>> {
        std::future::ready(self.next(name).ok_or(ResolveError::NotFound)).boxed()
    }

    fn texts<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Vec<String>, ResolveError>> {
        std::future::ready(self.texts.get(name).cloned().ok_or(ResolveError::NotFound)).boxed()
    }
}
