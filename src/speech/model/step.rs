//! What fetching and importing tell about themselves while they run. Drawn by the command line, ignored by others.

use super::error::ModelError;

/// One thing that happens.
#[derive(Debug)]
pub enum Step<'a> {
    /// Another process changes the cache; this one waits for it.
    Waiting,
    /// A source is asked.
    Trying {
        /// What it is, for a reader.
        source: &'a str,
    },
    /// A source could not answer; the next one is tried.
    Failed {
        /// What it is, for a reader.
        source: &'a str,
        /// Why.
        error: &'a ModelError,
    },
    /// The client of a package registry runs.
    Running {
        /// Its command line.
        command: &'a str,
    },
    /// Bytes arrive.
    Transfer {
        /// Bytes there, those of an earlier run included.
        done: u64,
        /// Bytes in all, if known.
        total: Option<u64>,
    },
    /// The kept form is being written.
    Converting {
        /// Bytes written.
        done: u64,
        /// Bytes in all.
        total: u64,
    },
}

/// Whoever listens.
pub type Report<'a> = dyn FnMut(Step<'_>) + 'a;
