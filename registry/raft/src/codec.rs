//! How values are encoded on disk and between members: a format byte, then MessagePack with member names, so that a later
//! version may add members with a default.
//! It must never guess: an unknown format byte is an error, not another format.

use std::io;

use serde::Serialize;
use serde::de::DeserializeOwned;

/// The only format so far.
pub(crate) const FORMAT: u8 = 1;

pub(crate) fn encode<T: Serialize>(value: &T) -> io::Result<Vec<u8>> {
    let mut bytes = vec![FORMAT];
    rmp_serde::encode::write_named(&mut bytes, value).map_err(invalid)?;
    Ok(bytes)
}

pub(crate) fn decode<T: DeserializeOwned>(bytes: &[u8]) -> io::Result<T> {
    match bytes.split_first() {
        Some((&FORMAT, body)) => rmp_serde::from_slice(body).map_err(invalid),
        Some((other, _)) => Err(invalid(format!("format {other} is not known"))),
        None => Err(invalid("no bytes")),
    }
}

fn invalid(cause: impl ToString) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, cause.to_string())
}

#[cfg(test)]
mod tests;
