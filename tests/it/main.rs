//! Tests of the whole: one binary, one module per file.

#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test that cannot go on should say so at once"
)]

mod architecture;
