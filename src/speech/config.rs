//! What can be set about recognition, with the defaults that were measured best (docs/adr/003-recognizer.md).

use serde::{Deserialize, Serialize};
use whisper_rs::{get_lang_id, get_lang_str};

use super::SpeechError;
use crate::types::Millis;

/// Longest window that fits whisper's 30 s with a margin for the end of the text.
const LONGEST_WINDOW: Millis = Millis(28_000);
/// The most that whisper.cpp follows.
const MAX_BEAM: usize = 8;
const SHORTEST_WINDOW: Millis = Millis(2_000);

/// Settings of recognition.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SpeechConfig {
    /// Speech model by its name in the manifest.
    pub model: String,
    /// Spoken language as Whisper names it, for example `zh`.
    pub language: String,
    /// Recognisers that work side by side over one loaded model, of one thread each; 0: one for every core.
    pub num_recognizers: usize,
    /// Texts that are followed side by side until one turns out likeliest. 1 takes the likeliest word at every step;
    /// more read better and cost more.
    pub beam_size: usize,
    /// Computes with diting's own kernels where the processor has what they need; else, and where it has not, with
    /// ggml's. `diting models bench` tells what that is worth on a machine.
    pub use_kernels: bool,
    /// Text that shows the recogniser what to expect. Empty: none, which measured best (docs/performance.md).
    pub prompt: String,
    /// Words that are often said here (products, places, terms): put where their sounds are written with other
    /// characters of which the recogniser is not sure. At least two Chinese characters each.
    pub hot_words: Vec<String>,
    /// Longest stretch of audio recognised at once; speech is packed up to this. At most 28 s.
    pub max_window: Millis,
    /// When a stretch of audio counts as speech.
    pub vad: VadConfig,
    /// Runs on a GPU when the build has one (`cuda`).
    pub use_gpu: bool,
}

impl Default for SpeechConfig {
    fn default() -> Self {
        Self {
            model: "small".to_owned(),
            language: "zh".to_owned(),
            num_recognizers: 0,
            beam_size: 1,
            use_kernels: true,
            prompt: String::new(),
            hot_words: Vec::new(),
            max_window: Millis(28_000),
            vad: VadConfig::default(),
            use_gpu: cfg!(feature = "cuda"),
        }
    }
}

/// When a stretch of audio counts as speech.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct VadConfig {
    /// Speech begins at this probability.
    pub threshold: f32,
    /// Speech goes on down to this probability.
    pub release_threshold: f32,
    /// A pause of this length ends a stretch.
    pub min_silence: Millis,
    /// Stretches shorter than this are dropped.
    pub min_speech: Millis,
    /// Audio kept before and after each stretch.
    pub padding: Millis,
}

impl Default for VadConfig {
    fn default() -> Self {
        Self {
            threshold: 0.5,
            release_threshold: 0.35,
            min_silence: Millis(300),
            min_speech: Millis(200),
            padding: Millis(400),
        }
    }
}

impl SpeechConfig {
    /// Whether recognition can work with these settings.
    ///
    /// # Errors
    /// [`SpeechError::Config`] names the first setting that cannot work and what it may be.
    pub fn check(&self) -> Result<(), SpeechError> {
        if !(SHORTEST_WINDOW..=LONGEST_WINDOW).contains(&self.max_window) {
            let value = format!("{} ms", self.max_window.0);
            return Err(SpeechError::Config { setting: "max_window", value, allowed: "2000 to 28000 ms" });
        }
        if !(1..=MAX_BEAM).contains(&self.beam_size) {
            let value = self.beam_size.to_string();
            return Err(SpeechError::Config { setting: "beam_size", value, allowed: "1 to 8" });
        }
        let vad = &self.vad;
        if !(0.0..=1.0).contains(&vad.threshold) || !(0.0..=vad.threshold).contains(&vad.release_threshold) {
            let value = format!("{} / {}", vad.threshold, vad.release_threshold);
            let allowed = "0 <= vad.release_threshold <= vad.threshold <= 1";
            return Err(SpeechError::Config { setting: "vad.threshold", value, allowed });
        }
        self.language_code().map(|_| ())
    }

    /// The language as the recogniser spells it.
    pub(super) fn language_code(&self) -> Result<&'static str, SpeechError> {
        get_lang_id(&self.language).and_then(get_lang_str).ok_or_else(|| SpeechError::Config {
            setting: "language",
            value: self.language.clone(),
            allowed: "a language code that Whisper knows, for example `zh`",
        })
    }

    /// Recognisers on a machine of `num_cores`.
    #[must_use]
    pub fn workers(&self, num_cores: usize) -> usize {
        if self.num_recognizers == 0 { num_cores.max(1) } else { self.num_recognizers }
    }
}
