//! Keeps calls, dialogues, findings and scores in one data directory, with indexes by time, agent and rule.
//!
//! The only module that names sled. Values are versioned, compressed and checksummed; audio lies outside (see `ingest`).
//!
//! **Invariant**: no sled type in the public API; an acknowledged write survives a power cut.
