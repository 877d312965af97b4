//! Tests of `series`.
