//! A call, as policies look at it.
//!
//! Decides what Cedar is told of a call, and how a time becomes hour and weekday. Must never be told a message, a credential
//! or an address.

use std::sync::LazyLock;

use cedar_policy::{
    Context, Entities, Entity, EntityTypeName, EntityUid, Request, RestrictedExpression,
};
use proto_types::WallMs;
use serde_json::{Map, Value};

use crate::schema::{VOCABULARY, type_name, uid};

/// Who calls: the kind of the caller and its name. The same caller has the same name at every gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Principal<'a> {
    /// A peer, by its origin.
    Peer(&'a str),
    /// The holder of an API key, by the key's name.
    ApiKey(&'a str),
    /// A user of an identity provider, as `ISSUER#SUBJECT`.
    User(&'a str),
    /// The holder of a client certificate, by the URI in it.
    Certificate(&'a str),
    /// Nobody who shows anything, by what the gateway tells strangers apart by.
    Public(&'a str),
}

/// The agent that is called; by default that of a call which names none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Agent<'a> {
    /// Its handle; empty where none is named.
    pub handle: &'a str,
    /// The tags of its skills.
    pub tags: Vec<&'a str>,
    /// The ids of its skills.
    pub skills: Vec<&'a str>,
    /// The namespace that it is in.
    pub namespace: &'a str,
    /// Who may see it.
    pub visibility: &'a str,
    /// Whether it runs elsewhere.
    pub attached: bool,
}

/// A call that is to be decided.
#[derive(Clone, Debug)]
pub struct CallRequest<'a> {
    /// Who calls.
    pub principal: Principal<'a>,
    /// What is asked for, by its name in A2A 1.0.
    pub operation: &'a str,
    /// Who is called.
    pub agent: Agent<'a>,
    /// How long the body is.
    pub bytes: u64,
    /// When.
    pub now: WallMs,
    /// The share of its limits that the caller has earned, in percent.
    pub share: u64,
    /// The media types that the parts of the message state.
    pub parts: Vec<&'a str>,
    /// The skill that the message asks for, if it names one.
    pub skill: Option<&'a str>,
}

/// A call in Cedar's terms.
pub(crate) struct Question {
    pub(crate) request: Request,
    pub(crate) entities: Entities,
}

impl CallRequest<'_> {
    /// # Errors
    /// Why Cedar cannot be asked.
    pub(crate) fn question(&self) -> Result<Question, String> {
        let Some(action) = VOCABULARY.action(self.operation) else {
            return Err(format!("{} is no operation that policies know", self.operation));
        };
        let (principal, resource) = (self.principal.uid(), uid(&AGENT, self.agent.handle));
        let agent = self.agent.entity(resource.clone())?;
        let known = VOCABULARY.actions.clone();
        let entities = known.add_entities([agent, Entity::with_uid(principal.clone())], None);
        let entities = entities.map_err(|error| error.to_string())?;
        let context = self.context()?;
        let request = Request::new(principal, action, resource, context, None);
        let request = request.map_err(|error| error.to_string())?;
        Ok(Question { request, entities })
    }

    fn context(&self) -> Result<Context, String> {
        let long =
            |number: u64| RestrictedExpression::new_long(i64::try_from(number).unwrap_or(i64::MAX));
        let seconds = self.now.0 / 1_000;
        let always = [
            ("bytes", long(self.bytes)),
            ("hour", long(hour(seconds))),
            ("weekday", long(weekday(seconds))),
            ("now", long(seconds)),
            ("share", long(self.share)),
            ("parts", set(&self.parts)),
        ];
        let skill = self.skill.map(|skill| ("skill", text(skill)));
        let pairs = always.into_iter().chain(skill);
        Context::from_pairs(pairs.map(|(name, value)| (name.to_owned(), value)))
            .map_err(|error| error.to_string())
    }
}

impl Principal<'_> {
    fn uid(self) -> EntityUid {
        let (of, name) = match self {
            Self::Peer(name) => (&PRINCIPALS[0], name),
            Self::ApiKey(name) => (&PRINCIPALS[1], name),
            Self::User(name) => (&PRINCIPALS[2], name),
            Self::Certificate(name) => (&PRINCIPALS[3], name),
            Self::Public(name) => (&PRINCIPALS[4], name),
        };
        uid(of, name)
    }
}

impl<'a> Agent<'a> {
    /// With what the skills of its card say. What is no text there is passed over.
    #[must_use]
    pub fn with_card(mut self, card: &'a Map<String, Value>) -> Self {
        let skills = || card.get("skills").and_then(Value::as_array).into_iter().flatten();
        let tags = skills().filter_map(|skill| skill.get("tags")?.as_array()).flatten();
        self.tags = tags.filter_map(Value::as_str).collect();
        self.skills = skills().filter_map(|skill| skill.get("id")?.as_str()).collect();
        self
    }

    fn entity(&self, own: EntityUid) -> Result<Entity, String> {
        let members = [
            ("handle", text(self.handle)),
            ("tags", set(&self.tags)),
            ("skills", set(&self.skills)),
            ("namespace", text(self.namespace)),
            ("visibility", text(self.visibility)),
            ("attached", RestrictedExpression::new_bool(self.attached)),
        ];
        let members = members.map(|(name, value)| (name.to_owned(), value));
        Entity::new_with_tags(own, members, [], []).map_err(|error| error.to_string())
    }
}

static PRINCIPALS: LazyLock<[EntityTypeName; 5]> =
    LazyLock::new(|| ["Peer", "ApiKey", "User", "Certificate", "Public"].map(type_name));

static AGENT: LazyLock<EntityTypeName> = LazyLock::new(|| type_name("Agent"));

fn text(text: &str) -> RestrictedExpression {
    RestrictedExpression::new_string(text.to_owned())
}

fn set(texts: &[&str]) -> RestrictedExpression {
    RestrictedExpression::new_set(texts.iter().map(|&each| text(each)))
}

/// Of the day in UTC, from 0 to 23.
fn hour(seconds: u64) -> u64 {
    seconds / 3_600 % 24
}

/// In UTC, from 1 for Monday to 7 for Sunday (ISO 8601). 1970 began on a Thursday.
fn weekday(seconds: u64) -> u64 {
    (seconds / 86_400 + 3) % 7 + 1
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_agent_has_the_skills_of_its_card_and_their_tags() {
        let card = json!({"skills": [
            {"id": "pay", "tags": ["payments", "eur"]}, {"id": 7, "tags": "x"}, {"id": "look"},
        ]});
        let agent = Agent::default().with_card(card.as_object().unwrap());
        assert_eq!((agent.tags, agent.skills), (vec!["payments", "eur"], vec!["pay", "look"]));
        let none = json!({"skills": {}});
        assert_eq!(Agent::default().with_card(none.as_object().unwrap()), Agent::default());
    }

    #[test]
    fn a_time_has_an_hour_and_a_weekday_of_utc() {
        for (seconds, expected) in [
            (0, (0, 4)),
            (86_399, (23, 4)),
            (86_400, (0, 5)),
            // 2026-11-30T13:05:00Z, a Monday.
            (1_796_043_900, (13, 1)),
            // 2026-12-06T23:59:59Z, a Sunday.
            (1_796_601_599, (23, 7)),
        ] {
            assert_eq!((hour(seconds), weekday(seconds)), expected, "{seconds}");
        }
    }
}
