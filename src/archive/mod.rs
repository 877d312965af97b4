//! Archives: many calls at once, from folders and lists of files.
//!
//! `listing` says what an archive is made of.

pub mod listing;
