//! Follows two speakers through a call, frame by frame: who speaks is likely to go on, and to change at a pause.

use super::evidence::{Evidence, Speaker, SpeechFrame};
use super::mixture::Mixture;

const NUM_ROUNDS: usize = 8;
/// Chance that the speaker changes from one frame to the next within speech.
const CHANGE: f32 = 0.002;
/// The same over a pause of [`LONG_PAUSE`] frames or more.
const CHANGE_AT_PAUSE: f32 = 0.5;
const LONG_PAUSE: f32 = 20.0;

/// Who speaks when.
#[derive(Debug, Clone)]
pub(super) struct Followed {
    /// For each frame of speech, how likely the first speaker says it.
    pub(super) first: Vec<f32>,
    /// For each frame of speech, the score of the first speaker less that of the second.
    pub(super) lean: Vec<f32>,
    /// Logarithm of how much likelier this is than one voice.
    pub(super) likelihood: f32,
}

/// Learns both speakers and who speaks when in turn, from a first guess.
pub(super) fn follow(
    mixture: &Mixture,
    frames: &[SpeechFrame],
    at: &[u32],
    mut speakers: (Speaker, Speaker),
) -> Followed {
    let changes = changes(at);
    let mut followed = Followed { first: Vec::new(), lean: Vec::new(), likelihood: f32::NEG_INFINITY };
    for _ in 0..NUM_ROUNDS {
        let scores: Vec<(f32, f32)> = frames
            .iter()
            .map(|frame| (speakers.0.score_frame(mixture, frame), speakers.1.score_frame(mixture, frame)))
            .collect();
        let (first, likelihood) = pass(&scores, &changes);
        let settled = (likelihood - followed.likelihood).abs() < 1e-2;
        let lean = scores.iter().map(|(one, two)| one - two).collect();
        followed = Followed { first, lean, likelihood };
        if settled {
            break;
        }
        let (mut one, mut two) = (Evidence::new(mixture.len()), Evidence::new(mixture.len()));
        for (frame, first) in frames.iter().zip(&followed.first) {
            one.add_frame(mixture, frame, *first);
            two.add_frame(mixture, frame, 1.0 - first);
        }
        speakers = (Speaker::learn(&one), Speaker::learn(&two));
    }
    followed
}

/// Chance of a change before each frame, from the time that passes.
fn changes(at: &[u32]) -> Vec<f32> {
    let mut before = None;
    let mut changes = Vec::with_capacity(at.len());
    for now in at {
        let pause = before.map_or(0.0, |before: u32| now.saturating_sub(before + 1) as f32);
        changes.push(CHANGE + (CHANGE_AT_PAUSE - CHANGE) * (pause / LONG_PAUSE).min(1.0));
        before = Some(*now);
    }
    changes
}

/// Forward and backward: how likely each frame is the first speaker's, and the logarithm of the evidence.
fn pass(scores: &[(f32, f32)], changes: &[f32]) -> (Vec<f32>, f32) {
    let mut first = Vec::with_capacity(scores.len());
    let mut evidence = 0.0_f64;
    let mut forward = (0.5_f32, 0.5_f32);
    for ((one, two), change) in scores.iter().zip(changes) {
        let stay = 1.0 - change;
        let most = one.max(*two);
        let a = (forward.0 * stay + forward.1 * change) * (one - most).exp();
        let b = (forward.1 * stay + forward.0 * change) * (two - most).exp();
        let sum = (a + b).max(f32::MIN_POSITIVE);
        evidence += f64::from(most + sum.ln());
        forward = (a / sum, b / sum);
        first.push(forward.0);
    }
    let mut backward = (1.0_f32, 1.0_f32);
    for index in (0..scores.len()).rev() {
        let Some(forward) = first.get_mut(index) else { break };
        let (a, b) = (*forward * backward.0, (1.0 - *forward) * backward.1);
        *forward = a / (a + b).max(f32::MIN_POSITIVE);
        let (Some((one, two)), Some(change)) = (scores.get(index), changes.get(index)) else { break };
        let most = one.max(*two);
        let (a, b) = (backward.0 * (one - most).exp(), backward.1 * (two - most).exp());
        let stay = 1.0 - change;
        backward = (a * stay + b * change, b * stay + a * change);
        let sum = (backward.0 + backward.1).max(f32::MIN_POSITIVE);
        backward = (backward.0 / sum, backward.1 / sum);
    }
    (first, evidence as f32)
}
