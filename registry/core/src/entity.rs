//! Tables of entities: how an entity is keyed, encoded, found and listed. A value that does not decode is an error, never
//! skipped.

use std::marker::PhantomData;

use proto_types::tlog::Fact;
use proto_types::{Digest, Namespace};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::body::rows;
use crate::codec::{decode, encode};
use crate::index::{self, Keys};
use crate::layout::{self, END, Tag};
use crate::search::subject::Subject;
use crate::source::Source;
use crate::view::{Pair, Read, Space, View, Write};

/// What can be kept in a table.
pub trait Entity: Serialize + DeserializeOwned {
    /// Which kind of entry a search finds it as, if it can be found: the search follows every change of it.
    const SEARCHED: Option<Source> = None;

    /// What decides who finds it; `None` if nobody does. Only for what is [`Entity::SEARCHED`].
    fn searched(&self) -> Option<Subject> {
        None
    }

    /// What it is looked up by; unique in its table.
    fn key(&self) -> String;

    /// The derived keys that point at it, with their values. A function of the entity alone, so
    /// that they can be rebuilt.
    fn index(&self) -> Keys {
        Vec::new()
    }

    /// The bodies it names. They are kept as long as it does; a body that no entity names is
    /// forgotten by the next compaction.
    fn bodies(&self) -> Vec<Digest> {
        Vec::new()
    }

    /// What the transparency log says of it, without the time; `None` for what never enters it.
    fn fact(&self) -> Option<Fact> {
        None
    }
}

/// One kind of entity, laid out `shard | tag | namespace | 0 | id`.
#[derive(Debug)]
pub struct Table<T> {
    tag: Tag,
    name: &'static str,
    entity: PhantomData<fn() -> T>,
}

impl<T: Entity> Table<T> {
    pub(crate) const fn new(tag: u8, name: &'static str) -> Self {
        Self { tag: Tag(tag), name, entity: PhantomData }
    }

    /// What a refusal calls an entity of this table.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Which table it is, in keys.
    pub(crate) const fn tag(&self) -> Tag {
        self.tag
    }

    /// Where the entity of this id lies in `Space::State`.
    #[must_use]
    pub fn key(&self, id: &str) -> Vec<u8> {
        self.tag.key(&[Namespace::DEFAULT.as_bytes(), END, id.as_bytes()])
    }

    /// The entity of this id, if there is one.
    ///
    /// # Errors
    /// The store failed, or what it holds does not decode.
    pub fn entry(&self, view: &dyn View, id: &str) -> Read<Option<T>> {
        let value = view.value(Space::State, &self.key(id))?;
        value.map(|bytes| self.decode(&bytes)).transpose()
    }

    /// Every derived key of an entity, with its value: its own, and one for each body it names.
    #[must_use]
    pub fn derived(&self, entry: &T) -> Vec<Pair> {
        let id = entry.key();
        let named = entry.bodies();
        let refs = named.iter().map(|body| (rows::body_ref(body, self.tag, &id), Vec::new()));
        entry.index().into_iter().chain(refs).collect()
    }

    /// The write that keeps an entity.
    #[must_use]
    pub fn put(&self, entry: &T) -> Write {
        let key = self.key(&entry.key());
        Write::Put { space: Space::State, key, value: encode(entry) }
    }

    /// The write that forgets an entity.
    #[must_use]
    pub fn delete(&self, id: &str) -> Write {
        Write::Delete { space: Space::State, key: self.key(id) }
    }

    /// Up to `limit` entities whose ids come after `after`, in the order of their ids.
    pub fn list(&self, view: &dyn View, after: Option<&str>, limit: usize) -> Read<Vec<T>> {
        let first = self.key("");
        let from = after.map_or_else(|| first.clone(), |id| layout::after(&self.key(id)));
        let pairs = view.range(Space::State, &from, &layout::past(&first), limit)?;
        pairs.iter().map(|(_, value)| self.decode(value)).collect()
    }

    /// Up to `limit` entities whose ids start with `prefix`, in the order of their ids.
    pub fn starting(&self, view: &dyn View, prefix: &str, limit: usize) -> Read<Vec<T>> {
        let from = self.key(prefix);
        let pairs = view.range(Space::State, &from, &layout::past(&from), limit)?;
        pairs.iter().map(|(_, value)| self.decode(value)).collect()
    }

    /// Up to `limit` entities that the derived keys with this prefix point at.
    pub(crate) fn pointed(&self, view: &dyn View, prefix: &[u8], limit: usize) -> Read<Vec<T>> {
        self.pointed_in(view, (prefix, &layout::past(prefix)), limit)
    }

    /// Up to `limit` entities that the derived keys in a range, from and to, point at.
    pub(crate) fn pointed_in(
        &self,
        view: &dyn View,
        range: (&[u8], &[u8]),
        limit: usize,
    ) -> Read<Vec<T>> {
        let ids = index::ids(view, range, limit)?;
        let found = ids.iter().map(|id| self.entry(view, id));
        found.filter_map(Result::transpose).collect()
    }

    pub(crate) fn decode(&self, bytes: &[u8]) -> Read<T> {
        decode(self.name, bytes)
    }
}

/// A table, whatever it holds.
pub(crate) trait AnyTable {
    /// Which table it is, in keys.
    fn tag(&self) -> Tag;
    /// What a refusal calls an entity of it.
    fn name(&self) -> &'static str;
    /// What an entity of it gives rise to.
    fn read(&self, value: &[u8]) -> Read<Stored>;
}

/// An entity under a key of its table: its own key, derived keys and bodies.
pub(crate) struct Stored {
    pub(crate) key: Vec<u8>,
    pub(crate) derived: Vec<Pair>,
    pub(crate) bodies: Vec<Digest>,
}

impl<T: Entity> AnyTable for Table<T> {
    fn tag(&self) -> Tag {
        self.tag()
    }

    fn name(&self) -> &'static str {
        self.name()
    }

    fn read(&self, value: &[u8]) -> Read<Stored> {
        let entry: T = self.decode(value)?;
        let (key, derived) = (self.key(&entry.key()), self.derived(&entry));
        Ok(Stored { key, derived, bodies: entry.bodies() })
    }
}
