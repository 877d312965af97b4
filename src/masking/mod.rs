//! Masks personal data in a dialogue, and keeps what was hidden under a key.
//!
//! What is masked and what of it stays visible: [`MaskKind`]. Every hidden character becomes one `*`, so places in the text
//! (of evidence, of utterances) stay what they are. Finding is by form and by what is said around it, no model: see
//! docs/masking.md for what it misses.
//!
//! [`Masker`] is pure; [`MaskingKey`] reads and makes its file. **Invariants**: the number of characters of every text stays; masking
//! twice is masking once; [`Originals::put_back`] gives back the dialogue as it was; time grows with the length of the text alone.

mod access;
mod accounts;
mod address;
mod carry;
mod config;
mod cues;
mod echo;
mod error;
mod kind;
mod lexer;
mod mask;
mod names;
mod numbers;
mod places;
mod script;
mod seal;
mod secrets;
mod shape;
mod surnames;
#[cfg(test)]
mod tests;

pub use access::{AccessTokens, Refusal};
pub use carry::{carry, join};
pub use config::{AccessToken, MaskingConfig};
pub use error::MaskingError;
pub use kind::{MaskKind, MaskedSpan};
pub use mask::{Masked, Masker, Originals};
pub use seal::{MaskingKey, Sealed};

/// What a hidden character becomes.
pub const HIDDEN: char = '*';
