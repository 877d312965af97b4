//! What a stretch of speech says about who speaks it, and what a speaker is.
//!
//! A speaker shifts every sound of the call's mixture: all sounds alike (the handset, the voice as a whole) and each sound
//! a little on its own. Both shifts are learnt as variational Bayes learns them, from nothing but the call, so that few
//! frames move a speaker little and never count as certain.
//!
//! **Invariant**: scores are logarithms of likelihood ratios against the mixture of the whole call.

use super::mixture::{DIMS, Mixture, Reading, Vector};

/// Frames follow each other closely and say much the same: each counts for this much of an independent one.
pub(super) const FRAME_WEIGHT: f32 = 0.15;
/// The same for the pitch, which changes more slowly.
pub(super) const PITCH_WEIGHT: f32 = 0.05;
/// One over the variance of the shift of all sounds, in variances of a sound.
const COMMON_PRECISION: f32 = 4.0;
/// One over the variance of the shift of one sound on its own.
const SOUND_PRECISION: f32 = 16.0;
/// How far the pitch of one speaker strays, in octaves.
const PITCH_SPREAD: f32 = 0.25;
/// How far speakers' mean pitches lie apart, in octaves.
const PITCH_RANGE: f32 = 0.5;

/// Sums over frames, weighted by how surely they belong.
#[derive(Debug, Clone)]
pub(super) struct Evidence {
    /// Frames per sound.
    counts: Vec<f32>,
    /// Departures per sound.
    sums: Vec<Vector>,
    num_voiced: f32,
    pitch_sum: f32,
}

/// A frame of speech, ready to be scored.
#[derive(Debug, Clone, Copy)]
pub(super) struct SpeechFrame {
    pub(super) vector: Vector,
    /// Departure of the pitch from the call's mean in [`PITCH_SPREAD`]s; `None` where there is no voice.
    pub(super) pitch: Option<f32>,
    pub(super) readings: [Reading; super::mixture::MAX_SOUNDS],
}

impl Evidence {
    pub(super) fn new(num_sounds: usize) -> Self {
        Self {
            counts: vec![0.0; num_sounds],
            sums: vec![[0.0; DIMS]; num_sounds],
            num_voiced: 0.0,
            pitch_sum: 0.0,
        }
    }

    /// Adds `frame` with `weight`, 0 to 1.
    pub(super) fn add_frame(&mut self, mixture: &Mixture, frame: &SpeechFrame, weight: f32) {
        for reading in frame.readings.iter().filter(|reading| reading.share > 0.01) {
            let index = usize::from(reading.sound);
            let (Some(count), Some(sum)) = (self.counts.get_mut(index), self.sums.get_mut(index)) else {
                continue;
            };
            let share = weight * reading.share * FRAME_WEIGHT;
            *count += share;
            for (sum, away) in sum.iter_mut().zip(&mixture.departure(reading.sound, &frame.vector)) {
                *sum += share * away;
            }
        }
        if let Some(pitch) = frame.pitch {
            self.num_voiced += weight * PITCH_WEIGHT;
            self.pitch_sum += weight * PITCH_WEIGHT * pitch;
        }
    }

    /// Adds `weight` times `other`.
    pub(super) fn add(&mut self, other: &Self, weight: f32) {
        for (count, more) in self.counts.iter_mut().zip(&other.counts) {
            *count += weight * more;
        }
        for (sum, more) in self.sums.iter_mut().zip(&other.sums) {
            for (sum, more) in sum.iter_mut().zip(more) {
                *sum += weight * more;
            }
        }
        self.num_voiced += weight * other.num_voiced;
        self.pitch_sum += weight * other.pitch_sum;
    }

    pub(super) fn num_sounds(&self) -> usize {
        self.counts.len()
    }

    /// Independent frames that it stands for.
    pub(super) fn num_frames(&self) -> f32 {
        self.counts.iter().sum()
    }

    /// A summary for a first, rough split: the shift of all sounds, and that of the pitch.
    pub(super) fn outline(&self) -> [f32; DIMS + 1] {
        let mut outline = [0.0; DIMS + 1];
        let scale = 1.0 / (self.num_frames() + COMMON_PRECISION);
        for (dim, value) in outline.iter_mut().take(DIMS).enumerate() {
            *value = scale * self.sums.iter().map(|sum| sum[dim]).sum::<f32>();
        }
        outline[DIMS] = self.pitch_sum / (self.num_voiced + pitch_precision());
        outline
    }
}

fn pitch_precision() -> f32 {
    (PITCH_SPREAD / PITCH_RANGE).powi(2)
}

/// Pitch as [`SpeechFrame`] wants it.
pub(super) fn pitch_departure(octaves: f32, mean: f32) -> f32 {
    (octaves - mean) / PITCH_SPREAD
}

/// A speaker as learnt from evidence.
#[derive(Debug, Clone)]
pub(super) struct Speaker {
    /// Shift of each sound.
    shifts: Vec<Vector>,
    /// Half the expected squared length of each shift.
    costs: Vec<f32>,
    pitch: f32,
    pitch_cost: f32,
}

impl Speaker {
    /// Learns a speaker.
    pub(super) fn learn(evidence: &Evidence) -> Self {
        let dims = DIMS as f32;
        let total = evidence.num_frames();
        let common_scale = 1.0 / (total + COMMON_PRECISION);
        let (mut common, mut own) = ([0.0; DIMS], vec![[0.0; DIMS]; evidence.counts.len()]);
        for _ in 0..4 {
            common = [0.0; DIMS];
            for ((count, sum), own) in evidence.counts.iter().zip(&evidence.sums).zip(&own) {
                for ((common, sum), own) in common.iter_mut().zip(sum).zip(own) {
                    *common += (sum - count * own) * common_scale;
                }
            }
            for ((count, sum), own) in evidence.counts.iter().zip(&evidence.sums).zip(&mut own) {
                for ((common, sum), own) in common.iter().zip(sum).zip(own) {
                    *own = (sum - count * common) / (count + SOUND_PRECISION);
                }
            }
        }
        let square = |vector: &Vector| vector.iter().map(|value| value * value).sum::<f32>();
        let (mut shifts, mut costs) = (Vec::with_capacity(own.len()), Vec::with_capacity(own.len()));
        for (count, own) in evidence.counts.iter().zip(&own) {
            let mut shift = *own;
            for (shift, common) in shift.iter_mut().zip(&common) {
                *shift += common;
            }
            costs.push(0.5 * (square(&shift) + dims * (common_scale + 1.0 / (count + SOUND_PRECISION))));
            shifts.push(shift);
        }
        let pitch = evidence.pitch_sum / (evidence.num_voiced + pitch_precision());
        let pitch_cost = 0.5 * (pitch * pitch + 1.0 / (evidence.num_voiced + pitch_precision()));
        Self { shifts, costs, pitch, pitch_cost }
    }

    /// How much likelier `frame` is from this speaker than from anybody in the call.
    pub(super) fn score_frame(&self, mixture: &Mixture, frame: &SpeechFrame) -> f32 {
        let mut score = 0.0;
        for reading in frame.readings.iter().filter(|reading| reading.share > 0.01) {
            let index = usize::from(reading.sound);
            let (Some(shift), Some(cost)) = (self.shifts.get(index), self.costs.get(index)) else { continue };
            let away = mixture.departure(reading.sound, &frame.vector);
            let along: f32 = away.iter().zip(shift).map(|(away, shift)| away * shift).sum();
            score += FRAME_WEIGHT * reading.share * (along - cost);
        }
        if let Some(pitch) = frame.pitch {
            score += PITCH_WEIGHT * (pitch * self.pitch - self.pitch_cost);
        }
        score
    }

    /// The same for all frames of `evidence`.
    pub(super) fn score(&self, evidence: &Evidence) -> f32 {
        let mut score = evidence.pitch_sum * self.pitch - evidence.num_voiced * self.pitch_cost;
        for (((count, sum), shift), cost) in
            evidence.counts.iter().zip(&evidence.sums).zip(&self.shifts).zip(&self.costs)
        {
            let along: f32 = sum.iter().zip(shift).map(|(sum, shift)| sum * shift).sum();
            score += along - count * cost;
        }
        score
    }
}
