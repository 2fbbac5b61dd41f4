//! Compressed answers, up to a bound on what comes out.
//!
//! It decides which encodings are read. It must never unpack more than one layer, nor hold more
//! than the bound and a window (attack case 25).

use std::io::Read;

use brotli_decompressor::{BrotliDecoderParameter, Decompressor};
use bytes::Bytes;
use flate2::bufread::MultiGzDecoder;
use http::HeaderMap;
use http::header::CONTENT_ENCODING;

use crate::error::FetchError;

/// What we say that we read.
pub(crate) const ACCEPTED: &str = "gzip, br";

/// How a body is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Coding {
    Plain,
    Gzip,
    Brotli,
}

/// The one coding of an answer.
pub(crate) fn coding(headers: &HeaderMap) -> Result<Coding, FetchError> {
    let mut stated = headers.get_all(CONTENT_ENCODING).iter();
    let Some(value) = stated.next() else { return Ok(Coding::Plain) };
    if stated.next().is_some() {
        return Err(FetchError::Encoding("it is stacked"));
    }
    let value = value.to_str().map_err(|_| FetchError::Encoding("it is not text"))?;
    match value.trim().to_ascii_lowercase().as_str() {
        "identity" | "" => Ok(Coding::Plain),
        "gzip" | "x-gzip" => Ok(Coding::Gzip),
        "br" => Ok(Coding::Brotli),
        list if list.contains(',') => Err(FetchError::Encoding("it is stacked")),
        _ => Err(FetchError::Encoding("it is neither gzip nor br")),
    }
}

/// Unpacks a body. It takes time in proportion to `bytes_max`: keep it off the reactor.
pub(crate) fn unpack(coding: Coding, body: Bytes, bytes_max: usize) -> Result<Bytes, FetchError> {
    match coding {
        Coding::Plain => Ok(body),
        Coding::Gzip => bounded(MultiGzDecoder::new(&*body), bytes_max),
        Coding::Brotli => {
            /// Arbitrary; the body is in memory already.
            const INPUT_BYTES: usize = 4_096;
            let mut decoder = Decompressor::new(&*body, INPUT_BYTES);
            // A large window would be allocated because the stream says so: up to a GiB.
            let large = BrotliDecoderParameter::BROTLI_DECODER_PARAM_LARGE_WINDOW;
            decoder.set_parameter(large, 0);
            bounded(decoder, bytes_max)
        }
    }
}

fn bounded(packed: impl Read, bytes_max: usize) -> Result<Bytes, FetchError> {
    let mut out = Vec::new();
    let one_more = u64::try_from(bytes_max).unwrap_or(u64::MAX).saturating_add(1);
    packed
        .take(one_more)
        .read_to_end(&mut out)
        .map_err(|_| FetchError::Encoding("its bytes are not in it"))?;
    if out.len() > bytes_max {
        return Err(FetchError::TooLarge { bytes_max });
    }
    Ok(out.into())
}
