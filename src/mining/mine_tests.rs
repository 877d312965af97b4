//! Tests of `mine`.
