//! Runs one Whisper state over one window and gives its tokens with probability and time.

use std::ffi::c_int;
use std::ops::Range;

use diting_kernels::alignment::{self, AlignmentHead};
use whisper_rs::{FullParams, SamplingStrategy, WhisperContext, WhisperState};

use super::{SpeechConfig, SpeechError, heads};
use crate::audio::SAMPLE_RATE_HZ;

/// Samples per position of the encoder: 20 ms.
const SAMPLES_PER_POSITION: usize = SAMPLE_RATE_HZ as usize / 50;
/// Positions of a full window of 30 s.
const FULL_CONTEXT: usize = 1500;
/// Positions left empty after the audio. Without a margin the text ends in stray characters; far too short, it loops.
const CONTEXT_MARGIN: usize = 128;
/// Shorter contexts read badly however short the audio.
const MIN_CONTEXT: usize = 384;
/// whisper.cpp 1.8.3 reads beyond its buffer on less than this.
const MIN_SAMPLES: usize = SAMPLE_RATE_HZ as usize;
/// Nobody speaks faster: tokens per second of audio, and a few for punctuation.
const MAX_TOKENS_PER_SEC: usize = 10;
const SPARE_TOKENS: usize = 16;
/// Threads of one recogniser. ggml's spin while they wait: recognisers side by side do more than threads inside one.
const NUM_THREADS: usize = 1;

/// One text token of a window.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Token {
    /// Its number in the vocabulary.
    pub(super) id: i32,
    /// Its bytes; a Chinese character may be spread over several tokens.
    pub(super) bytes: Vec<u8>,
    /// Probability, 0 to 1.
    pub(super) probability: f32,
    /// Samples of the window in which it is said.
    pub(super) span: Range<usize>,
}

/// What came out of one window.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Decoded {
    pub(super) tokens: Vec<Token>,
    /// Mean natural logarithm of the tokens' probabilities, the end token included.
    pub(super) mean_log_probability: f32,
    /// Whether the text was cut off at the most tokens that speech of this length can hold.
    pub(super) is_cut_off: bool,
}

/// How to decode a window.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Attempt {
    /// Whether to show the prompt.
    pub(super) prompt: bool,
    /// 0 always takes the likeliest token.
    pub(super) temperature: f32,
}

impl Attempt {
    pub(super) const FIRST: Self = Self { prompt: true, temperature: 0.0 };
    /// Without the prompt, which a recogniser at a loss likes to repeat.
    pub(super) const AGAIN: Self = Self { prompt: false, temperature: 0.0 };
}

/// A Whisper state with its settings; belongs to one thread.
#[derive(Debug)]
pub(super) struct Decoder {
    state: WhisperState,
    end_of_text: i32,
    no_speech: i32,
    start: i32,
    /// Built once: whisper-rs leaks the texts set on every new one.
    with_prompt: FullParams<'static, 'static>,
    without_prompt: FullParams<'static, 'static>,
    /// Heads of the decoder that follow the audio; `None` where the library aligns.
    alignment: Option<Vec<AlignmentHead>>,
    /// What precedes a text: start, language, transcribe, no time stamps.
    task: [c_int; 4],
    num_outputs: usize,
}

impl Decoder {
    pub(super) fn new(
        context: &WhisperContext,
        config: &SpeechConfig,
        has_kernels: bool,
    ) -> Result<Self, SpeechError> {
        diting_kernels::use_on_this_thread(has_kernels);
        let state = context
            .create_state()
            .map_err(|source| SpeechError::Recognizer { step: "create state", source })?;
        let size = |number: c_int| usize::try_from(number).unwrap_or(0);
        let (num_layers, num_heads) = (context.model_n_text_layer(), context.model_n_text_head());
        let alignment = has_kernels.then(|| heads::of(&config.model, size(num_layers), size(num_heads)));
        Ok(Self {
            state,
            end_of_text: context.token_eot(),
            no_speech: context.token_nosp(),
            start: context.token_sot(),
            with_prompt: params(config, &config.prompt)?,
            without_prompt: params(config, "")?,
            alignment,
            task: [
                context.token_sot(),
                context.token_lang(whisper_rs::get_lang_id(config.language_code()?).unwrap_or(0)),
                context.token_transcribe(),
                context.token_not(),
            ],
            num_outputs: size(context.model_n_vocab()),
        })
    }

    /// Recognises `samples`, at most 30 s.
    pub(super) fn decode(&mut self, samples: &[f32], attempt: Attempt) -> Result<Decoded, SpeechError> {
        diting_kernels::use_on_this_thread(self.alignment.is_some());
        let padded = pad(samples);
        let max_tokens = samples.len() * MAX_TOKENS_PER_SEC / SAMPLE_RATE_HZ as usize + SPARE_TOKENS;
        let mut params = if attempt.prompt { self.with_prompt.clone() } else { self.without_prompt.clone() };
        params.set_audio_ctx(audio_context(padded.len()));
        params.set_max_tokens(max_tokens as c_int);
        params.set_temperature(attempt.temperature);
        self.state
            .full(params, &padded)
            .map_err(|source| SpeechError::Recognizer { step: "recognise", source })?;
        let mut decoded = self.collect(max_tokens);
        self.align(&mut decoded.tokens, samples.len())?;
        Ok(decoded)
    }

    /// The text as the library gives it; spans still empty where the library does not align.
    fn collect(&self, max_tokens: usize) -> Decoded {
        let mut tokens = Vec::new();
        let (mut log_sum, mut num_sampled, mut start) = (0.0, 0, 0);
        for segment in self.state.as_iter() {
            for index in 0..segment.n_tokens() {
                let Some(token) = segment.get_token(index) else { continue };
                let data = token.token_data();
                log_sum += data.plog;
                num_sampled += 1;
                if data.id >= self.end_of_text {
                    continue;
                }
                // The library's row of a token is the one that predicts the next: `t_dtw` is where the token ends.
                let end = usize::try_from(data.t_dtw).unwrap_or(0) * (SAMPLE_RATE_HZ as usize / 100);
                let bytes = token.to_bytes().map(<[u8]>::to_vec).unwrap_or_default();
                tokens.push(Token { id: data.id, bytes, probability: data.p, span: start..end.max(start) });
                start = end.max(start);
            }
        }
        let mean_log_probability = if num_sampled == 0 { 0.0 } else { log_sum / num_sampled as f32 };
        Decoded { mean_log_probability, is_cut_off: num_sampled > max_tokens, tokens }
    }

    /// Finds when each token is said: reads the text to the decoder once more, all at once, and follows its attention.
    fn align(&mut self, tokens: &mut [Token], num_samples: usize) -> Result<(), SpeechError> {
        let Some(heads) = &self.alignment else { return Ok(()) };
        if tokens.is_empty() {
            return Ok(());
        }
        let text = tokens.iter().map(|token| token.id);
        let read: Vec<c_int> = self.task.into_iter().chain(text).chain([self.end_of_text]).collect();
        alignment::record(heads, self.num_outputs);
        let done = self.state.decode(&read, 0, NUM_THREADS);
        let attention = alignment::take().unwrap_or_default();
        done.map_err(|source| SpeechError::Recognizer { step: "align", source })?;
        // The row of the last token of the task is where the first token of the text begins.
        let begins = attention.begins(self.task.len() - 1, num_samples.div_ceil(SAMPLES_PER_POSITION));
        for (index, token) in tokens.iter_mut().enumerate() {
            let at = |index: usize| begins.get(index).map_or(0, |begin| begin * SAMPLES_PER_POSITION);
            token.span = at(index)..at(index + 1).max(at(index));
        }
        Ok(())
    }

    /// The probability that `samples` hold no speech at all, by Whisper's own token for that. Costs an encoder pass.
    pub(super) fn no_speech_probability(&mut self, samples: &[f32]) -> Result<f32, SpeechError> {
        diting_kernels::use_on_this_thread(self.alignment.is_some());
        let failed = |step| move |source| SpeechError::Recognizer { step, source };
        self.state.pcm_to_mel(&pad(samples), NUM_THREADS).map_err(failed("mel"))?;
        self.state.encode(0, NUM_THREADS).map_err(failed("encode"))?;
        self.state.decode(&[self.start], 0, NUM_THREADS).map_err(failed("decode"))?;
        let logits = self.state.get_logits().map_err(failed("logits"))?;
        let highest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let total: f32 = logits.iter().map(|logit| (logit - highest).exp()).sum();
        let no_speech = usize::try_from(self.no_speech).ok().and_then(|index| logits.get(index));
        Ok(no_speech.map_or(0.0, |logit| (logit - highest).exp() / total))
    }
}

/// A probability that none exceeds.
const NEVER: f32 = 2.0;

/// Settings that every window shares.
fn params(config: &SpeechConfig, prompt: &str) -> Result<FullParams<'static, 'static>, SpeechError> {
    let beam_size = c_int::try_from(config.beam_size).unwrap_or(1);
    let mut params = FullParams::new(match beam_size {
        1 => SamplingStrategy::Greedy { best_of: 1 },
        _ => SamplingStrategy::BeamSearch { beam_size, patience: -1.0 },
    });
    params.set_n_threads(NUM_THREADS as c_int);
    params.set_language(Some(config.language_code()?));
    if !prompt.is_empty() {
        params.set_initial_prompt(prompt);
    }
    params.set_no_context(true);
    params.set_no_timestamps(true);
    params.set_single_segment(true);
    // Fallback is decided by `gate`, on evidence, and stays deterministic.
    params.set_temperature_inc(0.0);
    // The library takes this probability from a row of logits that the prompt does not fill: what an earlier window left
    // there would decide whether this one has a text. `no_speech_probability` asks properly.
    params.set_no_speech_thold(NEVER);
    params.set_suppress_nst(false);
    params.set_print_progress(false);
    params.set_print_timestamps(false);
    params.set_print_realtime(false);
    params.set_print_special(false);
    Ok(params)
}

fn pad(samples: &[f32]) -> Vec<f32> {
    let mut padded = samples.to_vec();
    padded.resize(samples.len().max(MIN_SAMPLES), 0.0);
    padded
}

/// Encoder positions for `num_samples`: what they fill, rounded up, and the margin.
fn audio_context(num_samples: usize) -> c_int {
    let filled = num_samples.div_ceil(SAMPLES_PER_POSITION).next_multiple_of(64);
    (filled + CONTEXT_MARGIN).clamp(MIN_CONTEXT, FULL_CONTEXT) as c_int
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_context_always_covers_the_audio() {
        assert_eq!(audio_context(1), 384);
        assert_eq!(audio_context(20 * 16_000), 1024 + 128);
        assert_eq!(audio_context(30 * 16_000), 1500);
        for seconds in 1..=30 {
            let num_samples = seconds * 16_000;
            assert!(audio_context(num_samples) as usize * SAMPLES_PER_POSITION >= num_samples);
        }
    }
}
