//! What recognition costs on this machine: the encoder over one window and the decoder for one token, with our kernels
//! and with ggml's, on one core and on all at once.

use std::path::Path;
use std::time::{Duration, Instant};

use whisper_rs::{WhisperContext, WhisperContextParameters, WhisperState, install_logging_hooks};

use super::SpeechError;
use crate::audio::SAMPLE_RATE_HZ;

/// Seconds of audio in the window that is encoded; the context is whole, as for the longest windows.
const WINDOW_SECS: usize = 28;
/// Tokens decoded in a row, each after all before it.
const NUM_TOKENS: usize = 24;
/// Rounds of which the median is told.
const NUM_ROUNDS: usize = 5;
/// Tokens that a second of telephone speech becomes.
const TOKENS_PER_SEC: f64 = 4.5;

/// What one way of computing takes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BenchResult {
    /// Whether our kernels computed, else ggml's.
    pub kernels: bool,
    /// Recognisers at work at the same time, of one thread each.
    pub num_recognizers: usize,
    /// The encoder over a window of 30 s, each recogniser.
    pub encode: Duration,
    /// The decoder for one token, each recogniser.
    pub token: Duration,
}

impl BenchResult {
    /// Processor seconds for an hour of speech, packed into full windows and decoded word by word.
    #[must_use]
    pub fn secs_per_speech_hour(&self) -> f64 {
        let windows = 3600.0 / WINDOW_SECS as f64;
        windows * self.encode.as_secs_f64() + 3600.0 * TOKENS_PER_SEC * self.token.as_secs_f64()
    }

    /// Hours of speech that all recognisers together get through in an hour.
    #[must_use]
    pub fn hours_per_hour(&self) -> f64 {
        3600.0 / self.secs_per_speech_hour() * self.num_recognizers as f64
    }
}

/// Measures the Whisper model at `model` on one core and on `num_cores` at once, with ggml's kernels and, where the
/// processor has what they need, with ours. Takes turns, so that a machine that is busy for a while is busy for all.
///
/// # Errors
/// [`SpeechError::LoadModel`], or what the recogniser fails with.
pub fn bench_model(model: &Path, num_cores: usize) -> Result<Vec<BenchResult>, SpeechError> {
    install_logging_hooks();
    let mut parameters = WhisperContextParameters::new();
    parameters.use_gpu(false);
    parameters.flash_attn(false);
    let context = WhisperContext::new_with_params(model, parameters)
        .map_err(|_| SpeechError::LoadModel { path: model.to_owned() })?;
    let mut ways = vec![false];
    ways.extend(diting_kernels::is_supported().then_some(true));
    let mut sizes = vec![1];
    sizes.extend((num_cores > 1).then_some(num_cores));
    let ways: Vec<(bool, usize)> =
        sizes.iter().flat_map(|size| ways.iter().map(|kernels| (*kernels, *size))).collect();

    let mut rounds: Vec<Vec<(Duration, Duration)>> = vec![Vec::new(); ways.len()];
    for _ in 0..NUM_ROUNDS {
        for ((kernels, num_recognizers), times) in ways.iter().zip(&mut rounds) {
            times.push(together(&context, *kernels, *num_recognizers)?);
        }
    }
    let results = ways.into_iter().zip(rounds).map(|((kernels, num_recognizers), times)| {
        let (encode, token) = times.into_iter().unzip();
        BenchResult { kernels, num_recognizers, encode: median(encode), token: median(token) }
    });
    Ok(results.collect())
}

/// Mean times of `count` recognisers that work at the same time.
fn together(
    context: &WhisperContext,
    kernels: bool,
    count: usize,
) -> Result<(Duration, Duration), SpeechError> {
    diting_kernels::use_on_this_thread(kernels);
    let states: Result<Vec<_>, _> = (0..count).map(|_| context.create_state()).collect();
    let states = states.map_err(|source| SpeechError::Recognizer { step: "create state", source })?;
    let start = context.token_sot();
    let times: Result<Vec<_>, SpeechError> = std::thread::scope(|scope| {
        let run = |state| scope.spawn(move || once(state, kernels, start));
        let running: Vec<_> = states.into_iter().map(run).collect();
        running.into_iter().map(|thread| thread.join().unwrap_or(Err(SpeechError::Panicked))).collect()
    });
    let times = times?;
    let mean =
        |of: fn(&(Duration, Duration)) -> Duration| times.iter().map(of).sum::<Duration>() / count as u32;
    Ok((mean(|time| time.0), mean(|time| time.1)))
}

/// One window and its tokens. What they say does not matter: the work is the same for all audio.
fn once(mut state: WhisperState, kernels: bool, start: i32) -> Result<(Duration, Duration), SpeechError> {
    diting_kernels::use_on_this_thread(kernels);
    let failed = |step| move |source| SpeechError::Recognizer { step, source };
    let mut noise = 1_u32;
    let mut sample = || {
        noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (f32::from((noise >> 16) as u16) / 32_768.0 - 1.0) * 0.1
    };
    let window: Vec<f32> = (0..WINDOW_SECS * SAMPLE_RATE_HZ as usize).map(|_| sample()).collect();
    state.pcm_to_mel(&window, 1).map_err(failed("mel"))?;
    // The first pass finds nothing in the caches and packs weights: it is not measured.
    state.encode(0, 1).map_err(failed("encode"))?;
    state.decode(&[start], 0, 1).map_err(failed("decode"))?;
    let began = Instant::now();
    state.encode(0, 1).map_err(failed("encode"))?;
    let encode = began.elapsed();
    let began = Instant::now();
    for index in 0..NUM_TOKENS {
        state.decode(&[start], index, 1).map_err(failed("decode"))?;
    }
    Ok((encode, began.elapsed() / NUM_TOKENS as u32))
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_hour_of_speech_is_its_windows_and_its_tokens() {
        let result = BenchResult {
            kernels: true,
            num_recognizers: 2,
            encode: Duration::from_millis(280),
            token: Duration::from_millis(2),
        };
        assert!((result.secs_per_speech_hour() - (36.0 + 32.4)).abs() < 1e-9);
        assert!((result.hours_per_hour() - 7200.0 / 68.4).abs() < 1e-9);
    }
}
