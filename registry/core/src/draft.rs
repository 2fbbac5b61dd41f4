//! The state as a proposal has changed it so far, with its time, revision and effects. An entity and its derived keys
//! always change together.

use std::collections::{BTreeMap, BTreeSet};
use std::mem;

use proto_types::tlog::Fact;
use proto_types::{Digest, GatewayId, Handle, Revision, TaskId, WallMs};

use crate::body::rows::{LOOSE_BODIES, body_key};
use crate::change::{Effect, Refusal, Reply};
use crate::codec::encode;
use crate::counter;
use crate::entity::{Entity, Table};
use crate::history::entry::{ChangeEvent, ChangeKind};
use crate::leaf::Leaf;
use crate::overlay::Overlay;
use crate::search::subject::{Subject, Touched};
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

/// The entries that a search follows, as the proposal leaves them.
type TouchedEntries = BTreeMap<(Source, Handle), Touched>;

/// How far a batch has come.
#[derive(Clone, Copy)]
pub(crate) struct Progress {
    /// The state machine's time: one for the batch.
    pub(crate) now: WallMs,
    /// The newest revision handed out.
    pub(crate) revision: Revision,
    /// Whether every envelope is forgotten that is void by now. None comes to be so in this batch.
    pub(crate) envelopes_swept: bool,
}

/// What a proposal has done so far, over what the batch has; taken back if one of its commands is refused.
pub(crate) struct Draft<'v> {
    overlay: Overlay<'v>,
    effects: Vec<Effect>,
    progress: Progress,
    /// Bodies stored by this proposal.
    fresh: BTreeSet<Digest>,
    /// Bodies that its entities name.
    named: BTreeSet<Digest>,
    touched: TouchedEntries,
    /// What the transparency log gains if the proposal is accepted.
    leaves: Vec<Leaf>,
}

impl<'v> Draft<'v> {
    /// Over what the batch has written, none of which a refusal takes back.
    pub(crate) fn over(mut batch: Overlay<'v>, progress: Progress) -> Self {
        batch.keep();
        Self {
            overlay: batch,
            effects: Vec::new(),
            progress,
            fresh: BTreeSet::new(),
            named: BTreeSet::new(),
            touched: TouchedEntries::new(),
            leaves: Vec::new(),
        }
    }

    /// What the batch comes to with the proposal. A body that it brought and nothing names is noted for
    /// compaction.
    pub(crate) fn finish(mut self) -> (Overlay<'v>, Progress, Vec<Effect>) {
        let unnamed: Vec<_> = self.fresh.difference(&self.named).copied().collect();
        unnamed.iter().for_each(|body| self.loosen(body));
        (self.overlay, self.progress, self.effects)
    }

    /// What the batch has written without the proposal.
    pub(crate) fn refuse(mut self) -> Overlay<'v> {
        self.overlay.take_back();
        self.overlay
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
        self.progress.now
    }

    /// The newest revision handed out.
    pub(crate) fn revision(&self) -> Revision {
        self.progress.revision
    }

    /// Whether no envelope is left that is void by now.
    pub(crate) fn envelopes_swept(&self) -> bool {
        self.progress.envelopes_swept
    }

    /// Notes that no envelope is left that is void by now.
    pub(crate) fn note_envelopes_swept(&mut self) {
        self.progress.envelopes_swept = true;
    }

    /// Takes the next revision for a change of one thing and tells the watchers.
    pub(crate) fn note(&mut self, kind: ChangeKind, id: &str, deleted: bool) -> Revision {
        self.tell(self.line(kind, id, deleted))
    }

    /// The same for what not everybody may see, with who could see it before and who can since.
    pub(crate) fn note_in(
        &mut self,
        kind: ChangeKind,
        id: &str,
        deleted: bool,
        (before, after): (Option<Scope>, Option<Scope>),
    ) -> Revision {
        self.tell(ChangeEvent { before, after, ..self.line(kind, id, deleted) })
    }

    /// The same for a task, with the gateway that waits for it: no other one is told.
    pub(crate) fn note_task(&mut self, id: &TaskId, gateway: Option<GatewayId>) -> Revision {
        self.tell(ChangeEvent { gateway, ..self.line(ChangeKind::Task, id.as_str(), false) })
    }

    /// The next line of the total order, which says nothing yet of who may see it.
    fn line(&self, kind: ChangeKind, id: &str, deleted: bool) -> ChangeEvent {
        let (revision, at, id) = (self.revision().next(), self.now(), id.to_owned());
        ChangeEvent { revision, at, kind, id, deleted, before: None, after: None, gateway: None }
    }

    fn tell(&mut self, line: ChangeEvent) -> Revision {
        self.progress.revision = line.revision;
        let key = line.revision.0.to_be_bytes().to_vec();
        self.write(Write::Put { space: Space::Changes, key, value: encode(&line) });
        line.revision
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
        self.touch(new, new.searched());
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
        self.touch(old, None);
        if let Some(fact) = old.fact() {
            self.log(Leaf::Fact(Fact::new(&fact.kind, &fact.id, None, self.revision().0)));
        }
        self.write(table.delete(&old.key()));
    }

    /// Notes that a search has to look at this entry again, and what decides now who finds it. What was said of its body
    /// before was of another version.
    fn touch<T: Entity>(&mut self, entry: &T, subject: Option<Subject>) {
        if let Some(source) = T::SEARCHED {
            let handle =
                Handle::parse(&entry.key()).expect("what a search finds is kept by handle");
            self.touched.insert((source, handle), Touched { subject, document: None });
        }
    }

    /// What a search has to look at again, so far.
    pub(crate) fn touched(&mut self) -> &mut TouchedEntries {
        &mut self.touched
    }

    /// The same, for good.
    pub(crate) fn take_touched(&mut self) -> TouchedEntries {
        mem::take(&mut self.touched)
    }

    /// How long the bytes are; refuses what names bytes that are not here.
    pub(crate) fn require_body(&self, digest: &Digest) -> Step<u64> {
        if let Some(length) = self.view().length(Space::Bodies, &body_key(digest))? {
            return Ok(length as u64);
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
