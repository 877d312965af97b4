//! Turns values into frames and back: version, checksum, lengths, then JSON compressed with zstd.
//!
//! JSON because every type already has it, a person can read it in need, and a field added later has a default; zstd
//! takes away what that costs. The checksum is ours: sled's own does not cover what it never wrote, and files have none.
//!
//! **Invariant**: a damaged or foreign frame gives an error, never a value and never a panic.

use std::cell::RefCell;

use serde::Serialize;
use serde::de::DeserializeOwned;
use zstd::bulk::{Compressor, Decompressor};

use super::StoreError;
use crate::catalog::{Annotations, CallFacts};

/// The version that is written. Older ones stay readable, each by its own branch in [`decode_first`].
const VERSION: u8 = 1;
/// Version, CRC-32C of everything after it, raw length, stored length.
const HEADER_BYTES: usize = 1 + 4 + 4 + 4;
/// No call is larger; protects from a damaged length.
const MAX_RAW_BYTES: usize = 1 << 30;
const ZSTD_LEVEL: i32 = 3;

/// Encodes `value` as one frame. `what` names it in errors.
pub(super) fn encode<T: Serialize>(value: &T, what: &'static str) -> Result<Vec<u8>, StoreError> {
    let raw = serde_json::to_vec(value).map_err(|source| StoreError::Unstorable { what, source })?;
    let stored = compress(&raw)?;
    let too_large = || std::io::Error::new(std::io::ErrorKind::FileTooLarge, "a value passes 1 GiB");
    if raw.len() > MAX_RAW_BYTES {
        return Err(too_large().into());
    }
    let raw_len = u32::try_from(raw.len()).map_err(|_| too_large())?;
    let stored_len = u32::try_from(stored.len()).map_err(|_| too_large())?;

    let mut checked = Vec::with_capacity(HEADER_BYTES + stored.len());
    checked.extend_from_slice(&raw_len.to_le_bytes());
    checked.extend_from_slice(&stored_len.to_le_bytes());
    checked.extend_from_slice(&stored);
    let mut frame = vec![VERSION];
    frame.extend_from_slice(&crc32c::crc32c(&checked).to_le_bytes());
    frame.append(&mut checked);
    Ok(frame)
}

/// Decodes the one frame that `bytes` is.
pub(super) fn decode<T: DeserializeOwned>(bytes: &[u8], what: &'static str) -> Result<T, StoreError> {
    match decode_first(bytes, what)? {
        (value, []) => Ok(value),
        (_, [_, ..]) => Err(StoreError::Corrupt { what }),
    }
}

/// Decodes the first frame in `bytes`; also gives what follows it.
pub(super) fn decode_first<'a, T: DeserializeOwned>(
    bytes: &'a [u8],
    what: &'static str,
) -> Result<(T, &'a [u8]), StoreError> {
    let corrupt = || StoreError::Corrupt { what };
    let (version, bytes) = bytes.split_first().ok_or_else(corrupt)?;
    if *version != VERSION {
        return Err(StoreError::UnknownVersion { what, version: *version });
    }
    let (crc, checked) = split_u32(bytes).ok_or_else(corrupt)?;
    let (raw_len, rest) = split_u32(checked).ok_or_else(corrupt)?;
    let (stored_len, rest) = split_u32(rest).ok_or_else(corrupt)?;
    let (raw_len, stored_len) = (raw_len as usize, stored_len as usize);
    let (stored, rest) = rest.split_at_checked(stored_len).ok_or_else(corrupt)?;
    let checked = checked.get(..8 + stored_len).ok_or_else(corrupt)?;
    if crc32c::crc32c(checked) != crc || raw_len > MAX_RAW_BYTES {
        return Err(corrupt());
    }
    let raw = decompress(stored, raw_len).ok_or_else(corrupt)?;
    let value = serde_json::from_slice(&raw).map_err(|_| corrupt())?;
    Ok((value, rest))
}

/// A compressor takes longer to make than most frames to write, so each thread keeps one.
fn compress(raw: &[u8]) -> std::io::Result<Vec<u8>> {
    thread_local! {
        static COMPRESSOR: RefCell<Option<Compressor<'static>>> = const { RefCell::new(None) };
    }
    COMPRESSOR.with_borrow_mut(|kept| {
        let compressor = match kept {
            Some(kept) => kept,
            None => kept.insert(Compressor::new(ZSTD_LEVEL)?),
        };
        compressor.compress(raw)
    })
}

/// Likewise of decompressors.
fn decompress(stored: &[u8], raw_len: usize) -> Option<Vec<u8>> {
    thread_local! {
        static DECOMPRESSOR: RefCell<Option<Decompressor<'static>>> = const { RefCell::new(None) };
    }
    DECOMPRESSOR.with_borrow_mut(|kept| {
        let decompressor = match kept {
            Some(kept) => kept,
            None => kept.insert(Decompressor::new().ok()?),
        };
        decompressor.decompress(stored, raw_len).ok()
    })
}

/// What follows the first frame in `bytes`, which is not looked into.
pub(super) fn after_first<'a>(bytes: &'a [u8], what: &'static str) -> Result<&'a [u8], StoreError> {
    let corrupt = || StoreError::Corrupt { what };
    match bytes.first() {
        Some(&VERSION) => {}
        Some(version) => return Err(StoreError::UnknownVersion { what, version: *version }),
        None => return Err(corrupt()),
    }
    let (stored_len, _) = bytes.get(HEADER_BYTES - 4..).and_then(split_u32).ok_or_else(corrupt)?;
    let rest = bytes.get(HEADER_BYTES..).and_then(|rest| rest.get(stored_len as usize..));
    rest.ok_or_else(corrupt)
}

/// The version of rows. A row of another version is made anew.
const ROW_VERSION: u8 = 5;

/// Encodes a row of the catalog: smaller and faster than a frame, because a start reads all of them. Rows are never
/// migrated: they can be made again.
pub(super) fn encode_row(row: &CallFacts) -> Vec<u8> {
    let body = postcard::to_stdvec(row).expect("a row holds nothing that cannot be written");
    let mut bytes = vec![ROW_VERSION];
    bytes.extend_from_slice(&crc32c::crc32c(&body).to_le_bytes());
    bytes.extend(body);
    bytes
}

/// Bytes that annotations take in a row.
pub(super) fn num_bytes_in_row(annotations: &Annotations) -> usize {
    postcard::to_stdvec(annotations).expect("they hold nothing that cannot be written").len()
}

/// Decodes a row; `None` when it is damaged or of another version.
pub(super) fn decode_row(bytes: &[u8]) -> Option<CallFacts> {
    let (crc, body) = split_u32(bytes.strip_prefix(&[ROW_VERSION])?)?;
    (crc32c::crc32c(body) == crc).then(|| postcard::from_bytes(body).ok()).flatten()
}

/// Length of the value in a frame before compression; `None` when it is no frame.
pub(super) fn raw_len(frame: &[u8]) -> Option<usize> {
    let (raw_len, _) = split_u32(frame.get(1 + 4..)?)?;
    Some(raw_len as usize)
}

fn split_u32(bytes: &[u8]) -> Option<(u32, &[u8])> {
    let (number, rest) = bytes.split_first_chunk()?;
    Some((u32::from_le_bytes(*number), rest))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_value_survives_its_frame(value: Vec<(String, Option<i64>)>) {
            let frame = encode(&value, "value").expect("encodes");
            prop_assert_eq!(raw_len(&frame), serde_json::to_vec(&value).ok().map(|raw| raw.len()));
            prop_assert_eq!(decode::<Vec<(String, Option<i64>)>>(&frame, "value").expect("decodes"), value);
            let two = [frame.as_slice(), b"the rest"].concat();
            prop_assert_eq!(after_first(&two, "value").expect("is a frame"), b"the rest");
        }

        #[test]
        fn any_flipped_bit_is_noticed(text: String, at: prop::sample::Index, bit in 0..8u8) {
            let mut frame = encode(&text, "value").expect("encodes");
            let at = at.index(frame.len());
            frame[at] ^= 1 << bit;
            prop_assert!(decode::<String>(&frame, "value").is_err());
        }

        #[test]
        fn random_bytes_never_decode_or_panic(bytes: Vec<u8>) {
            prop_assert!(decode::<String>(&bytes, "value").is_err());
        }

        #[test]
        fn a_cut_frame_is_noticed(text: String, keep: prop::sample::Index) {
            let frame = encode(&text, "value").expect("encodes");
            let cut = &frame[..keep.index(frame.len())];
            prop_assert!(decode::<String>(cut, "value").is_err());
        }
    }

    #[test]
    fn a_later_version_is_named() {
        let mut frame = encode(&1, "value").expect("encodes");
        frame[0] = 9;
        assert!(matches!(decode::<u8>(&frame, "value"), Err(StoreError::UnknownVersion { version: 9, .. })));
    }
}
