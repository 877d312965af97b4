//! Effects of improvements on calls with a known truth.
