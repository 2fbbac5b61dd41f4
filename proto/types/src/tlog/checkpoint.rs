//! Checkpoints: the head of a log as the text of a note (C2SP tlog-checkpoint).
//!
//! Decides the lines of a checkpoint and our extensions: the epoch of the cluster and the head of
//! the audit. Must never read a number in two encodings.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::note::is_name;
use crate::Digest;

/// The extension line that counts restores from a backup.
const EPOCH: &str = "ecumene/epoch ";

/// The extension line of the audit's head: how many lines, and the digest of the last.
const AUDIT: &str = "ecumene/audit ";

/// Extension lines that are read. Ours are two.
const EXTENSIONS_MAX: usize = 16;

/// The head of a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// Which log: a name without spaces, such as `registry.example/log`.
    pub origin: String,
    /// Its number of entries.
    pub size: u64,
    /// The root of its tree.
    pub root: Digest,
    /// Further lines, which the signature covers.
    pub extensions: Vec<String>,
}

/// A text that is no checkpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a checkpoint is an origin, a size, a root in base64 and up to 16 extension lines")]
pub struct Malformed;

impl Checkpoint {
    /// A head with our extensions.
    #[must_use]
    pub fn new(origin: &str, (size, root): (u64, Digest), epoch: u64) -> Self {
        let extensions = vec![format!("{EPOCH}{epoch}")];
        Self { origin: origin.to_owned(), size, root, extensions }
    }

    /// The same, with the head of the audit if it has one.
    #[must_use]
    pub fn with_audit(mut self, lines: u64, head: &Digest) -> Self {
        if lines > 0 {
            self.extensions.push(format!("{AUDIT}{lines} {head}"));
        }
        self
    }

    /// The text of the note.
    #[must_use]
    pub fn text(&self) -> String {
        let root = STANDARD.encode(self.root.as_bytes());
        let mut text = format!("{}\n{}\n{root}\n", self.origin, self.size);
        for line in &self.extensions {
            text.push_str(line);
            text.push('\n');
        }
        text
    }

    /// Reads the text of a note.
    ///
    /// # Errors
    /// Another form.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        let mut lines = text.strip_suffix('\n').ok_or(Malformed)?.split('\n');
        let origin = lines.next().filter(|origin| is_name(origin)).ok_or(Malformed)?;
        let size = number(lines.next().ok_or(Malformed)?).ok_or(Malformed)?;
        let root = STANDARD.decode(lines.next().ok_or(Malformed)?).map_err(|_| Malformed)?;
        let root = Digest(root.try_into().map_err(|_| Malformed)?);
        let extensions: Vec<String> = lines.map(str::to_owned).collect();
        if extensions.len() > EXTENSIONS_MAX || extensions.iter().any(String::is_empty) {
            return Err(Malformed);
        }
        Ok(Self { origin: origin.to_owned(), size, root, extensions })
    }

    /// How often its cluster was restored from a backup; 0 where it does not say.
    #[must_use]
    pub fn epoch(&self) -> u64 {
        self.extension(EPOCH).and_then(number).unwrap_or(0)
    }

    /// How many lines its audit has, and the digest of the last one.
    #[must_use]
    pub fn audit(&self) -> Option<(u64, Digest)> {
        let (lines, head) = self.extension(AUDIT)?.split_once(' ')?;
        Some((number(lines)?, Digest::parse(head).ok()?))
    }

    /// Size and root together.
    #[must_use]
    pub fn head(&self) -> (u64, &Digest) {
        (self.size, &self.root)
    }

    fn extension(&self, name: &str) -> Option<&str> {
        self.extensions.iter().find_map(|line| line.strip_prefix(name))
    }
}

/// A number of decimal digits without leading zeroes.
pub(super) fn number(digits: &str) -> Option<u64> {
    let plain = digits.bytes().all(|byte| byte.is_ascii_digit());
    let canonical = plain && (digits == "0" || !digits.starts_with('0'));
    digits.parse().ok().filter(|_| canonical)
}
