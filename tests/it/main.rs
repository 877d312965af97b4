//! Tests of the whole: real files, real sled, real threads; one binary, one module per file.

#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "a test that cannot go on should say so at once"
)]

mod architecture;
mod crash;
mod pipeline;
mod support;
