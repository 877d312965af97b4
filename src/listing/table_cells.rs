//! Parts the rows of a table into cells.

use csv_core::{ReadRecordResult, Reader, ReaderBuilder};

/// Parts rows into cells, one row after the other.
pub(super) struct Cells {
    reader: Reader,
    delimiter: u8,
    text: Vec<u8>,
    ends: Vec<usize>,
}

impl Cells {
    /// Cells are parted by `delimiter`.
    pub(super) fn new(delimiter: u8) -> Self {
        let reader = ReaderBuilder::new().delimiter(delimiter).build();
        Self { reader, delimiter, text: Vec::new(), ends: Vec::new() }
    }

    /// What parts cells.
    pub(super) fn delimiter(&self) -> u8 {
        self.delimiter
    }

    /// The cells of `row`, which is one row and no more.
    pub(super) fn split(&mut self, row: &str) -> Vec<&str> {
        self.reader.reset();
        // Cells are no longer than what they are read from, and each takes a byte of it but the last.
        self.text.resize(row.len() + 1, 0);
        self.ends.resize(row.len() + 2, 0);
        let (mut input, mut text_len, mut num_ends) = (row.as_bytes(), 0, 0);
        loop {
            let text = self.text.get_mut(text_len..).unwrap_or_default();
            let ends = self.ends.get_mut(num_ends..).unwrap_or_default();
            let (result, _, num_written, num_ended) = self.reader.read_record(input, text, ends);
            text_len += num_written;
            num_ends += num_ended;
            match result {
                // No more input is how the reader is told the end.
                ReadRecordResult::InputEmpty => input = &[],
                ReadRecordResult::OutputFull
                | ReadRecordResult::OutputEndsFull
                | ReadRecordResult::Record
                | ReadRecordResult::End => break,
            }
        }
        let mut start = 0;
        let cell = |end: &usize| {
            let cell = self.text.get(start..*end).unwrap_or_default();
            start = *end;
            // Cells end where characters do: quotes and separators are ASCII.
            std::str::from_utf8(cell).unwrap_or_default()
        };
        self.ends.iter().take(num_ends).map(cell).collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn quotes_hold_separators_and_line_ends() {
        let mut cells = Cells::new(b',');
        assert_eq!(cells.split("a,\"b,\r\n\"\"c\"\"\",,文\r\n"), ["a", "b,\r\n\"c\"", "", "文"]);
        assert_eq!(cells.split("5\" tube,x"), ["5\" tube", "x"], "the row before leaves nothing");
        assert_eq!(cells.split("\"open"), ["open"]);
        assert!(cells.split("").is_empty());
        assert_eq!(Cells::new(b'\t').split("a,b\t\"c\td\"\n"), ["a,b", "c\td"]);
    }

    proptest! {
        #[test]
        fn what_is_quoted_is_read_back(row in prop::collection::vec("[^\u{0}]{0,12}", 1..6)) {
            let quoted: Vec<_> = row.iter().map(|cell| format!("\"{}\"", cell.replace('"', "\"\""))).collect();
            let (text, mut cells) = (quoted.join(";"), Cells::new(b';'));
            prop_assert_eq!(cells.split(&text), row);
        }
    }
}
