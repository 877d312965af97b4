//! A stretch of a file as a byte source of its own, with bytes of ours before it when a header has to be replaced.
//!
//! It can pretend not to be seekable: some readers give up on a truncated file when they may seek to its end, and
//! decode what is there when they may not.

use std::io::{self, Read, Seek, SeekFrom};

use fs_err::File;
use symphonia::core::io::MediaSource;

/// Bytes `start..start + len` of a file, after `prefix`.
#[derive(Debug)]
pub(super) struct Region {
    prefix: Vec<u8>,
    file: File,
    start: u64,
    len: u64,
    /// From the start of the prefix.
    position: u64,
    seekable: bool,
}

impl Region {
    /// A stretch of `file`; it must not be used elsewhere meanwhile, because its position is moved.
    pub(super) fn new(mut file: File, start: u64, len: u64) -> io::Result<Self> {
        file.seek(SeekFrom::Start(start))?;
        Ok(Self { prefix: Vec::new(), file, start, len, position: 0, seekable: true })
    }

    pub(super) fn with_prefix(mut self, prefix: Vec<u8>) -> Self {
        self.prefix = prefix;
        self
    }

    pub(super) fn unseekable(mut self) -> Self {
        self.seekable = false;
        self
    }

    fn total(&self) -> u64 {
        self.prefix.len() as u64 + self.len
    }
}

impl Read for Region {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let prefix_len = self.prefix.len() as u64;
        if self.position < prefix_len {
            // Below the prefix's length, so it fits a usize.
            let from = self.position as usize;
            let count = buffer.len().min(self.prefix.len() - from);
            buffer[..count].copy_from_slice(&self.prefix[from..from + count]);
            self.position += count as u64;
            return Ok(count);
        }
        let left = self.total().saturating_sub(self.position);
        let most = usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len());
        let count = self.file.read(&mut buffer[..most])?;
        self.position += count as u64;
        Ok(count)
    }
}

impl Seek for Region {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        if !self.seekable {
            return Err(io::Error::other("this source is read from front to back"));
        }
        let target = match to {
            SeekFrom::Start(position) => Some(position),
            SeekFrom::Current(offset) => self.position.checked_add_signed(offset),
            SeekFrom::End(offset) => self.total().checked_add_signed(offset),
        };
        let target =
            target.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "seek before the start"))?;
        let in_file = target.saturating_sub(self.prefix.len() as u64);
        let absolute = self.start.saturating_add(in_file);
        self.file.seek(SeekFrom::Start(absolute))?;
        self.position = target;
        Ok(target)
    }
}

impl MediaSource for Region {
    fn is_seekable(&self) -> bool {
        self.seekable
    }

    fn byte_len(&self) -> Option<u64> {
        self.seekable.then(|| self.total())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn region(bytes: &[u8], start: u64, len: u64) -> Region {
        let file = tempfile::NamedTempFile::new().expect("a temporary file can be made");
        fs_err::write(file.path(), bytes).expect("a temporary file can be written");
        Region::new(File::open(file.path()).expect("it was just written"), start, len).expect("it can seek")
    }

    #[test]
    fn it_shows_the_prefix_and_then_only_its_stretch() {
        let mut source = region(b"0123456789", 2, 5).with_prefix(b"ab".to_vec());
        let mut all = String::new();
        source.read_to_string(&mut all).expect("files can be read");
        assert_eq!(all, "ab23456");
        assert_eq!(source.seek(SeekFrom::Start(3)).expect("it is seekable"), 3);
        let mut rest = String::new();
        source.read_to_string(&mut rest).expect("files can be read");
        assert_eq!(rest, "3456");
    }

    #[test]
    fn unseekable_means_unseekable() {
        let mut source = region(b"0123", 0, 4).unseekable();
        assert!(source.seek(SeekFrom::Start(0)).is_err());
        assert_eq!(source.byte_len(), None);
    }
}
