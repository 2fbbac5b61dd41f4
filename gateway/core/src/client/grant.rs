//! What a caller may do that is no peer: which agents it sees, which methods it may call, and how often.
//!
//! Decides what the operator's lists mean. Must never read a list that is wrong as a shorter one: it is refused.

use std::collections::BTreeSet;
use std::sync::Arc;

use proto_types::Handle;
use proto_types::a2a::{Method, ProtocolVersion};

use crate::gcra::Quota;

/// What one caller may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// What it sees.
    pub agents: AgentScope,
    /// What it may call.
    pub methods: Methods,
    /// How often.
    pub quota: Quota,
}

/// Which agents a caller sees, and so may call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AgentScope {
    /// Those that anybody sees.
    Public,
    /// These and no others, whoever else may see them.
    Named(Arc<BTreeSet<Handle>>),
    /// All that the gateway knows.
    All,
}

/// Which methods a caller may call, by their names of A2A 1.0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Methods(Option<BTreeSet<&'static str>>);

/// A list of an operator that is none. The texts are the operator's own.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidGrant {
    /// All and some.
    #[error("`*` stands alone in a list of agents")]
    AllAndMore,
    /// No handle.
    #[error("`{0}` is not a handle")]
    Handle(String),
    /// No method of A2A 1.0.
    #[error("`{0}` is not a method of A2A 1.0, such as `SendMessage`")]
    Method(String),
}

/// All agents, in a list.
const ALL: &str = "*";

impl AgentScope {
    /// The agents of a list: handles, or `*` alone; an empty list means those that anybody sees.
    ///
    /// # Errors
    /// See [`InvalidGrant`].
    pub fn parse(listed: &[String]) -> Result<Self, InvalidGrant> {
        match listed {
            [] => Ok(Self::Public),
            [all] if all == ALL => Ok(Self::All),
            listed if listed.iter().any(|one| one == ALL) => Err(InvalidGrant::AllAndMore),
            listed => {
                let read = |one: &String| {
                    Handle::parse(one).map_err(|_| InvalidGrant::Handle(one.clone()))
                };
                let named = listed.iter().map(read).collect::<Result<_, _>>()?;
                Ok(Self::Named(Arc::new(named)))
            }
        }
    }
}

impl Methods {
    /// The methods of a list; an empty one means all.
    ///
    /// # Errors
    /// [`InvalidGrant::Method`].
    pub fn parse(listed: &[String]) -> Result<Self, InvalidGrant> {
        if listed.is_empty() {
            return Ok(Self(None));
        }
        let read = |one: &String| match Method::parse(one) {
            Some((method, ProtocolVersion::V10)) => method.name(ProtocolVersion::V10),
            _ => None,
        };
        let read = |one: &String| read(one).ok_or_else(|| InvalidGrant::Method(one.clone()));
        listed.iter().map(read).collect::<Result<_, _>>().map(|read| Self(Some(read)))
    }

    /// Whether one of them has this name.
    #[must_use]
    pub fn allow(&self, name: &str) -> bool {
        self.0.as_ref().is_none_or(|listed| listed.contains(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(list: &[&str]) -> Vec<String> {
        list.iter().map(|one| (*one).to_owned()).collect()
    }

    #[test]
    fn a_list_of_agents_is_some_or_all_and_without_one_they_are_the_public_ones() {
        let parse = |list: &[&str]| AgentScope::parse(&texts(list));
        assert_eq!(parse(&[]), Ok(AgentScope::Public));
        assert_eq!(parse(&["*"]), Ok(AgentScope::All));
        let named = parse(&["echo", "echo", "urn:agent:far"]);
        assert!(matches!(named, Ok(AgentScope::Named(named)) if named.len() == 2));
        assert_eq!(parse(&["echo", "*"]), Err(InvalidGrant::AllAndMore));
        assert_eq!(parse(&["a b"]), Err(InvalidGrant::Handle("a b".to_owned())));
    }

    #[test]
    fn methods_have_their_names_of_1_0_and_a_misspelled_one_is_refused() {
        let parse = |list: &[&str]| Methods::parse(&texts(list));
        let allow = |list: &[&str], name| parse(list).map(|methods| methods.allow(name));
        assert_eq!(allow(&[], "CancelTask"), Ok(true));
        assert_eq!(allow(&["SendMessage", "GetTask"], "GetTask"), Ok(true));
        assert_eq!(allow(&["SendMessage", "GetTask"], "CancelTask"), Ok(false));
        for wrong in ["message/send", "sendMessage", "", "*"] {
            assert_eq!(parse(&[wrong]), Err(InvalidGrant::Method(wrong.to_owned())), "{wrong}");
        }
    }
}
