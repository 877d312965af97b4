//! A first split of the pieces of a call into two speakers.
//!
//! Pieces are speech between pauses, none longer than a breath. The split begins along each of the directions in which
//! pieces differ most and is then improved until it stands; the likeliest wins.

use super::evidence::{Evidence, Speaker};

const NUM_AXES: usize = 5;
const NUM_ROUNDS: usize = 12;
const OUTLINE: usize = super::mixture::DIMS + 1;

/// Two speakers and how likely each piece is the first's.
#[derive(Debug, Clone)]
pub(super) struct Split {
    pub(super) first: Vec<f32>,
    /// Logarithm of how much likelier the two are than nobody in particular.
    pub(super) gain: f32,
}

/// The score of all pieces as one speaker's.
pub(super) fn alone(pieces: &[Evidence]) -> f32 {
    let mut all = Evidence::new(pieces.first().map_or(0, Evidence::num_sounds));
    for piece in pieces {
        all.add(piece, 1.0);
    }
    Speaker::learn(&all).score(&all)
}

/// The likeliest splits first.
pub(super) fn split(pieces: &[Evidence]) -> Vec<Split> {
    let outlines: Vec<[f32; OUTLINE]> = pieces.iter().map(Evidence::outline).collect();
    let weights: Vec<f32> = pieces.iter().map(Evidence::num_frames).collect();
    let mut splits: Vec<Split> = Vec::new();
    for axis in axes(&outlines, &weights) {
        let along: Vec<f32> = outlines.iter().map(|outline| dot(outline, &axis)).collect();
        for threshold in thresholds(&along, &weights) {
            let first = along.iter().map(|value| if *value > threshold { 0.9 } else { 0.1 }).collect();
            splits.push(improve(pieces, first));
        }
    }
    splits.sort_by(|a, b| b.gain.total_cmp(&a.gain));
    splits
}

/// Expectation and maximisation, piece by piece.
fn improve(pieces: &[Evidence], mut first: Vec<f32>) -> Split {
    let mut gain = f32::NEG_INFINITY;
    for _ in 0..NUM_ROUNDS {
        let (one, two) = speakers(pieces, &first);
        let mut total = 0.0;
        for (piece, first) in pieces.iter().zip(&mut first) {
            let (a, b) = (one.score(piece), two.score(piece));
            *first = 1.0 / (1.0 + (b - a).exp());
            total += a.max(b) + (1.0 + (-(a - b).abs()).exp()).ln() - std::f32::consts::LN_2;
        }
        let settled = (total - gain).abs() < 1e-3;
        gain = total;
        if settled {
            break;
        }
    }
    Split { first, gain }
}

/// The speakers that the pieces make.
pub(super) fn speakers(pieces: &[Evidence], first: &[f32]) -> (Speaker, Speaker) {
    let num_sounds = pieces.first().map_or(0, Evidence::num_sounds);
    let (mut one, mut two) = (Evidence::new(num_sounds), Evidence::new(num_sounds));
    for (piece, first) in pieces.iter().zip(first) {
        one.add(piece, *first);
        two.add(piece, 1.0 - first);
    }
    (Speaker::learn(&one), Speaker::learn(&two))
}

/// Directions of most variance, found one after another.
fn axes(outlines: &[[f32; OUTLINE]], weights: &[f32]) -> Vec<[f32; OUTLINE]> {
    let total: f32 = weights.iter().sum::<f32>().max(f32::MIN_POSITIVE);
    let mut mean = [0.0; OUTLINE];
    for (outline, weight) in outlines.iter().zip(weights) {
        for (mean, value) in mean.iter_mut().zip(outline) {
            *mean += weight * value / total;
        }
    }
    let mut covariance = [[0.0_f32; OUTLINE]; OUTLINE];
    for (outline, weight) in outlines.iter().zip(weights) {
        for (row, a) in covariance.iter_mut().zip(outline.iter().zip(&mean)) {
            for (cell, b) in row.iter_mut().zip(outline.iter().zip(&mean)) {
                *cell += weight / total * (a.0 - a.1) * (b.0 - b.1);
            }
        }
    }
    let mut axes: Vec<[f32; OUTLINE]> = Vec::new();
    for _ in 0..NUM_AXES {
        let mut axis = [1.0; OUTLINE];
        for (dim, value) in axis.iter_mut().enumerate() {
            *value = 1.0 + dim as f32 * 0.1;
        }
        for _ in 0..60 {
            let mut next = [0.0; OUTLINE];
            for (value, row) in next.iter_mut().zip(&covariance) {
                *value = dot(row, &axis);
            }
            for earlier in &axes {
                let shared = dot(&next, earlier);
                for (value, earlier) in next.iter_mut().zip(earlier) {
                    *value -= shared * earlier;
                }
            }
            let length = dot(&next, &next).sqrt();
            if length < 1e-12 {
                return axes;
            }
            axis = next.map(|value| value / length);
        }
        axes.push(axis);
    }
    let mut pitch = [0.0; OUTLINE];
    pitch[OUTLINE - 1] = 1.0;
    axes.push(pitch);
    axes
}

fn dot(a: &[f32; OUTLINE], b: &[f32; OUTLINE]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// Where to cut an axis: so that the halves are as narrow as can be, in the middle, and at either end.
fn thresholds(along: &[f32], weights: &[f32]) -> Vec<f32> {
    let mut sorted: Vec<(f32, f32)> = along.iter().copied().zip(weights.iter().copied()).collect();
    sorted.sort_by(|a, b| a.0.total_cmp(&b.0));
    let total: f32 = weights.iter().sum();
    let sum: f32 = sorted.iter().map(|(value, weight)| value * weight).sum();
    let (mut below, mut sum_below) = (0.0, 0.0);
    let mut best = (f32::NEG_INFINITY, 0.0);
    let mut at_share = [None; 3];
    for pair in sorted.windows(2) {
        let [(value, weight), (next, _)] = pair else { continue };
        below += weight;
        sum_below += weight * value;
        let above = total - below;
        if above <= 0.0 {
            break;
        }
        let apart = sum_below / below - (sum - sum_below) / above;
        let between = below * above * apart * apart;
        if between > best.0 {
            best = (between, (value + next) / 2.0);
        }
        for (share, found) in [0.2, 0.5, 0.8].iter().zip(&mut at_share) {
            if found.is_none() && below >= share * total {
                *found = Some((value + next) / 2.0);
            }
        }
    }
    let mut thresholds = vec![best.1];
    thresholds.extend(at_share.into_iter().flatten());
    thresholds
}
