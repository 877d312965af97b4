//! What can be wrong with a rule pack: every problem of a file at once, each with its place and a hint.

use std::fmt;

use crate::error::{Classify, ErrorCode};

/// One problem in a pack, at one place of its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// The name of the text: a file name, or `bank/…` for the embedded pack.
    pub source_name: String,
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// Stable name of the kind of problem, for example `rule.unknown_role`.
    pub reason: &'static str,
    /// What is wrong.
    pub message: String,
    /// What to do about it; empty when the message says it.
    pub hint: String,
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}: {}", self.source_name, self.line, self.column, self.message)?;
        if !self.hint.is_empty() {
            write!(f, "\n  hint: {}", self.hint)?;
        }
        Ok(())
    }
}

/// A rule pack that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RuleError {
    /// Its text breaks the rule language; in the order of the text.
    #[error("{}", join(.diagnostics))]
    Invalid {
        /// Every problem found.
        diagnostics: Vec<Diagnostic>,
    },
    /// No text was given at all.
    #[error("no rule pack was given: name a `.toml` file or a folder that holds some")]
    Empty,
    /// Together the packs need a larger automaton than can be built.
    #[error("the packs hold too many keywords for one automaton: {num_keywords}")]
    TooLarge {
        /// Keywords of all packs.
        num_keywords: usize,
    },
}

impl Classify for RuleError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Invalid { .. } | Self::Empty => ErrorCode::InvalidInput,
            Self::TooLarge { .. } => ErrorCode::LimitExceeded,
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::Invalid { .. } => "rule.invalid_pack",
            Self::Empty => "rule.no_pack",
            Self::TooLarge { .. } => "rule.too_large",
        }
    }
}

fn join(diagnostics: &[Diagnostic]) -> String {
    diagnostics.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}
