//! Tests of the whole: one binary, one module per file.

mod architecture;
