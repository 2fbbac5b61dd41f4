//! The state as a proposal has changed it so far, with its time, revision and effects. An entity and its derived keys
//! always change together.

use std::collections::{BTreeMap, BTreeSet};
use std::mem;

use proto_types::tlog::Fact;
use proto_types::{Digest, Handle, Revision, WallMs};

use crate::body::rows::{LOOSE_BODIES, body_key};
use crate::change::{Effect, Refusal, Reply};
use crate::codec::encode;
use crate::counter;
use crate::entity::{Entity, Table};
use crate::history::entry::{ChangeEvent, ChangeKind};
use crate::leaf::Leaf;
use crate::overlay::{Overlay, Pending};
use crate::search::document::Document;
use crate::source::Source;
use crate::view::{Read, Space, View, ViewError, Write};
use crate::visibility::Scope;

/// Why a command was not carried out.
#[derive(Debug)]
pub(crate) enum Stop {
    /// The caller can act on it.
    Refused(Refusal),
    /// The member cannot go on.
    Broken(ViewError),
}

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<ViewError> for Stop {
    fn from(error: ViewError) -> Self {
        Self::Broken(error)
    }
}

/// What a step of a command comes to.
pub(crate) type Step<T> = Result<T, Stop>;

/// The decision about one command.
pub(crate) type Outcome = Step<Reply>;

/// The entries that a search follows, with what the proposal says of their bodies.
type Touched = BTreeMap<(Source, Handle), Option<Document>>;

/// What a proposal has done so far; dropped if one of its commands is refused.
pub(crate) struct Draft<'v> {
    overlay: Overlay<'v>,
    effects: Vec<Effect>,
    now: WallMs,
    revision: Revision,
    /// Bodies stored by this proposal.
    fresh: BTreeSet<Digest>,
    /// Bodies that its entities name.
    named: BTreeSet<Digest>,
    touched: Touched,
    /// What the transparency log gains if the proposal is accepted.
    leaves: Vec<Leaf>,
}

impl<'v> Draft<'v> {
    pub(crate) fn over(base: &'v dyn View, now: WallMs, revision: Revision) -> Self {
        Self {
            overlay: Overlay::over(base),
            effects: Vec::new(),
            now,
            revision,
            fresh: BTreeSet::new(),
            named: BTreeSet::new(),
            touched: Touched::new(),
            leaves: Vec::new(),
        }
    }

    /// What the proposal comes to. A body that it brought and nothing names is noted for
    /// compaction.
    pub(crate) fn finish(mut self) -> (Pending, Vec<Effect>, Revision) {
        let unnamed: Vec<_> = self.fresh.difference(&self.named).copied().collect();
        unnamed.iter().for_each(|body| self.loosen(body));
        (self.overlay.into_pending(), self.effects, self.revision)
    }

    /// What the log gains; to be taken before the end.
    pub(crate) fn take_leaves(&mut self) -> Vec<Leaf> {
        mem::take(&mut self.leaves)
    }

    /// Has the transparency log gain a leaf.
    pub(crate) fn log(&mut self, leaf: Leaf) {
        self.leaves.push(leaf);
    }

    pub(crate) fn view(&self) -> &dyn View {
        &self.overlay
    }

    /// The state machine's time.
    pub(crate) fn now(&self) -> WallMs {
        self.now
    }

    /// The newest revision handed out.
    pub(crate) fn revision(&self) -> Revision {
        self.revision
    }

    /// Takes the next revision for a change of one thing and tells the watchers.
    pub(crate) fn note(&mut self, kind: ChangeKind, id: &str, deleted: bool) -> Revision {
        self.note_in(kind, id, deleted, (None, None))
    }

    /// The same for what not everybody may see, with who could see it before and who can since.
    pub(crate) fn note_in(
        &mut self,
        kind: ChangeKind,
        id: &str,
        deleted: bool,
        (before, after): (Option<Scope>, Option<Scope>),
    ) -> Revision {
        self.revision = self.revision.next();
        let (revision, at) = (self.revision, self.now);
        let event = ChangeEvent { revision, at, kind, id: id.to_owned(), deleted, before, after };
        let key = revision.0.to_be_bytes().to_vec();
        self.write(Write::Put { space: Space::Changes, key, value: encode(&event) });
        revision
    }

    pub(crate) fn write(&mut self, write: Write) {
        self.overlay.write(write);
    }

    pub(crate) fn effect(&mut self, effect: Effect) {
        self.effects.push(effect);
    }

    pub(crate) fn entry<T: Entity>(&self, table: &Table<T>, id: &str) -> Read<Option<T>> {
        table.entry(self.view(), id)
    }

    /// The entry, which the command cannot do without.
    pub(crate) fn existing<T: Entity>(&self, table: &Table<T>, id: &str) -> Step<T> {
        let missing = || Refusal::NotFound { kind: table.name().to_owned(), id: id.to_owned() };
        Ok(self.entry(table, id)?.ok_or_else(missing)?)
    }

    /// Stores bytes under their digest.
    pub(crate) fn store(&mut self, digest: Digest, bytes: Vec<u8>) {
        self.fresh.insert(digest);
        self.write(Write::Put { space: Space::Bodies, key: body_key(&digest), value: bytes });
    }

    /// Has the next compaction look whether anything names this body.
    fn loosen(&mut self, body: &Digest) {
        let key = LOOSE_BODIES.key(&[body.as_bytes()]);
        self.write(Write::Put { space: Space::State, key, value: Vec::new() });
    }

    /// Keeps `new` in the place of `old`, the entry of the same id if there was one.
    pub(crate) fn replace<T: Entity>(&mut self, table: &Table<T>, old: Option<&T>, new: &T) {
        let before = old.map(|old| table.derived(old)).unwrap_or_default();
        let after = table.derived(new);
        let named = new.bodies();
        let dropped = old.map(Entity::bodies).unwrap_or_default();
        dropped.iter().filter(|body| !named.contains(body)).for_each(|body| self.loosen(body));
        self.named.extend(named);
        for (key, _) in before.iter().filter(|(key, _)| after.iter().all(|(kept, _)| kept != key)) {
            self.write(Write::Delete { space: Space::Index, key: key.clone() });
        }
        for (key, value) in after.into_iter().filter(|pair| !before.contains(pair)) {
            self.write(Write::Put { space: Space::Index, key, value });
        }
        self.touch(new);
        self.write(table.put(new));
        let known = old.and_then(Entity::fact).map(|fact| fact.revision);
        // What got no revision is no change of the directory.
        if let Some(fact) = new.fact().filter(|fact| known != Some(fact.revision)) {
            self.log(Leaf::Fact(fact));
        }
    }

    /// Forgets an entry.
    pub(crate) fn remove<T: Entity>(&mut self, table: &Table<T>, old: &T) {
        for (key, _) in table.derived(old) {
            self.write(Write::Delete { space: Space::Index, key });
        }
        old.bodies().iter().for_each(|body| self.loosen(body));
        self.touch(old);
        if let Some(fact) = old.fact() {
            self.log(Leaf::Fact(Fact::new(&fact.kind, &fact.id, None, self.revision.0)));
        }
        self.write(table.delete(&old.key()));
    }

    /// Notes that a search has to look at this entry again.
    fn touch<T: Entity>(&mut self, entry: &T) {
        if let Some(source) = T::SEARCHED {
            let handle =
                Handle::parse(&entry.key()).expect("what a search finds is kept by handle");
            self.touched.insert((source, handle), None);
        }
    }

    /// Says what a search reads in the body that this entry names.
    pub(crate) fn describe(&mut self, source: Source, handle: &Handle, document: &Document) {
        self.touched.insert((source, handle.clone()), Some(document.clone()));
    }

    /// What a search has to look at again.
    pub(crate) fn take_touched(&mut self) -> Touched {
        mem::take(&mut self.touched)
    }

    /// How long the bytes are; refuses what names bytes that are not here.
    pub(crate) fn require_body(&self, digest: &Digest) -> Step<u64> {
        if let Some(bytes) = self.view().value(Space::Bodies, &body_key(digest))? {
            return Ok(bytes.len() as u64);
        }
        Err(Refusal::NotFound { kind: "body".to_owned(), id: digest.to_string() }.into())
    }

    pub(crate) fn count(&self, name: &str) -> Read<u64> {
        counter::read(self.view(), name)
    }

    pub(crate) fn set_count(&mut self, name: &str, number: u64) {
        self.write(counter::write(name, number));
    }
}
