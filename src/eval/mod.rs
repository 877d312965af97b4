//! Measures recognition and who is said to have spoken: recordings whose words and speakers are known go in, error rates
//! and costs come out.
//!
//! Judges whatever implements [`Transcriber`](crate::speech::Transcriber) through the same decoding that calls take.
//! Prints nothing, knows no store; rules are measured on calls that people labelled.
//!
//! **Invariant**: reference and hypothesis pass the same normalisation ([`characters`]) before they are compared.

mod align;
mod calls;
mod clock;
mod diarization;
mod error;
mod masking;
mod normalize;
mod report;
mod rules;
mod score;
mod set;
mod signal;
mod silence;
mod speakers;
mod telephone;
mod timing;
mod utterances;

pub use align::{Alignment, EditCounts, align};
pub use calls::{LabelledCall, evaluate_call, find_calls};
pub use clock::{Cost, CostMeter};
pub use diarization::{SpeakerErrors, SpokenBy, compare_speakers};
pub use error::EvalError;
pub use masking::{KindFigures, MaskingFault, MaskingReport, evaluate_masking};
pub use normalize::characters;
pub use report::{Report, SetReport};
pub use rules::{
    ExampleFacts, RuleExample, RuleMistake, RuleReport, RuleScore, evaluate_rules, read_examples,
};
pub use score::{CallScore, Scores, score_calls};
pub use set::{LabelledUtterance, read_manifest};
pub use signal::Signal;
pub use silence::{Invented, listen_to};
pub use speakers::{MixedCall, SpeakerReport, evaluate_rttm, evaluate_speakers, find_mixed};
pub use telephone::through_telephone;
pub use timing::TimeErrors;
pub use utterances::{Measured, Through, evaluate_utterance};
