//! Turns timed text per channel into a dialogue: who said what when, and how (silence, overlap, pace, loudness).
//!
//! Pure: no I/O, clock, async or locks. Times come from the segments, never from here.

mod facts;

pub use facts::{Dialogue, Gap, Overlap, Timing, Turn, Utterance};
