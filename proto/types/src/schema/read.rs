//! Reading a JSON value into a type while noting every fault on the way.
//!
//! Decides where a member is looked for and what counts as absent. Must never stop at the first
//! fault: a reader reads all its members before it gives up.

use std::cell::RefCell;
use std::fmt::Write as _;

use serde_json::{Map, Value};

use super::{FAULTS_MAX, Problem, SchemaError};

/// How much of a foreign member name goes into a path.
const SEGMENT_CHARS_MAX: usize = 64;

/// What one family of documents lets its writers do.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Dialect {
    /// A member that is `null` is a member that is absent.
    pub(crate) null_is_absent: bool,
    /// `snake_case` is read where `camelCase` is meant.
    pub(crate) snake_case: bool,
}

impl Dialect {
    /// JSON Schema documents: what is there is there.
    pub(crate) const EXACT: Self = Self { null_is_absent: false, snake_case: false };
    /// A2A cards.
    pub(crate) const CARD: Self = Self { null_is_absent: true, snake_case: false };
    /// ProtoJSON, which a parser must take in both casings.
    pub(crate) const PROTO_JSON: Self = Self { null_is_absent: true, snake_case: true };
}

/// What has been found wrong so far.
struct Faults {
    dialect: Dialect,
    found: RefCell<Vec<SchemaError>>,
}

/// Where we are: a list towards the root, so that nothing is allocated unless there is a fault.
#[derive(Clone, Copy)]
enum At<'p> {
    Root,
    Member(&'p At<'p>, &'p str),
    Item(&'p At<'p>, usize),
}

/// A value at a place in the document.
#[derive(Clone, Copy)]
pub(crate) struct Spot<'v, 'p> {
    pub(crate) value: &'v Value,
    at: At<'p>,
    faults: &'p Faults,
}

/// An object at a place in the document.
pub(crate) struct Object<'v, 'p> {
    pub(crate) members: &'v Map<String, Value>,
    at: At<'p>,
    faults: &'p Faults,
}

/// Reads a whole document. The reader returns `None` only after it has noted a fault.
pub(crate) fn read<T>(
    value: &Value,
    dialect: Dialect,
    reader: impl FnOnce(Spot<'_, '_>) -> Option<T>,
) -> Result<T, Vec<SchemaError>> {
    let faults = Faults { dialect, found: RefCell::new(Vec::new()) };
    let read = reader(Spot { value, at: At::Root, faults: &faults });
    let found = faults.found.into_inner();
    match read {
        Some(read) if found.is_empty() => Ok(read),
        _ => {
            assert!(!found.is_empty(), "a reader gave up without naming a fault");
            Err(found)
        }
    }
}

/// Reads a whole document that is an object with no members but `known`.
pub(crate) fn closed_document<T>(
    value: &Value,
    known: &[&str],
    reader: impl FnOnce(&Object<'_, '_>) -> Option<T>,
) -> Result<T, Vec<SchemaError>> {
    read(value, Dialect::EXACT, |spot| {
        let object = spot.object()?;
        object.closed(known);
        reader(&object)
    })
}

impl Faults {
    fn note(&self, path: String, problem: Problem) {
        let mut found = self.found.borrow_mut();
        if found.len() < FAULTS_MAX {
            found.push(SchemaError { path, problem });
        }
    }
}

impl At<'_> {
    fn pointer(&self) -> String {
        match self {
            Self::Root => String::new(),
            Self::Member(parent, name) => {
                let mut pointer = parent.pointer();
                let cut: String = name.chars().take(SEGMENT_CHARS_MAX).collect();
                pointer.push('/');
                pointer.push_str(&cut.replace('~', "~0").replace('/', "~1"));
                pointer
            }
            Self::Item(parent, at) => {
                let mut pointer = parent.pointer();
                write!(pointer, "/{at}").expect("a String takes all writes");
                pointer
            }
        }
    }
}

impl<'v> Spot<'v, '_> {
    /// Notes a fault here.
    pub(crate) fn fault<T>(&self, problem: Problem) -> Option<T> {
        self.faults.note(self.at.pointer(), problem);
        None
    }

    /// Any text.
    pub(crate) fn text(self) -> Option<&'v str> {
        self.value.as_str().or_else(|| self.fault(Problem::Type("a string")))
    }

    /// A text of so many characters (code points, as JSON Schema counts).
    pub(crate) fn text_of(self, min: usize, max: usize) -> Option<&'v str> {
        let text = self.text()?;
        let found = text.chars().count();
        if (min..=max).contains(&found) {
            Some(text)
        } else {
            self.fault(Problem::Length { found, min, max })
        }
    }

    /// A text that `parse` takes; `expected` completes "must be".
    pub(crate) fn parsed<T>(
        self,
        expected: &'static str,
        parse: impl FnOnce(&'v str) -> Option<T>,
    ) -> Option<T> {
        parse(self.text()?).or_else(|| self.fault(Problem::Value(expected)))
    }

    /// An absolute URI.
    pub(crate) fn uri(self) -> Option<String> {
        self.parsed("an absolute URI", |text| super::text::is_uri(text).then(|| text.to_owned()))
    }

    pub(crate) fn boolean(self) -> Option<bool> {
        self.value.as_bool().or_else(|| self.fault(Problem::Type("true or false")))
    }

    /// An integer in range. `3.0` is one too: JSON does not tell them apart.
    pub(crate) fn integer(self, min: i64, max: i64) -> Option<i64> {
        let Value::Number(number) = self.value else {
            return self.fault(Problem::Type("an integer"));
        };
        let whole = number.as_i64().or_else(|| {
            // Doubles of magnitude below 2^53 convert exactly; larger ones saturate out of range.
            number.as_f64().filter(|double| double.fract() == 0.0).map(|double| double as i64)
        });
        whole
            .filter(|integer| (min..=max).contains(integer))
            .or_else(|| self.fault(Problem::Range { min, max }))
    }

    /// An object with whatever members.
    pub(crate) fn free(self) -> Option<Map<String, Value>> {
        self.value.as_object().cloned().or_else(|| self.fault(Problem::Type("an object")))
    }

    /// A list of so many items, each read by `reader`.
    pub(crate) fn list<T>(
        self,
        (min, max): (usize, usize),
        reader: impl for<'s> Fn(Spot<'v, 's>) -> Option<T>,
    ) -> Option<Vec<T>> {
        let Value::Array(items) = self.value else {
            return self.fault(Problem::Type("a list"));
        };
        if !(min..=max).contains(&items.len()) {
            return self.fault(Problem::Count { found: items.len(), min, max });
        }
        let at = self.at;
        let read =
            |(index, value)| reader(Spot { value, at: At::Item(&at, index), faults: self.faults });
        // All items are read, so that all faults are found, before one failure fails the list.
        let read: Vec<Option<T>> = items.iter().enumerate().map(read).collect();
        read.into_iter().collect()
    }
}

impl<'v, 'p> Spot<'v, 'p> {
    pub(crate) fn object(self) -> Option<Object<'v, 'p>> {
        match self.value {
            Value::Object(members) => Some(Object { members, at: self.at, faults: self.faults }),
            _ => self.fault(Problem::Type("an object")),
        }
    }

    /// An object with no members but `known`.
    pub(crate) fn closed_object(self, known: &[&str]) -> Option<Object<'v, 'p>> {
        let object = self.object()?;
        object.closed(known);
        Some(object)
    }
}

impl<'v> Object<'v, '_> {
    /// Notes a fault of the object as a whole.
    pub(crate) fn fault<T>(&self, problem: Problem) -> Option<T> {
        self.faults.note(self.at.pointer(), problem);
        None
    }

    /// Notes a fault of one member.
    pub(crate) fn fault_at<T>(&self, name: &str, problem: Problem) -> Option<T> {
        self.faults.note(At::Member(&self.at, name).pointer(), problem);
        None
    }

    /// The member, if it counts as present.
    pub(crate) fn member<'s>(&'s self, name: &'s str) -> Option<Spot<'v, 's>> {
        let value = self.look_up(name)?;
        if value.is_null() && self.faults.dialect.null_is_absent {
            return None;
        }
        Some(Spot { value, at: At::Member(&self.at, name), faults: self.faults })
    }

    /// The member also where it is `null`.
    pub(crate) fn look_up(&self, name: &str) -> Option<&'v Value> {
        let camel = self.members.get(name);
        if !self.faults.dialect.snake_case || !name.bytes().any(|byte| byte.is_ascii_uppercase()) {
            return camel;
        }
        let snake = self.members.get(&snake_case(name));
        if camel.is_some() && snake.is_some() {
            return self.fault_at(name, Problem::Twice);
        }
        camel.or(snake)
    }

    pub(crate) fn required<'s, T>(
        &'s self,
        name: &'s str,
        reader: impl FnOnce(Spot<'v, 's>) -> Option<T>,
    ) -> Option<T> {
        match self.member(name) {
            Some(spot) => reader(spot),
            None => self.fault_at(name, Problem::Missing),
        }
    }

    /// `Some(None)` where the member is absent, `None` where it is at fault.
    pub(crate) fn optional<'s, T>(
        &'s self,
        name: &'s str,
        reader: impl FnOnce(Spot<'v, 's>) -> Option<T>,
    ) -> Option<Option<T>> {
        match self.member(name) {
            Some(spot) => reader(spot).map(Some),
            None => Some(None),
        }
    }

    /// The default where the member is absent.
    pub(crate) fn or_default<'s, T: Default>(
        &'s self,
        name: &'s str,
        reader: impl FnOnce(Spot<'v, 's>) -> Option<T>,
    ) -> Option<T> {
        self.optional(name, reader).map(Option::unwrap_or_default)
    }

    /// Notes every member that is not `known`.
    pub(crate) fn closed(&self, known: &[&str]) {
        for name in self.members.keys().filter(|name| !known.contains(&name.as_str())) {
            self.fault_at::<()>(name, Problem::Unknown);
        }
    }

    /// Reads every member, whatever its name.
    pub(crate) fn each(&self, reader: impl for<'s> Fn(&'v str, Spot<'v, 's>)) {
        for (name, value) in self.members {
            reader(name, Spot { value, at: At::Member(&self.at, name), faults: self.faults });
        }
    }
}

fn snake_case(camel: &str) -> String {
    let mut snake = String::with_capacity(camel.len() + 4);
    for letter in camel.chars() {
        if letter.is_ascii_uppercase() {
            snake.push('_');
        }
        snake.push(letter.to_ascii_lowercase());
    }
    snake
}
