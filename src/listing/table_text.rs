//! The text of a manifest, whatever it was saved as: UTF-8, UTF-16 or GBK.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek};

use encoding_rs::{Encoding, GB18030, UTF_8};
use encoding_rs_io::{DecodeReaderBytes, DecodeReaderBytesBuilder};

/// Bytes looked at in one go.
const CHUNK_BYTES: usize = 64 << 10;

/// What marks the encoding at the beginning of a file.
const MARKS: [&[u8]; 3] = [&[0xEF, 0xBB, 0xBF], &[0xFF, 0xFE], &[0xFE, 0xFF]];

/// Longest line.
pub(super) const MAX_LINE_BYTES: u64 = 256 << 10;

/// Most lines that one row may go over, inside of quotes.
const MAX_ROW_LINES: usize = 100;

/// The lines of a manifest as UTF-8, with their numbers.
pub(super) struct Lines {
    text: BufReader<DecodeReaderBytes<File, Vec<u8>>>,
    /// Lines that were read too early.
    ahead: VecDeque<Line>,
    number: u64,
}

/// A line with its end.
#[derive(Debug, Clone)]
pub(super) struct Line {
    /// From 1.
    pub(super) number: u64,
    /// Nothing when it is longer than [`MAX_LINE_BYTES`].
    pub(super) text: Option<String>,
}

impl Lines {
    /// Opens the text in `file`; nothing when it is none. Bytes without a mark that are not UTF-8 are GB18030, of which
    /// GBK and GB 2312 are parts.
    pub(super) fn open(mut file: File) -> io::Result<Option<Self>> {
        let Some(encoding) = detect(&mut file)? else { return Ok(None) };
        file.rewind()?;
        let decoder = DecodeReaderBytesBuilder::new().encoding(Some(encoding)).bom_override(true).build(file);
        let text = BufReader::with_capacity(CHUNK_BYTES, decoder);
        Ok(Some(Self { text, ahead: VecDeque::new(), number: 0 }))
    }

    /// The next line that is not blank.
    pub(super) fn next(&mut self) -> io::Result<Option<Line>> {
        loop {
            let line = match self.ahead.pop_front() {
                Some(line) => line,
                None => match self.read()? {
                    Some(line) => line,
                    None => return Ok(None),
                },
            };
            if line.text.as_ref().is_none_or(|text| !text.trim().is_empty()) {
                return Ok(Some(line));
            }
        }
    }

    fn read(&mut self) -> io::Result<Option<Line>> {
        let mut bytes = Vec::new();
        if self.text.by_ref().take(MAX_LINE_BYTES).read_until(b'\n', &mut bytes)? == 0 {
            return Ok(None);
        }
        self.number += 1;
        let is_whole = (bytes.len() as u64) < MAX_LINE_BYTES || bytes.ends_with(b"\n");
        if !is_whole {
            self.text.skip_until(b'\n')?;
        }
        let text = is_whole.then(|| String::from_utf8_lossy(&bytes).into_owned());
        Ok(Some(Line { number: self.number, text }))
    }

    /// The next row of a table: a line, or several where a quote holds them together. Nothing stands in place of its text
    /// when it is too long, or when the quote is never closed: then only its first line is lost.
    pub(super) fn next_row(&mut self, delimiter: u8) -> io::Result<Option<Line>> {
        let Some(first) = self.next()? else { return Ok(None) };
        let Some(mut row) = first.text else { return Ok(Some(first)) };
        let mut quotes = Quotes::default();
        quotes.follow(&row, delimiter);
        let mut later = Vec::new();
        while quotes.are_open {
            let next = if later.len() < MAX_ROW_LINES {
                match self.ahead.pop_front() {
                    Some(line) => Some(line),
                    None => self.read()?,
                }
            } else {
                None
            };
            let text = next.as_ref().and_then(|line| line.text.clone());
            later.extend(next);
            let Some(text) = text.filter(|text| (row.len() + text.len()) as u64 <= MAX_LINE_BYTES) else {
                for line in later.into_iter().rev() {
                    self.ahead.push_front(line);
                }
                return Ok(Some(Line { number: first.number, text: None }));
            };
            quotes.follow(&text, delimiter);
            row.push_str(&text);
        }
        Ok(Some(Line { number: first.number, text: Some(row) }))
    }
}

/// Whether a quote is open: only one at the beginning of a cell opens, and two in it are one character.
#[derive(Debug, Default)]
struct Quotes {
    are_open: bool,
}

impl Quotes {
    fn follow(&mut self, line: &str, delimiter: u8) {
        let mut begins = !self.are_open;
        let mut bytes = line.bytes().peekable();
        while let Some(byte) = bytes.next() {
            if self.are_open {
                if byte == b'"' && bytes.next_if_eq(&b'"').is_none() {
                    self.are_open = false;
                }
            } else if begins && byte == b'"' {
                self.are_open = true;
            }
            begins = byte == delimiter && !self.are_open;
        }
    }
}

fn detect(file: &mut File) -> io::Result<Option<&'static Encoding>> {
    let mut buffer = vec![0; CHUNK_BYTES];
    let (mut held, mut is_first, mut is_utf8) = (0, true, true);
    loop {
        let num_read = file.read(buffer.get_mut(held..).unwrap_or_default())?;
        let bytes = buffer.get(..held + num_read).unwrap_or_default();
        if is_first && MARKS.iter().any(|mark| bytes.starts_with(mark)) {
            return Ok(Some(UTF_8));
        }
        is_first = false;
        if bytes.contains(&0) {
            return Ok(None);
        }
        if num_read == 0 {
            return Ok(Some(if is_utf8 && held == 0 { UTF_8 } else { GB18030 }));
        }
        // A character cut in two by the end of the chunk is looked at with the next one.
        held = 0;
        if let Err(error) = std::str::from_utf8(bytes) {
            let start = error.valid_up_to();
            let end = bytes.len();
            if is_utf8 && error.error_len().is_none() {
                buffer.copy_within(start..end, 0);
                held = end - start;
            } else {
                is_utf8 = false;
            }
        }
    }
}
