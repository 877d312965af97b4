//! Which channels are used, and whether two of them are one mix written twice.
//!
//! A recorder that is told "stereo" and gets a mixed line writes the same call to both channels, sometimes louder on
//! one, a few milliseconds late, or with its own noise. Crosstalk looks similar for as long as one person talks, and
//! must not count. What tells them apart: a copy keeps one ratio of loudness and one delay in every loud moment of
//! *both* channels; with crosstalk the ratio turns over when the other person talks.

use super::AudioError;
use super::level::power_to_dbfs;
use crate::types::ChannelIndex;

/// Which part of a recording is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Selection<'a> {
    /// Audio track, counted from 0; the file's default when `None`. Headerless files and those that cannot have several
    /// have track 0 only.
    pub track: Option<u32>,
    /// Channels of the track, in order; empty means all of one or two.
    pub channels: &'a [ChannelIndex],
}

impl<'a> From<&'a [ChannelIndex]> for Selection<'a> {
    fn from(channels: &'a [ChannelIndex]) -> Self {
        Self { track: None, channels }
    }
}

impl<'a, const N: usize> From<&'a [ChannelIndex; N]> for Selection<'a> {
    fn from(channels: &'a [ChannelIndex; N]) -> Self {
        Self { track: None, channels }
    }
}

impl<'a> From<&'a Vec<ChannelIndex>> for Selection<'a> {
    fn from(channels: &'a Vec<ChannelIndex>) -> Self {
        Self { track: None, channels }
    }
}

/// Chosen channels of one recording: at most the two sides of a call.
const MAX_SELECTED: usize = 2;

/// Checks the choice against the recording; empty means all of one or two.
pub(super) fn select(chosen: &[ChannelIndex], num_channels: u16) -> Result<Vec<ChannelIndex>, AudioError> {
    if chosen.is_empty() {
        return match num_channels {
            0..=2 => Ok((0..num_channels).map(ChannelIndex).collect()),
            _ => Err(AudioError::ChannelsRequired { num_channels }),
        };
    }
    if chosen.len() > MAX_SELECTED {
        return Err(AudioError::TooManyChannels { num_selected: chosen.len() });
    }
    for (index, channel) in chosen.iter().enumerate() {
        let twice = chosen.iter().take(index).any(|earlier| earlier == channel);
        if channel.0 >= num_channels || twice {
            return Err(AudioError::NoSuchChannel { channel: *channel, num_channels });
        }
    }
    Ok(chosen.to_vec())
}

/// Rate at which channels are compared: speech has its energy below 2 kHz, and the work falls with the square.
const COMPARED_RATE_HZ: u32 = 4000;

/// Correlation from which two windows count as the same sound; reached with noise 3 dB below the speech.
const SAME_SOUND: f32 = 0.8;

/// Most that one channel of a copy is louder than the other. An echo is weaker.
const MAX_GAIN_DB: f32 = 12.0;

/// Most that the ratio of loudness moves from window to window within a copy.
const GAIN_SPREAD_DB: f32 = 3.0;

/// Share of each channel's loud windows that have to be the same sound.
const SAME_SHARE: f64 = 0.9;

/// Windows below this level say nothing.
const QUIET_DBFS: f32 = -60.0;

/// What one window says: a fifth of a second.
#[derive(Debug, Clone, Copy)]
struct Window {
    levels_dbfs: [f32; 2],
    correlation: f32,
    gain_db: f32,
    lag: i16,
}

/// Compares two channels as they are decoded. Keeps 20 bytes per fifth of a second.
#[derive(Debug)]
pub(super) struct Likeness {
    factor: usize,
    window_len: usize,
    max_lag: usize,
    sums: [f32; 2],
    summed: usize,
    current: [Vec<f32>; 2],
    /// Delay of the last window in which both were the same sound: tried first.
    likely_lag: i16,
    windows: Vec<Window>,
}

impl Likeness {
    pub(super) fn new(rate_hz: u32) -> Self {
        let factor = (rate_hz / COMPARED_RATE_HZ).max(1);
        let compared_rate = (rate_hz / factor).max(100) as usize;
        Self {
            factor: factor as usize,
            window_len: compared_rate / 5,
            max_lag: compared_rate / 50,
            sums: [0.0; 2],
            summed: 0,
            current: [Vec::new(), Vec::new()],
            likely_lag: 0,
            windows: Vec::new(),
        }
    }

    pub(super) fn push(&mut self, left: &[f32], right: &[f32]) {
        for (a, b) in left.iter().zip(right) {
            self.sums[0] += a;
            self.sums[1] += b;
            self.summed += 1;
            if self.summed < self.factor {
                continue;
            }
            for (window, sum) in self.current.iter_mut().zip(&mut self.sums) {
                window.push(*sum / self.factor as f32);
                *sum = 0.0;
            }
            self.summed = 0;
            if self.current[0].len() == self.window_len {
                let window = compare(&mut self.current, self.max_lag, self.likely_lag);
                if window.correlation >= SAME_SOUND {
                    self.likely_lag = window.lag;
                }
                self.windows.push(window);
                self.current.iter_mut().for_each(Vec::clear);
            }
        }
    }

    /// Whether both channels carry the same mix.
    pub(super) fn is_dual_mono(&self) -> bool {
        let loud = [self.loud(0), self.loud(1)];
        if loud.iter().any(Vec::is_empty) {
            return false;
        }
        let same: Vec<Window> =
            loud.iter().flatten().filter(|window| window.correlation >= SAME_SOUND).copied().collect();
        let (Some(gain_db), Some(lag)) = (
            median(same.iter().map(|window| window.gain_db).collect()),
            median(same.iter().map(|window| f32::from(window.lag)).collect()),
        ) else {
            return false;
        };
        gain_db.abs() <= MAX_GAIN_DB
            && loud.iter().all(|windows| {
                let num_same = windows
                    .iter()
                    .filter(|window| {
                        window.correlation >= SAME_SOUND
                            && (window.gain_db - gain_db).abs() <= GAIN_SPREAD_DB
                            && (f32::from(window.lag) - lag).abs() <= 1.0
                    })
                    .count();
                num_same as f64 >= SAME_SHARE * windows.len() as f64
            })
    }

    /// The windows in which this channel speaks: near its loudest, and above its own noise.
    fn loud(&self, side: usize) -> Vec<Window> {
        let mut levels: Vec<f32> = self.windows.iter().map(|window| window.levels_dbfs[side]).collect();
        levels.sort_by(f32::total_cmp);
        let at = |percent: usize| levels.get(levels.len() * percent / 100).copied().unwrap_or(QUIET_DBFS);
        let (noise, speech) = (at(10), at(95));
        let threshold = (speech - 15.0).max((noise + 6.0).min(speech - 3.0)).max(QUIET_DBFS);
        self.windows.iter().filter(|window| window.levels_dbfs[side] >= threshold).copied().collect()
    }
}

fn median(mut values: Vec<f32>) -> Option<f32> {
    values.sort_by(f32::total_cmp);
    values.get(values.len() / 2).copied()
}

/// Finds the delay at which two windows are most alike: near `likely_lag` if they are the same sound there, else
/// anywhere. Removes a constant offset from both first.
fn compare(pair: &mut [Vec<f32>; 2], max_lag: usize, likely_lag: i16) -> Window {
    for samples in pair.iter_mut() {
        let mean = samples.iter().sum::<f32>() / samples.len().max(1) as f32;
        samples.iter_mut().for_each(|sample| *sample -= mean);
    }
    let [left, right] = pair;
    let level = |samples: &[f32]| power_to_dbfs(f64::from(energy(samples)) / samples.len().max(1) as f64);
    let levels_dbfs = [level(left), level(right)];
    let gain_db = levels_dbfs[1] - levels_dbfs[0];
    let mut window = Window { levels_dbfs, correlation: 0.0, gain_db, lag: 0 };
    let core_len = left.len().saturating_sub(2 * max_lag);
    let cannot_be_same = gain_db.abs() > MAX_GAIN_DB + GAIN_SPREAD_DB;
    if levels_dbfs.iter().any(|level| *level < QUIET_DBFS) || cannot_be_same || core_len == 0 {
        return window;
    }
    let core = &left[max_lag..max_lag + core_len];
    let core_energy = energy(core);
    let mut search = |shifts: std::ops::RangeInclusive<usize>| {
        for shift in shifts {
            let shifted = &right[shift..shift + core_len];
            let product: f32 = core.iter().zip(shifted).map(|(a, b)| a * b).sum();
            // A copy may have its wires crossed, so the sign does not matter.
            let correlation = product.abs() / (core_energy * energy(shifted)).sqrt().max(1e-9);
            if correlation > window.correlation {
                window.correlation = correlation;
                // Both are at most a fiftieth of the compared rate.
                window.lag = shift as i16 - max_lag as i16;
            }
        }
        window.correlation >= SAME_SOUND
    };
    let likely = max_lag.saturating_add_signed(isize::from(likely_lag));
    if !search(likely.saturating_sub(1)..=(likely + 1).min(2 * max_lag)) {
        search(0..=2 * max_lag);
    }
    window
}

fn energy(samples: &[f32]) -> f32 {
    samples.iter().map(|sample| sample * sample).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE_HZ: u32 = 8000;

    /// Something like a voice: a wandering pitch with harmonics in syllables, silent outside `talks`.
    fn voice(seed: u64, seconds: usize, talks: impl Fn(usize) -> bool) -> Vec<f32> {
        let mut noise = noise(seed, 1.0);
        let mut pitch = 100.0 + (seed % 7) as f32 * 17.0;
        let mut phase = 0.0f32;
        (0..seconds * RATE_HZ as usize)
            .map(|index| {
                pitch = (pitch + 0.02 * noise()).clamp(80.0, 260.0);
                phase = (phase + pitch / RATE_HZ as f32).fract();
                let syllable = (index as f32 / RATE_HZ as f32 * 4.0 * std::f32::consts::TAU).sin().max(0.0);
                let turn = phase * std::f32::consts::TAU;
                let sound = turn.sin() + 0.6 * (3.0 * turn).sin() + 0.4 * (7.0 * turn).sin() + 0.3 * noise();
                if talks(index / RATE_HZ as usize) { 0.1 * syllable * sound } else { 0.0 }
            })
            .collect()
    }

    fn noise(seed: u64, amplitude: f32) -> impl FnMut() -> f32 {
        let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        move || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            amplitude * ((state >> 40) as f32 / (1u64 << 23) as f32 - 1.0)
        }
    }

    fn mixed(parts: &[(&[f32], f32)], noise_amplitude: f32, seed: u64) -> Vec<f32> {
        let mut noise = noise(seed, noise_amplitude);
        (0..parts[0].0.len())
            .map(|index| parts.iter().map(|(part, gain)| part[index] * gain).sum::<f32>() + noise())
            .collect()
    }

    fn is_dual_mono(left: &[f32], right: &[f32]) -> bool {
        let mut likeness = Likeness::new(RATE_HZ);
        for (a, b) in left.chunks(777).zip(right.chunks(777)) {
            likeness.push(a, b);
        }
        likeness.is_dual_mono()
    }

    #[test]
    fn one_mix_on_both_channels_is_found_through_gain_delay_and_noise() {
        let agent = voice(1, 20, |second| second % 6 < 3);
        let customer = voice(2, 20, |second| second % 6 >= 3);
        let mix = mixed(&[(&agent, 1.0), (&customer, 0.7)], 0.0005, 3);
        assert!(is_dual_mono(&mix, &mix));
        let inverted = mixed(&[(&mix, -0.5)], 0.0, 4);
        assert!(is_dual_mono(&mix, &inverted), "crossed wires and 6 dB less");
        let mut late = vec![0.0; 80];
        late.extend_from_slice(&mix[..mix.len() - 80]);
        assert!(is_dual_mono(&mix, &late), "10 ms late");
        let noisy = mixed(&[(&mix, 1.0)], 0.02, 5);
        assert!(is_dual_mono(&mix, &noisy), "noise about 10 dB below the speech on one side");
    }

    #[test]
    fn two_speakers_with_crosstalk_are_not_one_mix() {
        let agent = voice(1, 30, |second| second % 10 < 7);
        let customer = voice(2, 30, |second| second % 10 >= 7);
        for echo in [0.0, 0.05, 0.2, 0.5] {
            let left = mixed(&[(&agent, 1.0), (&customer, echo)], 0.0005, 6);
            let right = mixed(&[(&customer, 1.0), (&agent, echo)], 0.0005, 7);
            assert!(!is_dual_mono(&left, &right), "echo {echo}");
        }
    }

    #[test]
    fn a_mix_beside_one_side_alone_is_not_one_mix() {
        let agent = voice(1, 30, |second| second % 10 < 5);
        let customer = voice(2, 30, |second| second % 10 >= 5);
        let mix = mixed(&[(&agent, 1.0), (&customer, 1.0)], 0.0005, 8);
        assert!(!is_dual_mono(&mix, &customer));
    }

    #[test]
    fn echo_of_the_only_speaker_is_not_one_mix() {
        let agent = voice(1, 20, |second| second % 6 < 4);
        let echo = mixed(&[(&agent, 0.1)], 0.0002, 9);
        assert!(!is_dual_mono(&agent, &echo));
    }

    #[test]
    fn silence_is_not_one_mix() {
        assert!(!is_dual_mono(&[0.0; 80_000], &[0.0; 80_000]));
        assert!(!is_dual_mono(&[], &[]));
    }

    #[test]
    fn channels_are_chosen_in_the_order_given() {
        let chosen = |indexes: &[u16], num| {
            select(&indexes.iter().copied().map(ChannelIndex).collect::<Vec<_>>(), num)
        };
        assert_eq!(chosen(&[], 2).expect("two are fine"), vec![ChannelIndex(0), ChannelIndex(1)]);
        assert_eq!(chosen(&[5, 2], 6).expect("both are there"), vec![ChannelIndex(5), ChannelIndex(2)]);
        assert!(matches!(chosen(&[], 6), Err(AudioError::ChannelsRequired { num_channels: 6 })));
        assert!(matches!(chosen(&[1], 1), Err(AudioError::NoSuchChannel { .. })));
        assert!(matches!(chosen(&[1, 1], 2), Err(AudioError::NoSuchChannel { .. })));
        assert!(matches!(chosen(&[0, 1, 2], 6), Err(AudioError::TooManyChannels { .. })));
    }
}
