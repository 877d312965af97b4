//! Tells two voices on one channel apart: from the sound alone, without weights, learnt from nothing but the call.
//!
//! `frames` turns samples into a short vector per 20 ms, `mixture` finds the sounds that the call is made of, `evidence`
//! says how a speaker shifts them, `split` makes a first guess by pieces of speech, `follow` follows both speakers frame
//! by frame, `separate` runs all of it. No words and no roles here: who is the agent is for `dialogue` to say.
//!
//! **Invariant**: pure and deterministic; two voices are always found, and `confidence` says whether to believe it.

mod evidence;
mod follow;
mod frames;
mod mixture;
mod overhear;
mod separate;
mod split;
#[cfg(test)]
mod tests;

pub use frames::{Listener, Voice};
pub use overhear::Overheard;
pub use separate::{Voices, separate};
