//! Gathers measurements by set and writes them as a table.

use std::fmt;

use serde::Serialize;

use super::timing::median_of;
use super::utterances::Measured;
use super::{Cost, EditCounts, Through, TimeErrors};
use crate::types::Millis;

/// What was measured on one set with one model.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SetReport {
    /// Name of the set.
    pub set: String,
    /// Recordings.
    pub num_recordings: u64,
    /// Their length together, every recording once whatever its channels.
    pub audio_ms: Millis,
    /// Edits.
    pub counts: EditCounts,
    /// Time spent.
    pub cost: Cost,
    /// Errors of times, where the truth has times.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub times: Option<TimeErrors>,
}

/// What was measured with one model.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// Name of the model.
    pub model: String,
    /// What the recordings passed first.
    pub through: Through,
    /// One per set, in order of appearance.
    pub sets: Vec<SetReport>,
}

impl Report {
    /// Begins with nothing measured.
    #[must_use]
    pub fn new(model: &str, through: Through) -> Self {
        Self { model: model.to_owned(), through, sets: Vec::new() }
    }

    /// Adds one recording to `set`.
    pub fn add(&mut self, set: &str, measured: &Measured, times: Option<TimeErrors>) {
        let index = self.sets.iter().position(|known| known.set == set).unwrap_or_else(|| {
            self.sets.push(SetReport {
                set: set.to_owned(),
                num_recordings: 0,
                audio_ms: Millis::ZERO,
                counts: EditCounts::default(),
                cost: Cost::default(),
                times: None,
            });
            self.sets.len() - 1
        });
        let report = &mut self.sets[index];
        report.num_recordings += 1;
        report.audio_ms = report.audio_ms + measured.audio;
        report.counts += measured.counts;
        report.cost = report.cost + measured.cost;
        if let Some(times) = times {
            report.times.get_or_insert_default().extend(times);
        }
    }
}

impl SetReport {
    /// Processor seconds per hour of audio.
    #[must_use]
    pub fn cpu_secs_per_hour(&self) -> Option<f64> {
        let hours = self.audio_ms.0 as f64 / 3_600_000.0;
        self.cost.cpu_secs.filter(|_| hours > 0.0).map(|secs| secs / hours)
    }

    /// Seconds on the wall per second of audio.
    #[must_use]
    pub fn real_time_factor(&self) -> Option<f64> {
        (self.audio_ms.0 > 0).then(|| self.cost.wall_secs * 1000.0 / self.audio_ms.0 as f64)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let through = match self.through {
            Through::Clean => "as recorded",
            Through::Alaw8k => "through 8 kHz A-law",
        };
        writeln!(f, "model {}, {through}", self.model)?;
        writeln!(
            f,
            "{:<14} {:>5} {:>8} {:>7} {:>8} {:>6} {:>6} {:>6} {:>9} {:>7}",
            "set", "files", "audio s", "chars", "CER", "sub", "ins", "del", "CPU s/h", "RTF"
        )?;
        for set in &self.sets {
            let counts = set.counts;
            writeln!(
                f,
                "{:<14} {:>5} {:>8} {:>7} {:>8} {:>6} {:>6} {:>6} {:>9} {:>7}",
                set.set,
                set.num_recordings,
                set.audio_ms.0 / 1000,
                counts.reference,
                counts.rate().map_or("–".to_owned(), |rate| format!("{:.2} %", 100.0 * rate)),
                counts.substitutions,
                counts.insertions,
                counts.deletions,
                set.cpu_secs_per_hour().map_or("–".to_owned(), |secs| format!("{secs:.0}")),
                set.real_time_factor().map_or("–".to_owned(), |factor| format!("{factor:.3}")),
            )?;
            if let Some(times) = &set.times {
                writeln!(f, "  {times}")?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for TimeErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let show = |distances: &[u64]| {
            median_of(distances).map_or("–".to_owned(), |median| format!("{median} ms"))
        };
        write!(
            f,
            "times: utterance starts off by {} (median), ends by {}; {} of {} characters outside their utterance",
            show(&self.start_ms),
            show(&self.end_ms),
            self.num_misplaced,
            self.num_characters,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measured(reference: u64, deletions: u64) -> Measured {
        Measured {
            audio: Millis(1_800_000),
            cost: Cost { wall_secs: 90.0, cpu_secs: Some(180.0) },
            counts: EditCounts { reference, deletions, ..EditCounts::default() },
            text: String::new(),
        }
    }

    #[test]
    fn recordings_of_a_set_are_pooled() {
        let mut report = Report::new("base", Through::Alaw8k);
        report.add("news", &measured(10, 1), None);
        report.add("news", &measured(90, 4), None);
        report.add("home", &measured(0, 0), None);
        assert_eq!(report.sets.len(), 2);
        assert_eq!(report.sets[0].counts.rate(), Some(0.05));
        assert_eq!(report.sets[0].cpu_secs_per_hour(), Some(360.0));
        assert_eq!(report.sets[0].real_time_factor(), Some(0.05));
        let text = report.to_string();
        assert!(text.contains("5.00 %") && text.contains("8 kHz A-law") && text.contains("–"), "{text}");
    }
}
