//! Every format of the README's table, as ffmpeg, sox or the codec's own encoder writes it, against ffmpeg's decoding of
//! the same bytes; tracks and times of videos; damaged copies of everything; and a collection of real recordings.
//!
//! ffmpeg and sox must be installed (scripts/setup.sh does): without them the tests fail and say so. The collection is
//! optional, because a stranger's machine has none: `DITING_FORMATS=DIR` or `../shared/formats`, where `DIR/manifest.tsv`
//! has a header line and at least the columns `path`, `class`, `codec`, `rate`, `channels`, `ffprobe_seconds` and
//! `decoded_seconds`.

#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs)]

mod cases;
mod collection;
mod damage;
mod encode;
mod support;
mod table;
mod video;
