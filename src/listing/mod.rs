//! What an archive is made of: the calls in a folder or in a manifest, with all that names and columns say about them.
//!
//! `folder` walks, `manifest` reads tables, `pattern` reads names, `legs` pairs the two sides of a call and `join` makes
//! one recording of them; `fields` and `values` turn text into metadata.
//!
//! **Invariant**: one bad file, name or row is a [`ListingProblem`] and keeps nothing else back; the same files give the
//! same items under the same ids in the same order.

mod error;
mod fields;
mod folder;
mod ids;
mod item;
mod join;
mod json_row;
mod legs;
mod manifest;
#[cfg(test)]
mod manifest_tests;
mod options;
mod pattern;
mod table_cells;
mod table_text;
mod values;
mod walk;

pub use error::{ItemError, JoinError, ListingError, ListingProblem, PatternError};
pub use folder::{list_files, list_folder};
pub use ids::call_id_of;
pub use item::{ArchiveItem, ItemSource, Listing};
pub use join::join_legs;
pub use legs::{LegRoles, LegSuffixes};
pub use manifest::read_manifest;
pub use options::ListingOptions;
pub use pattern::NamePattern;
pub use walk::{Walked, walk};
