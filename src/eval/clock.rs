//! What recognition costs: time on the wall and time on the processors, all threads of the process together.

use std::ops::Add;
use std::time::{Duration, Instant};

use serde::Serialize;

/// Ticks per second of the processor times that Linux shows to programs; fixed by its interface at 100.
const TICKS_PER_SEC: u64 = 100;

/// Time that something took.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct Cost {
    /// Seconds on the wall.
    pub wall_secs: f64,
    /// Processor seconds of the whole process; absent where the system does not say.
    pub cpu_secs: Option<f64>,
}

impl Add for Cost {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        let cpu_secs = match (self.cpu_secs, other.cpu_secs) {
            (Some(this), Some(that)) => Some(this + that),
            (known, None) | (None, known) => known,
        };
        Self { wall_secs: self.wall_secs + other.wall_secs, cpu_secs }
    }
}

/// Measures from its start.
#[derive(Debug)]
pub struct CostMeter {
    started: Instant,
    cpu_at_start: Option<Duration>,
}

impl CostMeter {
    /// Begins to measure.
    #[must_use]
    pub fn start() -> Self {
        Self { started: Instant::now(), cpu_at_start: process_cpu() }
    }

    /// What was spent since the start, by every thread of the process.
    #[must_use]
    pub fn cost(&self) -> Cost {
        let cpu = process_cpu().zip(self.cpu_at_start).map(|(now, start)| now.saturating_sub(start));
        Cost { wall_secs: self.started.elapsed().as_secs_f64(), cpu_secs: cpu.map(|cpu| cpu.as_secs_f64()) }
    }
}

/// Processor time of the process, user and system.
fn process_cpu() -> Option<Duration> {
    parse_stat(&std::fs::read_to_string("/proc/self/stat").ok()?)
}

/// Reads fields 14 and 15 of `/proc/PID/stat`; the second field is a name in brackets that may hold anything.
fn parse_stat(stat: &str) -> Option<Duration> {
    let (_, after_name) = stat.rsplit_once(')')?;
    let mut fields = after_name.split_ascii_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some(Duration::from_millis((user + system) * (1000 / TICKS_PER_SEC)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processor_time_is_read_past_an_odd_name() {
        let stat = "7 (a) b (c) R 1 7 7 0 -1 4194304 100 0 0 0 250 50 0 0 20 0 1 0 5 0 0";
        assert_eq!(parse_stat(stat), Some(Duration::from_secs(3)));
        assert_eq!(parse_stat("7 (a) R 1"), None);
        assert_eq!(parse_stat(""), None);
    }
}
