//! Tests of the classifier of demands.
