//! Tiles of 256 hashes and bundles of entries, with their paths (C2SP tlog-tiles).
//!
//! Decides the one encoding of a tile's path. Must never read a second encoding: two paths of one
//! tile are two lines in every cache.

use std::fmt;

/// Hashes of a full tile, entries of a full bundle.
pub const TILE_WIDTH: u64 = 256;

/// The highest tile level that a path may name (C2SP tlog-tiles).
pub const TILE_LEVEL_MAX: u8 = 5;

/// The largest entry of a bundle: its length stands in two bytes.
pub const ENTRY_BYTES_MAX: usize = u16::MAX as usize;

/// Which tile or bundle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TilePath {
    /// 0 to 5 for hashes; `None` for the bundle of the entries themselves.
    pub level: Option<u8>,
    /// Its place in the row.
    pub index: u64,
    /// Hashes or entries in it: 1 to 256.
    pub width: u16,
}

/// Bytes that are no bundle of entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a bundle is 1 to 256 entries, each after its length in two bytes")]
pub struct BadBundle;

impl TilePath {
    /// The tile that holds the hash `at` of a level, as wide as a tree of this size has it; `None`
    /// if the tree does not reach there.
    #[must_use]
    pub fn of(level: u8, at: u64, size: u64) -> Option<Self> {
        let row = size.checked_shr(8 * u32::from(level)).unwrap_or(0);
        let index = at / TILE_WIDTH;
        let width = (row.saturating_sub(index * TILE_WIDTH)).min(TILE_WIDTH);
        let width = u16::try_from(width).ok().filter(|width| *width > 0)?;
        (at < row).then_some(Self { level: Some(level), index, width })
    }

    /// Reads what follows `tile/`, as `Display` prints it.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (level, rest) = text.split_once('/')?;
        let level = match level {
            "entries" => None,
            digits => Some(number(digits).filter(|level| *level <= TILE_LEVEL_MAX.into())? as u8),
        };
        let (path, width) = match rest.split_once(".p/") {
            None => (rest, 256),
            Some((path, width)) => (path, number(width).filter(|width| (1..256).contains(width))?),
        };
        let mut index: u64 = 0;
        let mut parts = path.split('/').peekable();
        while let Some(part) = parts.next() {
            let digits = if parts.peek().is_some() { part.strip_prefix('x')? } else { part };
            let three = digits.len() == 3 && digits.bytes().all(|byte| byte.is_ascii_digit());
            let number: u64 = digits.parse().ok().filter(|_| three)?;
            index = index.checked_mul(1_000)?.checked_add(number)?;
        }
        let tile = Self { level, index, width: u16::try_from(width).ok()? };
        // Leading groups of zeroes would be a second encoding.
        (tile.to_string() == text).then_some(tile)
    }

    /// Where its first hash or entry stands in the row.
    #[must_use]
    pub fn first(&self) -> Option<u64> {
        self.index.checked_mul(TILE_WIDTH)
    }
}

/// A number without leading zeroes.
fn number(digits: &str) -> Option<u64> {
    let plain = digits.bytes().all(|byte| byte.is_ascii_digit());
    let canonical = plain && (digits == "0" || !digits.starts_with('0'));
    digits.parse().ok().filter(|_| canonical)
}

impl fmt::Display for TilePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.level {
            Some(level) => write!(f, "{level}/")?,
            None => f.write_str("entries/")?,
        }
        let mut groups = vec![self.index % 1_000];
        let mut rest = self.index / 1_000;
        while rest > 0 {
            groups.push(rest % 1_000);
            rest /= 1_000;
        }
        while let Some(group) = groups.pop() {
            match groups.is_empty() {
                true => write!(f, "{group:03}")?,
                false => write!(f, "x{group:03}/")?,
            }
        }
        if u64::from(self.width) < TILE_WIDTH {
            write!(f, ".p/{}", self.width)?;
        }
        Ok(())
    }
}

/// Joins entries to a bundle. Entries are at most [`ENTRY_BYTES_MAX`] long; a longer one is cut off
/// by nobody, it is a defect of the caller.
///
/// # Panics
/// An entry is longer than that.
#[must_use]
pub fn entry_bundle<'a>(entries: impl Iterator<Item = &'a [u8]>) -> Vec<u8> {
    let mut bundle = Vec::new();
    for entry in entries {
        let length = u16::try_from(entry.len()).expect("entries are bounded where they are made");
        bundle.extend_from_slice(&length.to_be_bytes());
        bundle.extend_from_slice(entry);
    }
    bundle
}

/// The entries of a bundle.
///
/// # Errors
/// A length that goes past the end, no entry, or more than 256.
pub fn entries(bundle: &[u8]) -> Result<Vec<&[u8]>, BadBundle> {
    let mut found = Vec::new();
    let mut rest = bundle;
    while let Some((length, after)) = rest.split_first_chunk::<2>() {
        let length = usize::from(u16::from_be_bytes(*length));
        let (entry, after) = after.split_at_checked(length).ok_or(BadBundle)?;
        found.push(entry);
        rest = after;
    }
    let counted = (1..=TILE_WIDTH as usize).contains(&found.len());
    if rest.is_empty() && counted { Ok(found) } else { Err(BadBundle) }
}
