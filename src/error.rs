//! The one error vocabulary that every module shares.
//!
//! Each module has its own `thiserror` enum; [`Classify`] says what such an error means to a caller. The three
//! mappings to the outside (gRPC status, exit code, HTTP) read nothing else.

use std::fmt;

/// What kind of failure a caller sees. Small and closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorCode {
    /// The request itself is wrong.
    InvalidInput,
    /// The bytes are not audio that can be read.
    UnsupportedMedia,
    /// A stated limit was passed.
    LimitExceeded,
    /// No such thing.
    NotFound,
    /// It is there already.
    AlreadyExists,
    /// It contradicts what is stored.
    Conflict,
    /// Nobody known is asking.
    Unauthenticated,
    /// Known, but not allowed.
    Forbidden,
    /// Too much at once: try again later.
    Busy,
    /// A part that is needed is not ready.
    Unavailable,
    /// It took longer than allowed.
    Timeout,
    /// The caller gave up.
    Cancelled,
    /// A defect or a broken machine; detail is only logged.
    Internal,
}

/// Whether trying again can help.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Retry {
    /// The same request fails again.
    Never,
    /// Try again after this many milliseconds.
    After(u64),
    /// Try again when the cause is gone.
    Later,
}

/// What an error means to whoever made the request.
pub trait Classify: std::error::Error {
    /// The kind of failure.
    fn code(&self) -> ErrorCode;

    /// A stable public name such as `audio.unsupported_codec`; listed in docs/errors.md.
    fn reason(&self) -> &'static str;

    /// Whether trying again can help.
    fn retry(&self) -> Retry {
        match self.code() {
            ErrorCode::Busy => Retry::After(1000),
            ErrorCode::Unavailable | ErrorCode::Timeout => Retry::Later,
            ErrorCode::InvalidInput
            | ErrorCode::UnsupportedMedia
            | ErrorCode::LimitExceeded
            | ErrorCode::NotFound
            | ErrorCode::AlreadyExists
            | ErrorCode::Conflict
            | ErrorCode::Unauthenticated
            | ErrorCode::Forbidden
            | ErrorCode::Cancelled
            | ErrorCode::Internal => Retry::Never,
        }
    }
}

/// Shows an error with its chain of causes on one line, for logs.
#[derive(Debug)]
pub struct Chain<'a>(pub &'a (dyn std::error::Error + 'static));

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let mut cause = self.0.source();
        while let Some(error) = cause {
            write!(f, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}
