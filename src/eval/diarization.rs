//! Who spoke when against who is said to have spoken: missed, invented and confused time.
//!
//! Counted as NIST's md-eval does, in steps of 10 ms: time in which two people speak counts twice, and speakers are named
//! as suits the hypothesis best.

use std::collections::BTreeSet;
use std::ops::AddAssign;

use serde::Serialize;

use crate::types::{Millis, TimeSpan};

/// Resolution of the count.
const STEP: u64 = 10;

/// Speech of one speaker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SpokenBy {
    /// Any number that stands for the speaker.
    pub speaker: u16,
    /// When.
    pub span: TimeSpan,
}

/// Time that was attributed wrongly. Sums over recordings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct SpeakerErrors {
    /// Speech of the reference, every speaker counted.
    pub spoken_ms: u64,
    /// Speech that nobody is said to have spoken.
    pub missed_ms: u64,
    /// Speech of somebody who did not speak.
    pub false_alarm_ms: u64,
    /// Speech of one speaker given to another.
    pub confused_ms: u64,
}

impl SpeakerErrors {
    /// The diarization error rate, 0 to 1 and beyond; `None` without speech.
    #[must_use]
    pub fn rate(&self) -> Option<f64> {
        self.share(self.missed_ms + self.false_alarm_ms + self.confused_ms)
    }

    /// `part` of the reference's speech.
    #[must_use]
    pub fn share(&self, part: u64) -> Option<f64> {
        (self.spoken_ms > 0).then(|| part as f64 / self.spoken_ms as f64)
    }
}

impl AddAssign for SpeakerErrors {
    fn add_assign(&mut self, other: Self) {
        self.spoken_ms += other.spoken_ms;
        self.missed_ms += other.missed_ms;
        self.false_alarm_ms += other.false_alarm_ms;
        self.confused_ms += other.confused_ms;
    }
}

/// Compares who is said to have spoken with who did. Within `collar` of where anybody begins or ends, nothing counts.
#[must_use]
pub fn compare_speakers(reference: &[SpokenBy], hypothesis: &[SpokenBy], collar: Millis) -> SpeakerErrors {
    let names = |said: &[SpokenBy]| -> Vec<u16> {
        said.iter().map(|said| said.speaker).collect::<BTreeSet<_>>().into_iter().collect()
    };
    let (true_names, given_names) = (names(reference), names(hypothesis));
    let end = reference.iter().chain(hypothesis).map(|said| said.span.end.0).max().unwrap_or(0);
    let num_steps = usize::try_from(end.div_ceil(STEP)).unwrap_or(0);
    let truth = activity(reference, &true_names, num_steps);
    let given = activity(hypothesis, &given_names, num_steps);
    let counted = outside_collar(reference, collar, num_steps);

    let mut errors = SpeakerErrors::default();
    let mut together = vec![vec![0_u64; given_names.len()]; true_names.len()];
    for step in (0..num_steps).filter(|step| counted.get(*step).copied().unwrap_or(false)) {
        let active =
            |rows: &[Vec<bool>]| rows.iter().filter(|row| row.get(step) == Some(&true)).count() as u64;
        let (num_true, num_given) = (active(&truth), active(&given));
        errors.spoken_ms += num_true * STEP;
        errors.missed_ms += num_true.saturating_sub(num_given) * STEP;
        errors.false_alarm_ms += num_given.saturating_sub(num_true) * STEP;
        // All of what both have, less what the best naming gets right.
        errors.confused_ms += num_true.min(num_given) * STEP;
        for (row, shared) in truth.iter().zip(&mut together) {
            for (other, shared) in given.iter().zip(shared) {
                *shared += u64::from(row.get(step) == Some(&true) && other.get(step) == Some(&true)) * STEP;
            }
        }
    }
    errors.confused_ms -= best_naming(&together, 0, &mut vec![false; given_names.len()]);
    errors
}

fn activity(said: &[SpokenBy], names: &[u16], num_steps: usize) -> Vec<Vec<bool>> {
    let mut rows = vec![vec![false; num_steps]; names.len()];
    for one in said {
        let Some(row) = names.iter().position(|name| *name == one.speaker).and_then(|at| rows.get_mut(at))
        else {
            continue;
        };
        let (from, to) = (one.span.start.0.div_ceil(STEP), one.span.end.0.div_ceil(STEP));
        for step in from..to {
            if let Some(active) = usize::try_from(step).ok().and_then(|step| row.get_mut(step)) {
                *active = true;
            }
        }
    }
    rows
}

fn outside_collar(reference: &[SpokenBy], collar: Millis, num_steps: usize) -> Vec<bool> {
    let mut counted = vec![true; num_steps];
    for border in reference.iter().flat_map(|said| [said.span.start.0, said.span.end.0]) {
        let (from, to) = (border.saturating_sub(collar.0).div_ceil(STEP), (border + collar.0).div_ceil(STEP));
        for step in from..to {
            if let Some(counted) = usize::try_from(step).ok().and_then(|step| counted.get_mut(step)) {
                *counted = false;
            }
        }
    }
    counted
}

/// The most time that any naming gets right; a call has a handful of speakers, so every naming is tried.
fn best_naming(together: &[Vec<u64>], row: usize, taken: &mut Vec<bool>) -> u64 {
    let Some(shared) = together.get(row) else { return 0 };
    let mut best = best_naming(together, row + 1, taken);
    for (column, time) in shared.iter().enumerate() {
        if !taken[column] {
            taken[column] = true;
            best = best.max(time + best_naming(together, row + 1, taken));
            taken[column] = false;
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(spans: &[(u16, u64, u64)]) -> Vec<SpokenBy> {
        let one = |(speaker, start, end): &(u16, u64, u64)| SpokenBy {
            speaker: *speaker,
            span: TimeSpan::new(Millis(*start), Millis(*end)),
        };
        spans.iter().map(one).collect()
    }

    #[test]
    fn names_do_not_matter_and_every_kind_of_error_is_counted() {
        let truth = said(&[(0, 0, 4_000), (1, 5_000, 7_000)]);
        let same = said(&[(7, 0, 4_000), (3, 5_000, 7_000)]);
        assert_eq!(compare_speakers(&truth, &same, Millis::ZERO).rate(), Some(0.0));
        let given = said(&[(1, 500, 3_000), (0, 3_000, 4_500), (0, 5_000, 7_000)]);
        let errors = compare_speakers(&truth, &given, Millis::ZERO);
        let expected =
            SpeakerErrors { spoken_ms: 6_000, missed_ms: 500, false_alarm_ms: 500, confused_ms: 1_000 };
        assert_eq!(errors, expected);
    }

    #[test]
    fn one_speaker_for_two_confuses_the_shorter_one() {
        let truth = said(&[(0, 0, 3_000), (1, 3_000, 4_000)]);
        let errors = compare_speakers(&truth, &said(&[(0, 0, 4_000)]), Millis::ZERO);
        assert_eq!((errors.confused_ms, errors.missed_ms), (1_000, 0));
    }

    #[test]
    fn overlapped_speech_counts_twice() {
        let truth = said(&[(0, 0, 2_000), (1, 1_000, 3_000)]);
        let errors = compare_speakers(&truth, &said(&[(0, 0, 2_000), (1, 2_000, 3_000)]), Millis::ZERO);
        assert_eq!((errors.spoken_ms, errors.missed_ms, errors.confused_ms), (4_000, 1_000, 0));
    }

    #[test]
    fn nothing_counts_within_the_collar() {
        let truth = said(&[(0, 1_000, 3_000)]);
        let errors = compare_speakers(&truth, &said(&[(0, 1_200, 2_800)]), Millis(250));
        assert_eq!((errors.spoken_ms, errors.missed_ms), (1_500, 0));
    }
}
